"""Bluesky: posts, follows and profiles of the accounts on one AT Protocol server (PDS), the brand's among them.

Facts from the protocol's public documentation and its reference server: reading public records needs no login; a list goes by
record key, which for posts is a TID: microseconds since 1970 and a clock's number. `createdAt` is what the author's program says
and can lie years off. An edit keeps the key; a deletion leaves nothing behind but the account's new revision, so that an account
whose revision moved is listed whole. Handles change, DIDs stay. Records are written by anyone's program: nothing in them is sure
to be there, or of a type.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field as Setting
from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, System, SystemSettings
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.http import Api, Dialect, limit_of_headers
from pipelines.sources.kit.people import People

POSTS, FOLLOWS, PROFILES = "app.bsky.feed.post", "app.bsky.graph.follow", "app.bsky.actor.profile"
ACTOR = r"^(did:[a-z]+:[A-Za-z0-9._:%-]+|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$"
Actor = Annotated[str, Setting(pattern=ACTOR)]
NOT_THERE = 400
LIST_REPOS, REPO_STATUS = "xrpc/com.atproto.sync.listRepos", "xrpc/com.atproto.sync.getRepoStatus"
LIST_RECORDS, DESCRIBE_REPO = "xrpc/com.atproto.repo.listRecords", "xrpc/com.atproto.repo.describeRepo"
_STALE = "answers beside the question again and again. Try later, or tell the server's admin."
# A server that answers beside the question this many times in a row is broken, or a cache before it is.
MOST_STALE_ANSWERS = 8
Kept = Callable[[Record, frozenset[str]], bool]
TID_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
TID_LENGTH = 13
TID_CLOCK_BITS = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BlueskySettings(SystemSettings):
    """`[[systems]]` with `system = "bluesky"`. `base_url` is the server (PDS) that holds the accounts.

    Args:
        brand_accounts: through which the brand speaks, by DID or handle; a DID stays when the handle changes.
        brand_id: the brand that they speak for; one brand where none is named.
        accounts: whose posts are read besides, by DID or handle; every account of the server where None.
        page_size: records asked for at a time.
    """

    brand_accounts: Annotated[list[Actor], Setting(min_length=1)]
    brand_id: str | None = None
    accounts: list[Actor] | None = None
    page_size: Annotated[int, Setting(ge=2, le=100)] = 100


def connect(settings: BlueskySettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API. What is read is public: there is no token."""
    del secrets
    limit = limit_of_headers("RateLimit-Remaining", "RateLimit-Reset", lambda text: int(text) - time.time())
    return Api(settings.id, settings.base_url, dialect=Dialect(rate_limit=limit))


def probe(api: Api, settings: BlueskySettings) -> str:
    """Whether every account named is there, and how many are read."""
    brands = [_named(api, actor, "brand_accounts")["handle"] for actor in settings.brand_accounts]
    for actor in settings.accounts or []:
        _named(api, actor, "accounts")
    n_read = sum(1 for _ in _repos(api, settings))
    return f"{n_read:,} accounts read, {', '.join(brands)} the brand's"


def _accounts(pull: Pull) -> Iterator[Page]:
    """Active accounts with their handles. One that was deactivated, taken down or deleted is not listed, and so counts as gone."""
    brands = _brands(pull)
    handles = {row["did"]: row["handle"] for row in pull.known("accounts")}
    for did in _repos(pull.api, pull.settings):
        is_brand = did in brands
        found = _described(pull.api, did)
        # Where the server can't look up the DID now, the handle last known stays, or the protocol's own word for none.
        handle = found["handle"] if found else handles.get(did, "handle.invalid")
        yield Page([{"did": did, "handle": handle, "is_brand": is_brand, "brand_id": pull.settings.brand_id if is_brand else None}])


def _collection(table: str, collection: str, is_kept: Kept | None = None) -> Callable[[Pull], Iterator[Page]]:
    """Pull a collection of every account whose revision moved, whole, in the order of its keys.

    The cursor holds the revision at which each account was read and from which key on, and how far the one being read is.
    """

    def pages(pull: Pull) -> Iterator[Page]:
        start = _start(pull, collection)
        cursor = pull.cursor or {}
        # What was read from a later start on does not hold what lies before.
        cursor = cursor if (cursor.get("start") or "") <= (start or "") else {}
        repos = _repos(pull.api, pull.settings)
        brands = _brands(pull) if is_kept else frozenset()
        # Of an account that comes back, all is read again.
        revs = {did: rev for did, rev in cursor.get("revs", {}).items() if did in repos}
        begun = cursor.get("begun") or {}
        # Longest unread first: an account that changes all the time keeps no other one waiting.
        for did in sorted(repos, key=lambda did: (did != begun.get("did"), revs.get(did, ""), did)):
            rev = repos[did]
            if revs.get(did) == rev:
                continue
            # An account that changed since it was begun is read to its end at its old revision, and so again next time.
            at = begun if begun.get("did") == did else {"did": did, "rev": rev, "after": start}
            for records, after, gone in _Listing(pull, table, did, collection, at["after"]).pages():
                kept = [each for each in records if is_kept is None or is_kept(each, brands)]
                resume = {"start": start, "revs": revs, "begun": {**at, "after": after}}
                yield Page(kept, resume, [{"did": did, "rkey": key} for key in gone])
            revs = {**revs, did: at["rev"]}
            yield Page([], {"start": start, "revs": revs})

    return pages


