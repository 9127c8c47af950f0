"""A server that gives the answers it was told to, one a request, and writes down what it was asked."""

from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Answer:
    content: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]


class Scripted:
    """Gives `answers` in turn, and the last of them for ever; `asked` holds what came."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG002
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.asked.append(Asked(scope["method"], scope["path"], scope["query_string"].decode(), headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = answer.content if isinstance(answer.content, bytes) else orjson.dumps(answer.content)
        said = {"content-type": "application/json", "content-length": str(len(body)), **answer.headers}
        start = [(name.encode(), value.encode()) for name, value in said.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": start})
        await send({"type": "http.response.body", "body": body})
