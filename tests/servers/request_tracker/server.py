"""Start Request Tracker, and what happens in it: mails of customers, and what agents do through REST 2."""

import base64
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests

from tests.servers.process import free_port, installed, is_listening, running

HERE = Path(__file__).resolve().parent
RT_SERVER = "/usr/share/request-tracker5/libexec/rt-server"


@dataclass
class RequestTracker:
    """A running RT; `token` is its reader's."""

    url: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, user: str = "ann", **body: Any) -> Any:
        """The answer to a call of REST 2 by an agent or `root`."""
        password = "password" if user == "root" else f"{user}-password"
        done = self.session.request(method, f"{self.url}REST/2.0/{path}", auth=(user, password), json=body or None, timeout=120)
        assert done.ok, f"{method} {path}: {done.status_code} {done.text}"
        return done.json() if done.content else None

    def queue(self, name: str) -> str:
        return self.call("POST", "queue", Name=name)["id"]

    def mail(self, sender: str, subject: str, text: str, queue: str = "Support", html: str | None = None, file: bytes | None = None) -> str:
        """A customer's mail through RT's gateway: a new ticket, or a reply where the subject names one. Gives the newest ticket's id."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = f"{sender.title()} <{sender}@example.com>", "support@acme.example", subject
        message.set_content(text)
        if html is not None:
            message.add_alternative(html, subtype="html")
        if file is not None:
            message.add_attachment(file, maintype="application", subtype="octet-stream", filename="big.bin")
        data = {"SessionType": "REST", "queue": queue, "action": "correspond", "message": message.as_bytes()}
        done = self.session.post(f"{self.url}REST/1.0/NoAuth/mail-gateway", data=data, timeout=120)
        assert done.text.startswith("ok"), done.text
        return self.call("GET", "tickets?query=id>0&orderby=id&order=DESC&per_page=1")["items"][0]["id"]

    def open(self, user: str, subject: str, text: str, requestor: str, queue: str = "Support") -> str:
        """A ticket that an agent opens."""
        return self.call("POST", "ticket", user, Queue=queue, Subject=subject, Content=text, ContentType="text/plain", Requestor=requestor)[
            "id"
        ]

    def say(self, ticket: str, user: str, text: str, kind: str = "correspond", type_: str = "text/plain", file: str | None = None) -> None:
        """An agent's reply (`correspond`) or note (`comment`), with a text file of that content where one is given."""
        content = base64.b64encode(file.encode()).decode() if file else ""
        files = {"Attachments": [{"FileName": "log.txt", "FileType": "text/plain", "FileContent": content}]} if file else {}
        self.call("POST", f"ticket/{ticket}/{kind}", user, Content=text, ContentType=type_, **files)

    def change(self, ticket: str, user: str, **fields: Any) -> None:
        """Set fields of a ticket; RT says in words whether it did."""
        said = self.call("PUT", f"ticket/{ticket}", user, **fields)
        assert said, f"nothing of {fields} was changed in ticket {ticket}"
        assert not any("not" in each or "denied" in each.lower() for each in said), said

    def user(self, name: str, **fields: Any) -> None:
        self.call("PUT", f"user/{name}", "root", **fields)

    def user_id(self, name: str) -> str:
        found = self.session.get(f"{self.url}REST/2.0/user/{name}", auth=("root", "password"), timeout=120).json()
        return str(found["id"])


@contextmanager
def serve(folder: Path) -> Generator[RequestTracker]:
    """RT on a copy of the installed database in an empty folder, for the length of the block."""
    shutil.copytree(installed("request_tracker") / "template", folder, dirs_exist_ok=True)
    for name in ("mason", "sessions"):
        (folder / name).mkdir()
    port = free_port()
    env = {
        **os.environ,
        "RT_SITE_CONFIG": str(HERE / "RT_SiteConfig.pm"),
        "RT_SITE_CONFIG_DIR": str(folder / "config.d"),
        "RT_TEST_FOLDER": str(folder),
        "RT_TEST_PORT": str(port),
    }
    command = [RT_SERVER, "--server", "Starman", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    with running(command, folder / "rt.log", lambda: is_listening(port), env, cwd=folder):
        yield RequestTracker(f"http://127.0.0.1:{port}/", (folder / "token").read_text())