@dataclass
class _Listing:
    """The records of one account in one collection, in the order of their keys.

    Every answer must hold what is known to stand in its stretch of keys, the last record read among it. So an answer to another
    question, or none, is told from an end or a deletion: what an answer lacks is asked for again, and gone if it lacks twice.
    """

    pull: Pull
    table: str
    did: str
    collection: str
    after: str | None

    def pages(self) -> Iterator[tuple[list[Record], str | None, list[str]]]:
        """New records, the key to go on after, and known keys that are gone."""
        known = {key["rkey"] for key in self.pull.known_keys(self.table, {"did": self.did})}
        known = {key for key in known if self.after is None or key > self.after}
        last: str | None = None
        while True:
            found, gone = self._answer(known, last)
            beyond = [key for key in found if last is None or key > last]
            known -= {*found, *gone}
            if not beyond:
                yield [], self.after, gone
                return
            last = beyond[-1]
            self.after = beyond[-2] if len(beyond) > 1 else self.after
            known.add(last)
            yield [found[key] for key in beyond], self.after, gone

    def _answer(self, known: set[str], last: str | None) -> tuple[dict[str, Record], list[str]]:
        """Records by key, and known keys that two answers lack."""
        first = self._ask()
        if first and not _lacking(first, known, last):
            return first, []
        answers = [self._ask(), first]
        answers.sort(key=lambda found: (len(_lacking(found, known, last)), -len(found)))
        best, other = answers
        return best, [key for key in _lacking(best, known, last) if key not in other]

    def _ask(self) -> dict[str, Record]:
        """Records by key; an answer that tells of another account, collection or stretch is refused."""
        asked = {"repo": self.did, "collection": self.collection, "limit": self.pull.settings.page_size, "reverse": "true"}
        prefix = f"at://{self.did}/{self.collection}/"
        for _ in range(MOST_STALE_ANSWERS):
            records = _list_of(self.pull.api, LIST_RECORDS, "records", {**asked, "cursor": self.after})
            found = {str(each.get("uri")).removeprefix(prefix): each for each in records}
            if all(str(each.get("uri")).startswith(prefix) for each in records) and all(key > (self.after or "") for key in found):
                return {key: self._record(key, found[key]) for key in sorted(found)}
        raise ApiError(self.pull.api.source_id, LIST_RECORDS, _STALE)

    def _record(self, key: str, record: Record) -> Record:
        value = record.get("value")
        value = value if isinstance(value, dict) else {}
        published_at = _instant_of(key) or _instant(value.get("createdAt"))
        return {"did": self.did, "rkey": key, "cid": record.get("cid"), "value": value, "published_at": published_at}


def _lacking(found: dict[str, Record], known: set[str], last: str | None) -> list[str]:
    """Known keys that an answer passes over; one with nothing beyond the last record read is the end, and passes over all after."""
    newest = max(found, default="")
    is_end = not found or (last is not None and newest <= last)
    return sorted(key for key in known if key not in found and (is_end or key < newest))


def _repos(api: Api, settings: BlueskySettings) -> dict[str, str]:
    """Revision by DID of the active accounts that are read."""
    if settings.accounts is None:
        return _every_repo(api, settings)
    found = {}
    for actor in dict.fromkeys([*settings.brand_accounts, *settings.accounts]):
        did = _did(api, actor)
        status = _answer_about(api, REPO_STATUS, {"did": did}, did) if did else None
        if status and status.get("active") and status.get("rev"):
            found[status["did"]] = status["rev"]
    return found


def _every_repo(api: Api, settings: BlueskySettings) -> dict[str, str]:
    """As the server lists them. Its end is believed when it was said twice in a row: an account that is not listed is gone."""
    found: dict[str, str] = {}
    cursor, n_ends, asked = None, 0, dict[str, int]()
    while n_ends < 2:
        said = api.get(LIST_REPOS, {"limit": settings.page_size, "cursor": cursor})
        for repo in _checked_list(api, LIST_REPOS, "repos", said):
            if not (isinstance(repo.get("did"), str) and isinstance(repo.get("rev"), str)):
                raise DriftError(api.source_id, LIST_REPOS, "lists an account without did or rev. Update Twoway, or report it.")
            # Only newer servers say whether an account is active.
            if repo.get("active", True):
                found[repo["did"]] = repo["rev"]
        n_ends = 0 if said.get("cursor") else n_ends + 1
        cursor = said.get("cursor") or cursor
        asked[str(cursor)] = asked.get(str(cursor), 0) + 1
        if asked[str(cursor)] > MOST_STALE_ANSWERS:
            raise ApiError(api.source_id, LIST_REPOS, _STALE)
    return found


