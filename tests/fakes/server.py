"""An ASGI application on a free port of this machine, in a thread of the test."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Any) -> Generator[str]:
    """Serve an application; gives its base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        # Fakes may tell a time of their own.
        quiet: dict[str, Any] = {"log_level": "critical", "access_log": False, "date_header": False}
        config = uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=1, **quiet)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(timeout=5)
