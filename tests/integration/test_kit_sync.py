"""What a sync lands over the days: drift, odd text, cursors, deletions, children, versions."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing import Landing
from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, System
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.sync import known_state
from tests.api_landing import SOURCE_ID, Client, newest_versions, rows_landed
from tests.fakes.faults import Faults
from tests.fakes.paged import ALL, CHANGED, FIELDS, SHOP, Shop, pull_all, pull_changed
from tests.fakes.server import served

STOCK = replace(SHOP, endpoints=(ALL,))
ITEMS = replace(SHOP, endpoints=(CHANGED,))


@pytest.fixture
def shop() -> Shop:
    return Shop(120)


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with served(shop.app) as url:
        yield url


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def test_a_new_field_is_kept(shop: Shop, url: str, tmp_path: Path) -> None:
    Client(url, ITEMS).sync(tmp_path)
    shop.put(3, "item 3", colour={"name": "red", "rgb": [1, 2, 3]}, added="yes")
    Client(url, ITEMS).sync(tmp_path)
    assert newest_versions(tmp_path, "shop__items")["3"]["payload"] == (
        '{"added":"yes","colour":{"name":"red","rgb":[1,2,3]},"revision":121}'
    )


DRIFTS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"updated_at": None}, "has a record without updated_at, which it must have (id 77)"),
    "empty": ({"updated_at": ""}, "has a record without updated_at, which it must have (id 77)"),
    "text to number": ({"name": 5}, "says a whole number for name, which is not text (id 77)"),
    "text to object": ({"name": {"en": "x"}}, "says an object for name, which is not text (id 77)"),
    "no zone": (
        {"updated_at": "2026-01-01T00:00:00"},
        "says text like '9999-99-99x99:99:99' for updated_at, which is not a time with its zone",
    ),
    "epoch": ({"updated_at": 1767225600}, "says a whole number for updated_at, which is not a time with its zone"),
    "object to text": ({"owner": "jane"}, "says text like 'xxxx' on the way to owner.login, which is not an object (id 77)"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_stops_the_source_before_anything_is_visible(drift: str, shop: Shop, url: str, tmp_path: Path) -> None:
    Client(url).sync(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    change, message = DRIFTS[drift]
    shop.put(5, "a good change")
    shop.put(77, "a bad one")
    shop.items[77] |= change
    with pytest.raises(DriftError) as error:
        Client(url).sync(tmp_path)
    assert str(error.value).startswith("items: ")
    assert message in str(error.value)
    assert len(Landing(tmp_path).loads(SOURCE_ID)) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before
    shop.put(77, "good again")
    Client(url).sync(tmp_path)
    assert ids(rows_landed(tmp_path, "shop__items")[120:]) == ["5", "77"]


def test_loads_before_the_drift_stay(shop: Shop, url: str, tmp_path: Path) -> None:
    shop.items[110]["name"] = 5
    with pytest.raises(DriftError, match="id 110"):
        Client(url, ITEMS, rows_per_load=50).sync(tmp_path)
    assert [load.cursors for load in Landing(tmp_path).loads(SOURCE_ID)] == [{"shop__items": 50}, {"shop__items": 100}]
    shop.items[110]["name"] = "mended"
    Client(url, ITEMS, rows_per_load=50).sync(tmp_path)
    assert ids(rows_landed(tmp_path, "shop__items")) == [str(number) for number in range(120)]


ODD = {
    "NUL": "a\0b",
    "right to left": "\u202eevil\u202c עברית",
    "lone surrogate": "x\ud83dy",
    "emoji": "😀👩\u200d💻",
    "control": "".join(map(chr, range(32))),
    "markup": "<script>alert(1)</script>'\"; drop table x; --",
    "long": "ä" * 5_000_000,
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_is_landed(odd: str, shop: Shop, tmp_path: Path) -> None:
    shop.put(7, "plain")
    # The surrogate as JSON has it, which no UTF-8 encoder writes.
    text, marker = ODD[odd], "@@lone@@"
    sent = text.replace("\ud83d", marker)
    shop.items[7] |= {"name": sent, "owner": {"login": sent}, "note": sent}
    app: Any = shop.app
    if marker in sent:
        app = _Replacing(app, marker.encode(), b"\\ud83d")
    with served(app) as url:
        Client(url, ITEMS).sync(tmp_path)
        Client(url, ITEMS).sync(tmp_path)
    rows = [row for row in rows_landed(tmp_path, "shop__items") if row["id"] == "7"]
    assert len(rows) == 1
    assert rows[0]["name"] == rows[0]["owner"] == text.replace("\ud83d", "?")
    assert len(rows_landed(tmp_path, "shop__items")) == 120


class _Replacing:
    """Replaces bytes in the answers of an application."""

    def __init__(self, app: Any, old: bytes, new: bytes) -> None:
        self.app, self.old, self.new = app, old, new

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def replaced(message: Any) -> None:
            if "headers" in message:
                message["headers"] = [each for each in message["headers"] if each[0] != b"content-length"]
            if "body" in message:
                message["body"] = message["body"].replace(self.old, self.new)
            await send(message)

        await self.app(scope, receive, replaced)


def test_a_long_pull_is_cut_into_loads_with_their_cursors(shop: Shop, url: str, tmp_path: Path) -> None:
    loads = Client(url, ITEMS, rows_per_load=50).sync(tmp_path)
    assert [(load.n_rows, load.cursors) for load in loads] == [
        (50, {"shop__items": 50}), (50, {"shop__items": 100}), (20, {"shop__items": 120}),
    ]  # fmt: skip
    assert known_state(SOURCE_ID, Landing(tmp_path)) == {"shop__items": 120}
    shop.calls.clear()
    assert Client(url, ITEMS).sync(tmp_path) == []
    assert shop.calls == ["limit=50&cursor=120"]


def test_what_a_listing_lacks_is_deleted_and_may_come_back(shop: Shop, url: str, tmp_path: Path) -> None:
    def day() -> list[tuple[str, bool]]:
        n = len(rows_landed(tmp_path, "shop__stock"))
        Client(url, STOCK).sync(tmp_path)
        return [(row["id"], row["_is_deleted"]) for row in rows_landed(tmp_path, "shop__stock")[n:]]

    assert len(day()) == 120
    gone = shop.items.pop(7)
    assert day() == [("7", True)]
    assert day() == []
    shop.items[7] = gone
    assert day() == [("7", False)]
    assert day() == []
    del shop.items[7]
    assert day() == [("7", True)]


def test_a_stale_listing_deletes_nothing(shop: Shop, tmp_path: Path) -> None:
    faults = Faults(shop.app, 1, share=0.0, kinds=("earlier_page",))
    with served(faults) as url:
        Client(url, STOCK).sync(tmp_path)
        # The day after, a cache answers the first call with the last page of the day before.
        faults.random = Once(1)
        faults.share = 1.0
        Client(url, STOCK).sync(tmp_path)
    assert faults.spoilt == {"earlier_page": 1}
    assert not any(row["_is_deleted"] for row in rows_landed(tmp_path, "shop__stock"))


class Once(random.Random):
    """Says yes once: its first number is small, all others are not."""

    n_said = 0

    def random(self) -> float:
        self.n_said += 1
        return 0.0 if self.n_said == 1 else 2.0

    def choice(self, seq: Any) -> Any:
        return seq[0]


def test_a_record_that_slips_between_two_pages_is_not_deleted(shop: Shop, tmp_path: Path) -> None:
    def by_number(_: Pull) -> Iterator[Page]:
        numbers = sorted(shop.items)
        yield Page([shop.items[number] for number in numbers[:50]])
        # Someone deletes a record of the first page, and the second one begins a record later.
        shop.items.pop(next(to_delete, 999), None)
        yield Page([shop.items[number] for number in sorted(shop.items)[50:]])

    to_delete = iter([999, 3])
    system = replace(SHOP, endpoints=(replace(ALL, pull=by_number),))
    with served(shop.app) as url:
        for gone in ([], [], ["3"]):
            Client(url, system).sync(tmp_path)
            assert ids([row for row in rows_landed(tmp_path, "shop__stock") if row["_is_deleted"]]) == gone


def _children(pull: Pull) -> Iterator[Page]:
    for parent in pull.changed("items"):
        yield Page([{"id": f"{parent['id']}-{each}", "of": parent["id"], "name": parent["name"]} for each in "ab"], resume=parent["id"])


def _grandchildren(pull: Pull) -> Iterator[Page]:
    yield Page([{"id": f"{child['id']}-x", "of": child["id"], "name": child["name"]} for child in pull.changed("parts")])


PART = (Field("id", "id", is_required=True), Field("of", "id", is_required=True), Field("name"))
FAMILY = replace(
    SHOP,
    endpoints=(
        CHANGED,
        Endpoint("parts", ("id",), PART, _children, parent="items"),
        Endpoint("screws", ("id",), PART, _grandchildren, parent="parts"),
    ),
)


def test_children_are_pulled_for_the_changed_parents_of_every_load(shop: Shop, url: str, tmp_path: Path) -> None:
    loads = Client(url, FAMILY, rows_per_load=50).sync(tmp_path)
    assert [{name: each.rows for name, each in load.tables.items()} for load in loads] == [
        {"shop__items": 50, "shop__parts": 100, "shop__screws": 100},
        {"shop__items": 50, "shop__parts": 100, "shop__screws": 100},
        {"shop__items": 20, "shop__parts": 40, "shop__screws": 40},
    ]
    shop.put(4, "changed")
    (load,) = Client(url, FAMILY).sync(tmp_path)
    assert {name: each.rows for name, each in load.tables.items()} == {"shop__items": 1, "shop__parts": 2, "shop__screws": 2}
    assert newest_versions(tmp_path, "shop__screws")["4-b-x"]["name"] == "changed"


def test_a_child_that_fails_keeps_its_parents_from_being_landed(url: str, tmp_path: Path) -> None:
    def failing(pull: Pull) -> Iterator[Page]:
        pull.changed("items")
        raise ApiError(SOURCE_ID, "parts", "can't be read.")
        yield

    system = replace(FAMILY, endpoints=(CHANGED, replace(FAMILY.endpoints[1], pull=failing)))
    with pytest.raises(ApiError):
        Client(url, system).sync(tmp_path)
    assert Landing(tmp_path).loads(SOURCE_ID) == []
    Client(url, FAMILY).sync(tmp_path)
    assert len(rows_landed(tmp_path, "shop__parts")) == 240


VERSIONED = tuple(each for each in (*FIELDS, Field("revision", "integer", is_required=True)))


def _told(*days: list[Page]) -> tuple[System, Any]:
    told = iter(days)
    endpoint = Endpoint("items", ("id",), VERSIONED, lambda _: iter(next(told)), version="revision")
    return replace(SHOP, endpoints=(endpoint,)), told


def _version(number: int, revision: int) -> dict[str, Any]:
    return {"id": number, "revision": revision, "name": f"v{revision}", "updated_at": "2026-01-01T00:00:00Z"}


def test_an_older_version_never_replaces_a_newer_one(url: str, tmp_path: Path) -> None:
    system, _ = _told(
        [Page([_version(1, 5), _version(1, 3), _version(2, 1), _version(1, 6), _version(1, 6)])],
        [Page([_version(1, 4), _version(2, 2)])],
        [Page([_version(2, 1), _version(1, 6)])],
        [Page([_version(1, 7)]), Page([_version(1, 6)])],
    )
    landed = []
    for _ in range(4):
        n = len(rows_landed(tmp_path, "shop__items"))
        Client(url, system).sync(tmp_path)
        landed.append([(row["id"], row["revision"]) for row in rows_landed(tmp_path, "shop__items")[n:]])
    assert landed == [[("1", 5), ("2", 1), ("1", 6)], [("2", 2)], [], [("1", 7)]]


def test_without_a_version_the_later_pulled_is_the_newer(url: str, tmp_path: Path) -> None:
    system, _ = _told([Page([_version(1, 5)])], [Page([_version(1, 4)])])
    system = replace(system, endpoints=(replace(system.endpoints[0], version=None),))
    for _ in range(2):
        Client(url, system).sync(tmp_path)
    assert newest_versions(tmp_path, "shop__items")["1"]["revision"] == 4


def test_a_connector_that_learns_a_column_lands_it_anew(shop: Shop, url: str, tmp_path: Path) -> None:
    shop.put(3, "item 3", colour="red")
    Client(url, STOCK).sync(tmp_path)
    newer = replace(SHOP, endpoints=(replace(ALL, fields=(*FIELDS, Field("colour")), version="updated_at"),))
    Client(url, newer).sync(tmp_path)
    assert newest_versions(tmp_path, "shop__stock")["3"]["colour"] == "red"
    assert ids(rows_landed(tmp_path, "shop__stock")[120:]) == ["3"]
    assert Client(url, newer).sync(tmp_path) == []


def test_known_rows_are_the_newest_that_are_not_deleted(shop: Shop, url: str, tmp_path: Path) -> None:
    known: list[dict[str, Any]] = []

    def look(pull: Pull) -> Iterator[Page]:
        known[:] = pull.known("stock")
        return iter(())

    system = replace(SHOP, endpoints=(ALL, Endpoint("views", ("id",), PART, look)))
    Client(url, system).sync(tmp_path)
    del shop.items[7]
    shop.put(8, "renamed")
    Client(url, system).sync(tmp_path)
    Client(url, system).sync(tmp_path)
    names = {row["id"]: row["name"] for row in known}
    assert len(names) == len(known) == 119
    assert names["8"] == "renamed"
    assert "7" not in names


def test_the_same_pull_twice_lands_nothing(shop: Shop, url: str, tmp_path: Path) -> None:
    def twice(pull: Pull) -> Iterator[Page]:
        yield from pull_changed(replace(pull, cursor=None))
        yield from pull_changed(replace(pull, cursor=None))

    def backwards(pull: Pull) -> Iterator[Page]:
        for page in pull_all(pull):
            yield Page([dict(reversed(record.items())) for record in reversed(page.records)])

    system = replace(SHOP, endpoints=(replace(CHANGED, pull=twice), replace(ALL, pull=pull_all)))
    shop.put(3, "item 3", note={"b": 1, "a": 2}, colour="red")
    (load,) = Client(url, system).sync(tmp_path)
    assert load.n_rows == 240
    system = replace(SHOP, endpoints=(replace(CHANGED, pull=twice), replace(ALL, pull=backwards)))
    assert Client(url, system).sync(tmp_path) == []
    assert len(shop.calls) > 0


def test_a_page_names_keys_that_are_gone_and_one_that_comes_back_is_landed_again(shop: Shop, url: str, tmp_path: Path) -> None:
    withdrawn: list[str] = []

    def pull_named(pull: Pull) -> Iterator[Page]:
        items = pull.api.get("items", {"limit": 500})["items"]
        there = {str(item["id"]) for item in items}
        known = [key["id"] for key in pull.known_keys("items", {})]
        assert [key["id"] for key in pull.known_keys("items", {"id": "5"})] == [key for key in known if key == "5"]
        yield Page(items, None, [{"id": key} for key in [*known, "never known"] if key not in there])
        yield Page([], None, [{"id": key} for key in withdrawn])
        yield Page([item for item in items if str(item["id"]) in withdrawn])

    named = replace(SHOP, endpoints=(replace(CHANGED, pull=pull_named),))
    Client(url, named).sync(tmp_path)
    kept = shop.items.pop(3)
    shop.items.pop(90)
    shop.put(7, "new, gone and back before the sync is over")
    withdrawn.append("7")
    Client(url, named).sync(tmp_path)
    landed = rows_landed(tmp_path, "shop__items")[120:]
    assert [(row["id"], row["_is_deleted"]) for row in landed] == [("7", False), ("3", True), ("90", True), ("7", True), ("7", False)]
    assert landed[1]["name"] is None
    withdrawn.clear()
    Client(url, named).sync(tmp_path)
    assert len(Landing(tmp_path).loads(SOURCE_ID)) == 2
    shop.items[3] = kept
    Client(url, named).sync(tmp_path)
    assert [(row["id"], row["_is_deleted"]) for row in rows_landed(tmp_path, "shop__items")[125:]] == [("3", False)]
