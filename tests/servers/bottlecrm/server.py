"""BottleCRM with a PostgreSQL and a Redis of its own, and a client that seeds it through its API."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.servers.process import free_port, installed, is_listening, running

ADMIN = "admin@acme.example"
# PostgreSQL refuses to run as root.
POSTGRES_USER = "postgres"
SECONDS = 120.0


@dataclass
class BottleCrm:
    """A running BottleCRM with one organisation, spoken to as its administrator.

    Args:
        url: of the server, without a slash at its end.
        session: signed in.
    """

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **params: Any) -> Any:
        """The parsed answer to a call of the API.

        Raises:
            RuntimeError: the server refuses; holds what it says.
        """
        answer = self.session.request(method, f"{self.url}/api/{path}", json=body, params=params, timeout=SECONDS)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def sign_in(self, access: str) -> None:
        self.session.headers["Authorization"] = f"Bearer {access}"

    def organisation(self, name: str) -> None:
        """Make an organisation and work in it from now on."""
        made = self.call("POST", "org/", {"name": name})["org"]
        self.sign_in(self.call("POST", "auth/switch-org/", {"org_id": made["id"]})["access_token"])

    def user(self, email: str) -> str:
        """A member of the organisation; the id by which records name it."""
        self.call("POST", "users/", {"email": email, "role": "USER"})
        users = self.call("GET", "users/", limit=1000)["active_users"]["active_users"]
        return next(user["id"] for user in users if user["user_details"]["email"] == email)

    def make(self, kind: str, **said: Any) -> str:
        """A record of `accounts`, `contacts` or `opportunities`; its id."""
        return self.call("POST", f"{kind}/", said)["id"]

    def edit(self, kind: str, record: str, **said: Any) -> None:
        self.call("PATCH", f"{kind}/{record}/", said)

    def delete(self, kind: str, record: str) -> None:
        self.call("DELETE", f"{kind}/{record}/")

    def text_field(self, key: str) -> None:
        """A field of the organisation's own for contacts."""
        said = {"target_model": "Contact", "key": key, "label": key.title(), "field_type": "text"}
        self.call("POST", "custom-fields/", said)

    def invoice(self, account: str, contact: str, total: str, currency: str) -> str:
        said = {
            "invoice_title": "Boxes", "account_id": account, "contact_id": contact, "currency": currency, "client_name": "Client",
            "client_email": "client@example.com", "line_items": [{"name": "Box", "quantity": "1", "unit_price": total}],
        }  # fmt: skip
        return self.call("POST", "invoices/", said)["invoice"]["id"]

    def pay(self, invoice: str, amount: str, day: str) -> str:
        said = {"amount": amount, "payment_date": day, "payment_method": "CASH"}
        return self.call("POST", f"invoices/{invoice}/payments/", said)["payment"]["id"]

    def token(self, scopes: Sequence[str]) -> str:
        """A personal access token of the administrator's."""
        return self.call("POST", "profile/tokens/", {"name": "twoway", "scopes": list(scopes)})["token"]


@contextmanager
def bottlecrm_server(folder: Path) -> Generator[BottleCrm]:
    """BottleCRM on a free port for the length of the block, with an organisation without records.

    Args:
        folder: empty, for logs and what the server writes beside its database.

    Raises:
        RuntimeError: it is not installed, or does not start; holds the end of its log.
    """
    home = installed("bottlecrm")
    with ExitStack() as stack:
        # Below the folder neither PostgreSQL's user nor the length of a socket's path would fit.
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bottlecrm.")))
        stack.enter_context(_postgres(home, data, folder / "postgres.log"))
        redis = stack.enter_context(_redis(folder))
        environment = {
            "DBHOST": str(data), "DBUSER": "postgres", "DBNAME": "crm_db", "CELERY_BROKER_URL": redis, "CELERY_RESULT_BACKEND": redis,
            "ENV_TYPE": "dev", "SECRET_KEY": "of-a-server-that-lives-for-the-length-of-a-test",
            "DJANGO_SETTINGS_MODULE": "crm.settings", "PYTHONPATH": "",
        }  # fmt: skip
        port = free_port()
        command = [
            home / "venv" / "bin" / "python", "-m", "gunicorn", "crm.wsgi:application", "--bind", f"127.0.0.1:{port}", "--threads", "4",
            "--timeout", "180", "--graceful-timeout", "1", "--no-control-socket",
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        login = _sign_in(home, environment, folder)
        stack.callback(login.kill)
        ready = lambda: requests.get(f"{url}/healthz/", timeout=SECONDS).ok  # noqa: E731
        stack.enter_context(running(command, folder / "bottlecrm.log", ready, environment, folder))
        server = BottleCrm(url)
        server.sign_in(_access_token(login))
        server.organisation("Acme")
        yield server


@contextmanager
def _postgres(home: Path, data: Path, log: Path) -> Generator[None]:
    """PostgreSQL over a copy of the installed cluster; its socket lies in `data`."""
    shutil.copytree(home / "cluster", data / "cluster")
    (data / "cluster").chmod(0o700)
    become: list[str] = []
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{POSTGRES_USER}:", str(data)], check=True)
        become = ["setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--clear-groups"]
    settings = {"listen_addresses": "", "unix_socket_directories": str(data), "fsync": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*become, home / "postgres" / "postgres", "-D", data / "cluster", *options]
    is_ready = lambda: subprocess.run([home / "postgres" / "pg_isready", "-q", "-U", "postgres", "-h", data], check=False).returncode == 0  # noqa: E731
    with running(command, log, is_ready):
        yield


@contextmanager
def _redis(folder: Path) -> Generator[str]:
    """Redis on a free port; gives its address. Tasks are queued there, and nobody works them off."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder]
    with running(command, folder / "redis.log", lambda: is_listening(port)):
        yield f"redis://127.0.0.1:{port}/0"


def _sign_in(home: Path, environment: dict[str, str], folder: Path) -> "subprocess.Popen[str]":
    """The server's own command for developers, which makes a user and signs it in."""
    command = [home / "venv" / "bin" / "python", "-m", "django", "devlogin", ADMIN, "--create"]
    said = subprocess.PIPE
    return subprocess.Popen(
        command, env={**os.environ, **environment, "DEBUG": "true"}, cwd=folder, stdout=said, stderr=subprocess.STDOUT, text=True
    )


def _access_token(login: "subprocess.Popen[str]") -> str:
    said, _ = login.communicate(timeout=SECONDS)
    found = re.search(r"^access_token:\s+(\S+)$", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"devlogin gave no token: {said[-2000:]}")
    return found[1]
