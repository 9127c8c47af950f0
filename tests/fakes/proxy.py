"""A real server seen through an ASGI application, so that `Faults` can spoil its answers and a sync can be killed mid-page."""

import os
import signal
from collections.abc import Callable
from typing import Any

import requests
from anyio.to_thread import run_sync

# Of one connection, not of the answer.
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length", "date", "server"}


class Proxy:
    """Passes every call on to a server.

    Args:
        target: the server's address, without a slash at its end.
        rewrite: whether links to the server in its answers are made links to this application; the client stays on one host.

    `calls` counts the calls; `kill` (process id, n) ends a process when half of the nth answer was sent.
    """

    def __init__(self, target: str, rewrite: bool = True) -> None:
        self.target = target
        self.rewrite = rewrite
        self.calls: list[str] = []
        self.kill: tuple[Callable[[], int], int] | None = None
        self.session = requests.Session()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        path = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        sent = {key.decode(): value.decode("latin-1") for key, value in scope["headers"]}
        host = sent.pop("host")
        sent.pop("accept-encoding", None)
        self.calls.append(f"{scope['method']} {path}")
        answer = await run_sync(
            lambda: self.session.request(scope["method"], self.target + path, headers=sent, data=body, allow_redirects=False, timeout=60)
        )
        content, headers = answer.content, [(key, value) for key, value in answer.headers.items() if key.lower() not in HOP_HEADERS]
        if self.rewrite:
            content = content.replace(self.target.encode(), f"http://{host}".encode())
            headers = [(key, value.replace(self.target, f"http://{host}")) for key, value in headers]
        raw = [(key.lower().encode(), value.encode("latin-1")) for key, value in headers]
        raw.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
        if self.kill is not None and len(self.calls) >= self.kill[1]:
            await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
            os.kill(self.kill[0](), signal.SIGKILL)
            self.kill = None
            raise ConnectionError("the client is gone")
        await send({"type": "http.response.body", "body": content})
