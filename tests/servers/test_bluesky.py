"""The Bluesky connector against the protocol's reference server (PDS) and its directory of DIDs."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.social.bluesky import BLUESKY, BlueskySettings, connect
from tests.fakes.faults import KINDS, Faults
from tests.fakes.proxy import Proxy
from tests.fakes.server import served
from tests.servers.bluesky.server import POSTS, Bluesky, Person, Written
from tests.servers.killing import sync_killed_in_answer
from tests.systems import canonical, staged

PAGE = 5
ROWS_PER_LOAD = 12
LIST_REPOS, DESCRIBE, LIST_RECORDS = "com.atproto.sync.listRepos", "com.atproto.repo.describeRepo", "com.atproto.repo.listRecords"
N_BROADCASTS = 12
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Town:
    """A brand, two customers and what they wrote; `asked` is answered, and its answer answered."""

    server: Bluesky
    brand: Person
    jane: Person
    joe: Person
    news: list[Written]
    asked: Written
    answer: Written
    thanks: Written
    joes: list[Written]
    follow: Written


@pytest.fixture
def town(bluesky: Bluesky) -> Iterator[Town]:
    """Several pages of posts for the brand and for Joe, one for Jane; nobody else is on the server."""
    brand, jane, joe = (bluesky.person(name) for name in ("brand", "jane", "joe"))
    news = [bluesky.post(brand, f"news {number}") for number in range(N_BROADCASTS)]
    asked = bluesky.post(jane, "@brand where is it?", mentions=[brand, joe])
    answer = bluesky.post(brand, "on its way", reply_to=asked)
    thanks = bluesky.post(jane, "thanks", reply_to=answer, root=asked)
    joes = [bluesky.post(joe, f"joe {number}") for number in range(7)]
    follow = bluesky.follow(jane, brand)
    bluesky.follow(brand, jane)
    bluesky.profile(jane, displayName="Jane")
    yield Town(bluesky, brand, jane, joe, news, asked, answer, thanks, joes, follow)
    for person in (brand, jane, joe):
        bluesky.delete_account(person)


def source_of(town: Town, url: str | None = None, rows_per_load: int = 200_000, **more: Any) -> ApiSource:
    settings = settings_of(town, url, **more)

    def api() -> Api:
        # Shorter than a fault hangs, long enough for a busy machine.
        return replace(connect(settings, {}), sleep=lambda _: None, timeout_seconds=2.0 if url else 60.0)

    return ApiSource(BLUESKY, settings, api, rows_per_load)


def settings_of(town: Town, url: str | None = None, **more: Any) -> BlueskySettings:
    given: dict[str, Any] = {"brand_accounts": [town.brand.did], "brand_id": "acme", "page_size": PAGE, **more}
    return BlueskySettings(id="sky", system="bluesky", base_url=f"{url or town.server.url}/", **given)


def rows_of(folder: Path) -> Rows:
    return canonical(staged(BLUESKY, Landing(folder), "sky"), BLUESKY)


def pulled(town: Town, folder: Path, **more: Any) -> Rows:
    """Canonical rows of one sync into an empty folder."""
    sync(source_of(town, **more), Landing(folder))
    return rows_of(folder)


def posts_of(rows: Rows) -> dict[str, dict[str, Any]]:
    return {row["post_id"]: row for row in rows["social_posts"]}


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("sky")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def there(rows: Rows) -> Rows:
    """Without what is gone: a pull into an empty folder never saw it."""
    gone = ("deleted_at", "unfollowed_at")
    return {table: [row for row in each if all(row.get(name) is None for name in gone)] for table, each in rows.items()}


def test_what_is_written_becomes_canonical_rows(town: Town, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    late = town.server.post(town.brand, "from the queue", createdAt="2026-01-01T00:00:00Z", via="Buffer")
    town.server.profile(
        town.joe, displayName="Joe's bot", labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]}
    )
    rows = pulled(town, tmp_path)
    posts = posts_of(rows)
    assert set(posts) == {each.uri for each in [*town.news, *town.joes, town.asked, town.answer, town.thanks, late]}

    asked, answer, thanks = (posts[each.uri] for each in (town.asked, town.answer, town.thanks))
    assert (asked["text"], asked["account_id"], asked["lang"]) == ("@brand where is it?", town.jane.did, "en")
    assert asked["mentioned_account_ids"] == sorted([town.brand.did, town.joe.did])
    assert (asked["in_reply_to_post_id"], asked["conversation_id"]) == (None, town.asked.uri)
    assert (answer["in_reply_to_post_id"], answer["in_reply_to_account_id"]) == (town.asked.uri, town.jane.did)
    assert (thanks["in_reply_to_post_id"], thanks["conversation_id"]) == (town.answer.uri, town.asked.uri)
    assert (answer["mentioned_account_ids"], answer["client_app"], answer["deleted_at"]) == ([], None, None)
    assert asked["created_at"] < answer["created_at"] < thanks["created_at"]
    # What its program says of it lies months before it was there.
    assert posts[late.uri]["client_app"] == "Buffer"
    assert abs(posts[late.uri]["created_at"] - before) < timedelta(minutes=5)

    people = (town.brand.did, town.jane.did, town.joe.did)
    accounts = {row["account_id"]: row for row in rows["social_accounts"]}
    said = [[accounts[did][name] for name in ("handle", "is_brand", "brand_id", "display_name", "is_bot")] for did in people]
    assert said == [
        [town.brand.handle, True, "acme", None, False],
        [town.jane.handle, False, None, "Jane", False],
        [town.joe.handle, False, None, "Joe's bot", True],
    ]
    (follow,) = rows["social_follows"]
    assert (follow["account_id"], follow["brand_account_id"], follow["unfollowed_at"]) == (town.jane.did, town.brand.did, None)


def test_whatever_a_program_writes_is_read(town: Town, tmp_path: Path) -> None:
    """Keys that are no TIDs, times that are none, links to nothing: the server stores what it does not check."""
    server, who = town.server, town.joe
    odd = server.write(
        who,
        POSTS,
        {"$type": POSTS, "text": 7, "createdAt": "2026-02-03T04:05:06+01:00", "facets": "none", "reply": {"parent": {"uri": "it"}}},
        rkey="odd",
        validate=False,
    )
    never = server.write(
        who, POSTS, {"$type": POSTS, "text": "when?", "createdAt": "once", "facets": [{"features": [1]}]}, "never", validate=False
    )
    posts = posts_of(pulled(town, tmp_path))
    assert posts[odd.uri]["created_at"] == datetime(2026, 2, 3, 3, 5, 6, tzinfo=UTC)
    assert (posts[odd.uri]["text"], posts[odd.uri]["in_reply_to_post_id"], posts[odd.uri]["mentioned_account_ids"]) == ("7", None, [])
    # The protocol's own views leave it out as well.
    assert never.uri not in posts


def test_a_second_sync_brings_only_the_changes_and_a_third_nothing(town: Town, tmp_path: Path) -> None:
    server, landing = town.server, Landing(tmp_path)
    sync(source_of(town), landing)
    assert sync(source_of(town), landing) == []
    server.edit(town.brand, town.news[2], "mended")
    server.delete(town.brand, town.news[5])
    server.delete(town.brand, town.news[-1])
    server.delete(town.jane, town.follow)
    server.follow(town.jane, town.brand)
    new = server.post(town.jane, "and mine?", mentions=[town.brand])
    # Written last, with a key before all others of its author.
    early = server.post(town.joe, "imported", rkey="3aaaaaaaaaa2a")
    server.rename(town.joe, f"new-{town.joe.handle}")
    server.profile(town.jane, displayName="Jane D.")
    sync(source_of(town), landing)
    assert landed(landing) == {"accounts": 1, "profiles": 1, "follows": 2, "posts": 5}
    # Every kind asks for the list of accounts: one page, and its end twice.
    assert calls_of(town, landing) == {LIST_REPOS: 4 * 3, DESCRIBE: 3}
    assert len(landing.loads("sky")) == 2

    rows = rows_of(tmp_path)
    posts = posts_of(rows)
    assert posts[town.news[2].uri]["text"] == "mended"
    assert {new.uri, early.uri} < set(posts)
    assert {key for key, row in posts.items() if row["deleted_at"] is not None} == {town.news[5].uri, town.news[-1].uri}
    assert posts[town.news[5].uri]["text"] == "news 5"
    assert [row["unfollowed_at"] is None for row in rows["social_follows"]] == [False, True]
    handles = {row["account_id"]: (row["handle"], row["display_name"]) for row in rows["social_accounts"]}
    assert handles[town.joe.did] == (f"new-{town.joe.handle}", None)
    assert handles[town.jane.did] == (town.jane.handle, "Jane D.")
    assert there(rows) == there(pulled(town, tmp_path / "clean"))


def calls_of(town: Town, landing: Landing) -> Counter[str]:
    """Calls of a sync by method."""
    proxy = Proxy(town.server.url)
    with served(proxy) as url:
        sync(source_of(town, url), landing)
    return Counter(call.partition("?")[0].rpartition("/")[2] for call in proxy.calls)


def test_reading_a_window_again_hides_no_change_before_it(town: Town, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    sync(source_of(town), landing)
    window = created_at(posts_of(rows_of(tmp_path)), town.news[8])
    town.server.edit(town.brand, town.news[1], "before")
    town.server.edit(town.brand, town.news[9], "within")
    sync(source_of(town), landing, since=window)
    texts = {key: row["text"] for key, row in posts_of(rows_of(tmp_path)).items()}
    assert (texts[town.news[1].uri], texts[town.news[9].uri]) == ("news 1", "within")
    sync(source_of(town), landing)
    assert landed(landing) == {"posts": 1}
    assert posts_of(rows_of(tmp_path))[town.news[1].uri]["text"] == "before"
    assert sync(source_of(town), landing) == []


def test_what_changes_while_it_is_read_is_found_once_it_was_read_to_its_end(town: Town, tmp_path: Path) -> None:
    landing, proxy = Landing(tmp_path), Proxy(town.server.url)

    async def busy(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await proxy(scope, receive, send)
        if sum(f"collection={POSTS}" in call for call in proxy.calls) == 3 and len(town.news) == N_BROADCASTS:
            # On the first page, which is landed by now: every page ends a load.
            town.server.delete(town.brand, town.news.pop(0))

    with served(busy) as url:
        sync(source_of(town, url, rows_per_load=PAGE - 1, accounts=[]), landing)
    assert len(town.news) == N_BROADCASTS - 1
    sync(source_of(town, accounts=[]), landing)
    assert set(posts_of(there(rows_of(tmp_path)))) == {each.uri for each in [*town.news, town.answer]}
    assert sync(source_of(town, accounts=[]), landing) == []


@pytest.mark.parametrize("way", ["deactivate", "take_down", "delete_account"])
def test_an_account_that_is_gone_takes_its_posts_along(town: Town, tmp_path: Path, way: str) -> None:
    landing = Landing(tmp_path)
    sync(source_of(town), landing)
    getattr(town.server, way)(town.jane)
    sync(source_of(town), landing)
    assert landed(landing) == {"accounts": 1}
    rows = rows_of(tmp_path)
    gone_at = {row["account_id"]: row["deleted_at"] for row in rows["social_accounts"]}
    assert (gone_at[town.jane.did] is None, gone_at[town.joe.did]) == (False, None)
    posts = posts_of(rows)
    assert posts[town.asked.uri]["deleted_at"] == gone_at[town.jane.did]
    assert posts[town.answer.uri]["deleted_at"] is None
    (follow,) = rows["social_follows"]
    assert follow["unfollowed_at"] == gone_at[town.jane.did]
    assert sync(source_of(town), landing) == []
    if way == "deactivate":
        town.server.activate(town.jane)
        sync(source_of(town), landing)
        assert rows_of(tmp_path) == pulled(town, tmp_path / "clean")


def test_a_sync_killed_in_an_answer_goes_on(town: Town, tmp_path: Path) -> None:
    clean = pulled(town, tmp_path / "clean")
    proxy = Proxy(town.server.url)
    with served(proxy) as url:
        sync(source_of(town, url, rows_per_load=ROWS_PER_LOAD), Landing(tmp_path / "counted"))
    posts = [number for number, call in enumerate(proxy.calls, 1) if f"collection={POSTS}" in call]
    described = next(number for number, call in enumerate(proxy.calls, 1) if "describeRepo" in call)
    for number in (described, posts[3], posts[-1]):
        folder = tmp_path / str(number)
        calls = sync_killed_in_answer(number, settings_of(town), {}, folder, ROWS_PER_LOAD)
        assert calls == proxy.calls[:number]
        # What was landed before the kill is not landed again.
        assert (len(Landing(folder).loads("sky")) > 1) == (number == posts[-1])
        again = calls_of(town, Landing(folder))
        assert rows_of(folder) == clean
    # Of all that is listed, little more than the last answer is asked for once more.
    assert again[LIST_RECORDS] <= 4


def test_a_bad_day_ends_in_the_same_rows(town: Town, tmp_path: Path) -> None:
    """From nothing, and over changes with deletions among them."""
    sync(source_of(town), Landing(tmp_path / "before"))
    town.server.delete(town.brand, town.news[0])
    town.server.delete(town.jane, town.follow)
    town.server.edit(town.brand, town.news[7], "mended")
    town.server.post(town.joe, "new")
    clean = pulled(town, tmp_path / "clean")
    spoilt: Counter[str] = Counter()
    for seed in range(3):
        fresh, later = tmp_path / f"fresh {seed}", tmp_path / f"later {seed}"
        shutil.copytree(tmp_path / "before", later)
        faults = Faults(Proxy(town.server.url), seed, lists=("records", "repos"), hang_seconds=2.5)
        with served(faults) as url:
            sync(source_of(town, url, rows_per_load=20), Landing(fresh))
            sync(source_of(town, url, rows_per_load=20), Landing(later))
        assert rows_of(fresh) == clean
        assert there(rows_of(later)) == clean
        n_gone = sum(row["deleted_at"] is not None for row in rows_of(later)["social_posts"])
        assert n_gone == 1
        spoilt.update(faults.spoilt)
    assert set(spoilt) == set(KINDS)


def test_named_accounts_alone_are_read(town: Town, tmp_path: Path) -> None:
    rows = pulled(town, tmp_path, accounts=[town.jane.handle, "did:plc:nobodynobodynobody"])
    assert {row["account_id"] for row in rows["social_accounts"]} == {town.brand.did, town.jane.did}
    assert {row["account_id"] for row in rows["social_posts"]} == {town.brand.did, town.jane.did}
    cut = posts_of(pulled(town, tmp_path / "cut", accounts=[], backfill_from=created_at(posts_of(rows), town.news[6])))
    assert set(cut) == {each.uri for each in [*town.news[6:], town.answer]}


def created_at(posts: dict[str, dict[str, Any]], written: Written) -> datetime:
    return posts[written.uri]["created_at"]


def test_the_probe_names_what_to_mend(town: Town) -> None:
    said = source_of(town, accounts=[town.jane.did]).probe()
    assert said == f"2 accounts read, {town.brand.handle} the brand's"
    with pytest.raises(SourceError, match=r"^brand_accounts: names nobody\.test, which base_url does not hold.*by its DID"):
        source_of(town, brand_accounts=["nobody.test"]).probe()
    with pytest.raises(SourceError, match=r"^accounts: names nobody\.test"):
        source_of(town, accounts=["nobody.test"]).probe()
    with pytest.raises(SourceError, match=r"Check base_url.*HTTP 404"):
        source_of(town, f"{town.server.url}/elsewhere").probe()


def test_a_brand_that_changed_its_handle_is_asked_for_by_name(town: Town, tmp_path: Path) -> None:
    by_handle: dict[str, Any] = {"brand_accounts": [town.brand.handle]}
    sync(source_of(town, **by_handle), Landing(tmp_path))
    town.server.rename(town.brand, f"new-{town.brand.handle}")
    with pytest.raises(SourceError, match=r"brand_accounts: names brand\d+\.test.*by its DID, which stays"):
        sync(source_of(town, **by_handle), Landing(tmp_path))
    sync(source_of(town), Landing(tmp_path))
    assert (town.brand.did, f"new-{town.brand.handle}", True) in {
        (row["account_id"], row["handle"], row["is_brand"]) for row in rows_of(tmp_path)["social_accounts"]
    }