def _brands(pull: Pull) -> frozenset[str]:
    """DIDs of the brand's accounts."""
    dids = [
        actor if actor.startswith("did:") else _named(pull.api, actor, "brand_accounts")["did"] for actor in pull.settings.brand_accounts
    ]
    return frozenset(dids)


def _named(api: Api, actor: str, setting: str) -> Record:
    """An account that a setting names.

    Raises:
        ApiError: it is not there; names the setting.
    """
    found = _described(api, actor)
    if found is None:
        what = (
            f"names {actor}, which base_url does not hold, or no longer under this name. Name the account by its DID, which stays, "
            "and give the address of the server that holds it."
        )
        raise ApiError(api.source_id, setting, what)
    return found


def _did(api: Api, actor: str) -> str | None:
    if actor.startswith("did:"):
        return actor
    found = _described(api, actor)
    return found["did"] if found else None


def _described(api: Api, actor: str) -> Record | None:
    """DID and handle of an account; None where the server does not hold it, or can't look it up."""
    return _answer_about(api, DESCRIBE_REPO, {"repo": actor}, actor)


def _answer_about(api: Api, path: str, params: dict[str, str], actor: str) -> Record | None:
    for _ in range(MOST_STALE_ANSWERS):
        try:
            said = api.get(path, params)
        except ApiError as error:
            if error.status != NOT_THERE:
                raise
            return None
        if isinstance(said, dict) and actor.lower() in (str(said.get("did")).lower(), str(said.get("handle")).lower()):
            return said
    raise ApiError(api.source_id, path, _STALE)


def _list_of(api: Api, path: str, name: str, params: dict[str, Any]) -> list[Record]:
    return _checked_list(api, path, name, api.get(path, params))


def _checked_list(api: Api, path: str, name: str, said: Any) -> list[Record]:
    records = said.get(name) if isinstance(said, dict) else None
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise DriftError(api.source_id, path, f"answers without {name}, where its records should be. Try later; what was landed stays.")
    return records


def _start(pull: Pull, collection: str) -> str | None:
    """The key to begin after: only posts are cut by time, since older follows and profiles still hold."""
    since = pull.settings.backfill_from
    return _tid(since) if since is not None and collection == POSTS else None


def _tid(at: datetime) -> str:
    """The last TID before an instant: lists go on after it."""
    number = max(((at - EPOCH) // timedelta(microseconds=1) << TID_CLOCK_BITS) - 1, 0)
    digits = [TID_DIGITS[(number >> 5 * place) & 31] for place in range(TID_LENGTH)]
    return "".join(reversed(digits))


def _instant_of(key: str) -> str | None:
    """When a record was written, by its key; None where the key is no TID."""
    if len(key) != TID_LENGTH or not set(key) <= set(TID_DIGITS) or key[0] > "j":
        return None
    number = 0
    for digit in key:
        number = number << 5 | TID_DIGITS.index(digit)
    return (EPOCH + timedelta(microseconds=number >> TID_CLOCK_BITS)).isoformat()


def _instant(text: Any) -> str | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found.isoformat() if found.tzinfo else None


def _follows_brand(record: Record, brands: frozenset[str]) -> bool:
    subject = record["value"].get("subject")
    return isinstance(subject, str) and subject in brands


RECORD = (
    Field("did", is_required=True), Field("rkey", is_required=True), Field("cid"), Field("published_at", "timestamp"),
    Field("value", "json"),
)  # fmt: skip
ACCOUNTS = Endpoint(
    "accounts",
    ("did",),
    (Field("did", is_required=True), Field("handle", is_required=True), Field("is_brand", "boolean"), Field("brand_id")),
    _accounts,
    lists_all=True,
    people=People(owners=("did",), identifiers={"handle": "handle"}, staff="is_brand"),
)
OF_AN_ACCOUNT = People(owners=("did",))

BLUESKY = System(
    name="bluesky",
    title="Bluesky",
    family="social",
    settings=BlueskySettings,
    endpoints=(
        ACCOUNTS,
        Endpoint("profiles", ("did", "rkey"), RECORD, _collection("profiles", PROFILES), people=OF_AN_ACCOUNT),
        Endpoint("follows", ("did", "rkey"), RECORD, _collection("follows", FOLLOWS, _follows_brand), people=OF_AN_ACCOUNT),
        Endpoint("posts", ("did", "rkey"), RECORD, _collection("posts", POSTS), people=OF_AN_ACCOUNT),
    ),
    connect=connect,
    probe=probe,
    asks={
        "base_url": "the server (PDS) that holds the brand's account, like https://pds.acme.example/",
        "brand_accounts": "the brand's accounts, by DID or handle, with commas between",
        "brand_id": "the brand's id, where there are several",
    },
    proven="real server",
    docs="docs/sources/bluesky.md",
)
