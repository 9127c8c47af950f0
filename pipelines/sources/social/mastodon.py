"""Mastodon: the brand account's own posts and the public posts that mention it.

Facts from Mastodon's public documentation of its API: lists come newest first, or with `min_id` the oldest after an id first; a
page holds at most 40; ids of posts are snowflakes whose upper bits are milliseconds since 1970, those of notifications count up;
counts and edits change a post that was read before; `application` is shown on the token's own posts only; 300 calls in five
minutes.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field as Setting
from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, Secret, System, SystemSettings
from pipelines.sources.kit.errors import ApiError
from pipelines.sources.kit.http import Api, Dialect, limit_of_headers
from pipelines.sources.kit.people import People
from pipelines.sources.kit.redaction import Redactor

PAGE = 40
SNOWFLAKE_BITS = 16
MOST_STALE_PAGES = 8


class MastodonSettings(SystemSettings):
    """`[[systems]]` with `system = "mastodon"`. `base_url` is the brand's server.

    Args:
        brand_id: the brand that the token's account speaks for; one brand where none is named.
        reread_days: how far back posts are read again for edits and counts.
    """

    brand_id: str | None = None
    reread_days: Annotated[int, Setting(ge=0, le=90)] = 7


def connect(settings: MastodonSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, by an application's token for the brand's account."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    token = secrets["token"].get_secret_value()
    dialect = Dialect(rate_limit=limit_of_headers("X-RateLimit-Remaining", "X-RateLimit-Reset", _seconds_until))
    return Api(settings.id, settings.base_url, auth=BearerTokenAuth(token=token), redact=Redactor([token]), dialect=dialect)


def probe(api: Api, settings: MastodonSettings) -> str:
    """Whose account it is, and whether mentions can be read."""
    del settings
    account = api.get("api/v1/accounts/verify_credentials")
    api.get("api/v1/notifications", {"limit": 1, "types[]": "mention"})
    return f"account {account['acct']}, {account['statuses_count']:,} posts, last at {account.get('last_status_at')}"


def _account(pull: Pull) -> Iterator[Page]:
    yield Page([{**pull.api.get("api/v1/accounts/verify_credentials"), "brand_id": pull.settings.brand_id}])


def _posts(pull: Pull) -> Iterator[Page]:
    """The account's own posts, those of some days before the newest known one again: for edits and counts."""
    account = pull.api.get("api/v1/accounts/verify_credentials")["id"]
    newest = pull.cursor
    for records in _after(pull, f"api/v1/accounts/{account}/statuses", {}, _reread_from(pull)):
        last = max(records, key=lambda record: int(record["id"]))
        if newest is None or int(last["id"]) > int(newest["id"]):
            newest = {"id": last["id"], "at": last["created_at"]}
        # A boost repeats another's words.
        yield Page([record for record in records if record.get("reblog") is None], newest)


def _mentions(pull: Pull) -> Iterator[Page]:
    """Posts that mention the account, by its notifications, whose ids count up."""
    for records in _after(pull, "api/v1/notifications", {"types[]": "mention"}, pull.cursor or "0"):
        yield Page([record["status"] for record in records if record.get("status")], str(max(int(record["id"]) for record in records)))


def _after(pull: Pull, path: str, params: dict[str, Any], after: str) -> Iterator[list[Record]]:
    """Pages of what is newer than an id, oldest first, until there is none."""
    n_stale = 0
    while records := pull.api.get(path, {"limit": PAGE, "min_id": after, **params}):
        newest = max(int(record["id"]) for record in records)
        # Asked for newer ones, a server that gives older ones has answered from a cache.
        n_stale = n_stale + 1 if newest <= int(after) else 0
        if n_stale > MOST_STALE_PAGES:
            raise ApiError(pull.api.source_id, path, "answers with old pages again and again. Try later, or tell the server's admin.")
        if not n_stale:
            yield records
            after = str(newest)


def _reread_from(pull: Pull) -> str:
    """The id to begin after: some days before the newest known post, or the backfill's start."""
    if pull.cursor is None:
        start = pull.settings.backfill_from
        return "0" if start is None else _snowflake(start)
    back = datetime.fromisoformat(pull.cursor["at"]) - timedelta(days=pull.settings.reread_days)
    return str(min(int(_snowflake(back)), int(pull.cursor["id"])))


def _snowflake(at: datetime) -> str:
    return str(max(round(at.timestamp() * 1000), 0) << SNOWFLAKE_BITS)


def _seconds_until(text: str) -> float:
    return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()


POST = (
    Field("id", "id"), Field("created_at", "timestamp", is_required=True), Field("edited_at", "timestamp"), Field("content"),
    Field("account_id", "id", "account.id", is_required=True), Field("account_acct", path="account.acct", is_required=True),
    Field("account_bot", "boolean", "account.bot"), Field("account_name", path="account.display_name"),
    Field("account_followers", "integer", "account.followers_count"), Field("account_created_at", "timestamp", "account.created_at"),
    Field("in_reply_to_id", "id"), Field("in_reply_to_account_id", "id"), Field("mentions", "json"), Field("visibility", is_required=True),
    Field("application", path="application.name"), Field("language"), Field("url"), Field("favourites_count", "integer"),
    Field("replies_count", "integer"), Field("reblogs_count", "integer"), Field("quotes_count", "integer"),
)  # fmt: skip
ACCOUNT = Endpoint(
    "account",
    ("id",),
    (Field("id", "id"), Field("acct", is_required=True), Field("display_name"), Field("bot", "boolean"), Field("url"),
     Field("followers_count", "integer"), Field("created_at", "timestamp"), Field("brand_id")),
    _account,
    people=People(identifiers={"acct": "handle"}, staff="true"),
)  # fmt: skip

POSTS = Endpoint(
    "posts",
    ("id",),
    POST,
    _posts,
    # The brand's answers to a person go with what they answer.
    people=People(
        owners=("in_reply_to_account_id",),
        within=(("mentions", "in_reply_to_id"), ("posts", "in_reply_to_id")),
        elements={"mentions": "id"},
    ),
)
MENTIONS = Endpoint(
    "mentions",
    ("id",),
    POST,
    _mentions,
    people=People(
        owners=("account_id",),
        identifiers={"account_acct": "handle"},
        references=("in_reply_to_account_id",),
        elements={"mentions": "id"},
    ),
)

MASTODON = System(
    name="mastodon",
    title="Mastodon",
    family="social",
    settings=MastodonSettings,
    endpoints=(ACCOUNT, POSTS, MENTIONS),
    connect=connect,
    probe=probe,
    secrets=(Secret("token", "an access token of the brand's account with read scopes"),),
    asks={"base_url": "the brand's server, like https://mastodon.social/", "brand_id": "the brand's id, where there are several"},
    proven="fake",
    docs="docs/sources/mastodon.md",
)
