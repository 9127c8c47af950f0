"""The Request Tracker connector against Request Tracker 5, seeded by customers' mails and through REST 2."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing, Load
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.sync import ApiSource, known_state, sync
from pipelines.sources.support.request_tracker import REQUEST_TRACKER, RequestTrackerSettings, connect
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.proxy import Proxy
from tests.fakes.server import served
from tests.servers.killing import sync_killed_in_answer
from tests.servers.request_tracker.desk import CUSTOMERS, seed
from tests.servers.request_tracker.server import RequestTracker
from tests.systems import canonical, staged

Rows = dict[str, list[dict[str, Any]]]
PAGE = 5


@dataclass
class Story:
    """What happened in RT, and what syncs made of it.

    `ids` of tickets by name and of users by name; `first`, `second` and `clean` are canonical rows after the first sync, after
    changes and a second one, and of a pull into an empty landing then; `changed` the second sync's loads, `again` the third's.
    """

    ids: dict[str, str]
    first: Rows
    changed: list[Load]
    second: Rows
    again: list[Load]
    clean: Rows
    cursors: dict[str, Any]
    calls: list[str]
    n_bytes: int


class Meter:
    """Counts what an application answers in bytes."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.n_bytes = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def count(message: dict[str, Any]) -> None:
            self.n_bytes += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, count)


def settings_at(url: str, **more: Any) -> RequestTrackerSettings:
    return RequestTrackerSettings(
        id="desk", system="request_tracker", base_url=url, page_size=PAGE, brand_id="acme", brand_of_queue={"Billing": "acme-pay"},
        statuses={"stalled": "hold"}, **more,
    )  # fmt: skip


def source_at(url: str, secrets: Mapping[str, str], rows_per_load: int = 200_000, timeout_seconds: float = 60.0, **more: Any) -> ApiSource:
    settings = settings_at(url, **more)

    def api() -> Api:
        made = connect(settings, {name: SecretStr(value) for name, value in secrets.items()})
        return hurried(made, timeout_seconds)

    return ApiSource(REQUEST_TRACKER, settings, api, rows_per_load)


def rows_of(folder: Path) -> Rows:
    return canonical(staged(REQUEST_TRACKER, Landing(folder), "desk"), REQUEST_TRACKER)


def by(rows: Rows, table: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows[table]}


def n_landed(loads: list[Load]) -> dict[str, int]:
    """Rows by table."""
    found: Counter[str] = Counter()
    for load in loads:
        found.update({name.partition("__")[2]: file.rows for name, file in load.tables.items()})
    return dict(found)


def change(rt: RequestTracker, ids: dict[str, str]) -> None:
    """What a day brings; the loads that it must make are in the test."""
    rt.say(ids["mia"], "ann", "Better like that.")
    rt.say(ids["noa"], "bob", "asked twice already", "comment")
    rt.change(ids["oli"], "ann", Owner="bob")
    rt.change(ids["oli"], "ann", Owner="Nobody")
    rt.change(ids["parcel"], "ann", Status="resolved")
    rt.change(ids["sue"], "bob", Status="open")
    rt.change(ids["bill"], "ann", Queue="Support")
    rt.change(ids["pia"], "ann", MergeInto=int(ids["mia"]))
    rt.call("DELETE", f"ticket/{ids['rob']}")
    rt.change(ids["told"], "bob", Requestor=["karl@example.com"])
    rt.user("jane@example.com", EmailAddress="jane@new.example")


@pytest.fixture(scope="module")
def story(request_tracker: RequestTracker, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The reader's time zone is the westmost there is when changes are pulled, and the eastmost when nothing is."""
    rt, folder = request_tracker, tmp_path_factory.mktemp("story")
    landing, source = Landing(folder / "kept"), source_at(rt.url, {"token": rt.token})
    small = source_at(rt.url, {"token": rt.token}, rows_per_load=8)
    ids = seed(rt)
    sync(source, landing)
    first, cursors = rows_of(folder / "kept"), known_state("desk", landing)
    change(rt, ids)
    rt.user("reader", Timezone="Etc/GMT+12")
    changed = sync(small, landing)
    second = rows_of(folder / "kept")
    rt.user("reader", Timezone="Pacific/Kiritimati")
    again = sync(small, landing)
    proxy = Proxy(rt.url.rstrip("/"), rewrite=False)
    meter = Meter(proxy)
    with served(meter) as url:
        sync(source_at(f"{url}/", {"user": "reader", "password": "reader-password"}), Landing(folder / "clean"))
    return Story(ids, first, changed, second, again, rows_of(folder / "clean"), cursors, proxy.calls, meter.n_bytes)


def changes_of(rows: Rows, ticket: str, field: str) -> list[tuple[str, str | None, str | None]]:
    """Actor, old and new value of a field's changes in their order."""
    found = [row for row in rows["support_ticket_changes"] if (row["ticket_id"], row["field"]) == (ticket, field)]
    return [(row["actor_id"], row["old_value"], row["new_value"]) for row in sorted(found, key=lambda row: int(row["change_id"]))]


def messages_of(rows: Rows, ticket: str) -> list[tuple[str, bool, str]]:
    """Author, whether public, and body of a ticket's messages in their order."""
    found = [row for row in rows["support_messages"] if row["ticket_id"] == ticket]
    return [(row["author_id"], row["is_public"], row["body"]) for row in sorted(found, key=lambda row: int(row["message_id"]))]


def test_what_rt_holds_becomes_canonical_rows(story: Story) -> None:
    ids, rows = story.ids, story.first
    ann, bob, jane, rt_system = ids["ann"], ids["bob"], ids["jane"], ids["RT_System"]
    # Plain text before HTML, HTML where there is nothing else, no file.
    assert messages_of(rows, ids["parcel"]) == [
        (jane, True, "It never came."),
        (bob, False, "she was promised it for Monday, ünïcode 漢"),
        (ann, True, "It is <late>,\nsorry."),
        (jane, True, "And now?"),
    ]
    assert messages_of(rows, ids["told"]) == [(bob, True, "It ends soon.")]
    assert len(rows["support_messages"]) == 9 + 2 * len(CUSTOMERS)

    # Jane's mail opened the ticket again.
    assert changes_of(rows, ids["parcel"], "status") == [
        (rt_system, "new", "open"), (ann, "open", "solved"), (rt_system, "solved", "open"),
    ]  # fmt: skip
    assert changes_of(rows, ids["parcel"], "assignee_id") == [(ann, None, ann)]
    assert changes_of(rows, ids["bill"], "queue") == [(ann, "Support", "Billing")]
    assert changes_of(rows, ids["bill"], "priority") == [(bob, "low", "high")]
    assert changes_of(rows, ids["bill"], "status") == [(bob, "new", "hold")]
    assert changes_of(rows, ids["sue"], "status")[-1] == (bob, "open", "solved")

    tickets = by(rows, "support_tickets", "ticket_id")
    parcel, bill, told, own, spam = (tickets[ids[name]] for name in ("parcel", "bill", "told", "own", "spam"))
    assert set(tickets) == {ids[name] for name in ("parcel", "bill", "told", "own", "spam", "double", *CUSTOMERS)}
    assert (parcel["subject"], parcel["queue"], parcel["brand_id"]) == ("Where is my parcel?", "Support", "acme")
    assert (parcel["requester_id"], parcel["assignee_id"], parcel["status"], parcel["priority"]) == (jane, ann, "open", "low")
    assert (bill["queue"], bill["brand_id"], bill["priority"], bill["status"]) == ("Billing", "acme-pay", "high", "hold")
    assert bill["assignee_id"] is None
    assert (told["requester_id"], told["submitter_id"]) == (ids["lena"], bob)
    assert [row["ticket_id"] for row in tickets.values() if row["is_proactive"]] == [own["ticket_id"]]
    assert {row["ticket_id"]: row["merged_into_ticket_id"] for row in tickets.values() if row["merged_into_ticket_id"]} == {
        ids["double"]: ids["parcel"]
    }
    # Deleted before it was ever listed.
    assert (spam["status"], spam["requester_id"]) == ("closed", spam["submitter_id"])
    assert spam["deleted_at"] >= spam["created_at"]
    opening = next(row for row in rows["support_messages"] if row["ticket_id"] == ids["parcel"])
    # The mail with its two megabytes is stored after its ticket.
    assert timedelta(0) <= opening["sent_at"] - parcel["created_at"] < timedelta(minutes=1)
    assert parcel["source_url"].endswith(f"/Ticket/Display.html?id={ids['parcel']}")
    assert opening["source_url"] == f"{parcel['source_url']}#txn-{opening['message_id']}"

    users = by(rows, "support_users", "user_id")
    assert {users[ids[name]]["role"] for name in ("ann", "bob")} == {"agent"}
    assert {users[ids[name]]["role"] for name in ("jane", "karl", "lena")} == {"customer"}
    assert {row["user_id"] for row in users.values() if row["role"] == "system"} == {rt_system, ids["Nobody"]}
    assert [row["user_id"] for row in users.values() if row["is_bot"]] == [rt_system]
    assert (users[jane]["name"], users[jane]["email"]) == ("Jane", "jane@example.com")


def test_a_second_sync_brings_only_what_changed_and_a_third_nothing(story: Story) -> None:
    ids, rows = story.ids, story.second
    ann, bob = ids["ann"], ids["bob"]
    # A change of owner and a merge are two transactions each, the requestor's comes and goes; the deleted ticket is listed no more.
    assert n_landed(story.changed) == {"transactions": 14, "message_bodies": 2, "tickets": 8, "users": 1}
    assert story.again == []
    assert messages_of(rows, ids["mia"])[-1] == (ann, True, "Better like that.")
    assert messages_of(rows, ids["noa"])[-1] == (bob, False, "asked twice already")
    assert changes_of(rows, ids["oli"], "assignee_id") == [(ann, None, bob), (ann, bob, None)]
    assert changes_of(rows, ids["parcel"], "status")[-1] == (ann, "open", "solved")
    assert changes_of(rows, ids["sue"], "status")[-1] == (bob, "solved", "open")
    assert changes_of(rows, ids["bill"], "queue")[-1] == (ann, "Billing", "Support")
    assert changes_of(rows, ids["rob"], "status")[-1] == (ann, "open", "deleted")
    assert changes_of(rows, ids["told"], "requester_id") == [(bob, None, ids["karl"]), (bob, ids["lena"], None)]
    tickets = by(rows, "support_tickets", "ticket_id")
    assert (tickets[ids["parcel"]]["status"], tickets[ids["sue"]]["status"]) == ("solved", "open")
    assert (tickets[ids["bill"]]["queue"], tickets[ids["bill"]]["brand_id"]) == ("Support", "acme")
    assert tickets[ids["pia"]]["merged_into_ticket_id"] == ids["mia"]
    assert tickets[ids["told"]]["requester_id"] == ids["karl"]
    assert tickets[ids["oli"]]["assignee_id"] is None
    gone = tickets[ids["rob"]]
    assert (gone["subject"], gone["queue"], gone["status"]) == ("Question of rob", "Support", "closed")
    assert gone["deleted_at"] is not None
    assert by(rows, "support_users", "user_id")[ids["jane"]]["email"] == "jane@new.example"


def test_what_was_kept_is_what_a_new_pull_finds(story: Story) -> None:
    """But for the words of a ticket that RT lists no more."""
    kept, clean = ({**rows, "support_tickets": []} for rows in (story.second, story.clean))
    assert kept == clean
    kept_tickets, clean_tickets = (by(rows, "support_tickets", "ticket_id") for rows in (story.second, story.clean))
    gone = story.ids["rob"]
    assert {key: row for key, row in kept_tickets.items() if key != gone} == {key: row for key, row in clean_tickets.items() if key != gone}
    assert clean_tickets[gone]["deleted_at"] == kept_tickets[gone]["deleted_at"]
    assert clean_tickets[gone]["requester_id"] == kept_tickets[gone]["requester_id"]


def test_tickets_are_asked_for_from_before_whatever_zone_rt_reads_times_in(story: Story) -> None:
    newest = max(row["updated_at"] for row in story.first["support_tickets"])
    since = datetime.fromisoformat(f"{story.cursors['request_tracker__tickets']['since']}+00:00")
    assert newest - since == timedelta(hours=13)


def test_pages_are_small_and_files_are_not_read(story: Story) -> None:
    asked = Counter(call.split("?")[0].rpartition("/")[2] for call in story.calls)
    assert min(asked["users"], asked["tickets"]) >= 3
    assert min(asked["transactions"], asked["attachments"]) >= 10
    # A file of two megabytes and one of 320 kB are in RT.
    assert story.n_bytes < 150_000
    assert not any("GET /parcel" in (row["body"] or "") for row in story.second["support_messages"])


def test_a_backfill_begins_where_it_is_told(story: Story, request_tracker: RequestTracker, tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    loads = sync(source_at(request_tracker.url, {"token": request_tracker.token}, backfill_from=later), Landing(tmp_path))
    assert set(n_landed(loads)) == {"statuses", "queues", "staff", "users"}
    assert n_landed(loads)["users"] == len(story.second["support_users"])


@pytest.mark.parametrize(("number", "path"), [(14, "transactions"), (19, "attachments"), (32, "tickets")])
def test_killed_in_an_answer_it_goes_on_to_the_same_rows(
    story: Story, request_tracker: RequestTracker, tmp_path: Path, number: int, path: str
) -> None:
    rt, secrets = request_tracker, {"REQUEST_TRACKER_TOKEN": request_tracker.token}
    calls = sync_killed_in_answer(number, settings_at(rt.url), secrets, tmp_path, 20, rewrite=False)
    assert calls[-1].split("?")[0].rpartition("/")[2] == path
    sync(source_at(rt.url, {"token": rt.token}), Landing(tmp_path))
    assert rows_of(tmp_path) == story.clean


@pytest.mark.parametrize("seed", [149, 236, 606])
def test_a_bad_day_ends_in_the_same_rows(story: Story, request_tracker: RequestTracker, tmp_path: Path, seed: int) -> None:
    faults = Faults(Proxy(request_tracker.url.rstrip("/"), rewrite=False), seed, hang_seconds=4)
    with served(faults) as url:
        sync_on_a_bad_day(source_at(f"{url}/", {"token": request_tracker.token}, 50, timeout_seconds=3), Landing(tmp_path))
    # What these seeds bring within thirty answers.
    assert {"timeout", "401"} <= set(faults.spoilt)
    assert sum(faults.spoilt.values()) >= 8
    assert rows_of(tmp_path) == story.clean


def test_credentials_that_are_wrong_or_missing_are_named_and_never_shown(request_tracker: RequestTracker) -> None:
    url = request_tracker.url
    for wrong in ({"token": "planted-token"}, {"user": "reader", "password": "planted-password"}, {}, {"user": "reader"}):
        with pytest.raises(SourceError, match=r"REQUEST_TRACKER_TOKEN.*REQUEST_TRACKER_USER.*REQUEST_TRACKER_PASSWORD") as caught:
            source_at(url, wrong).probe()
        assert "planted" not in str(caught.value)


def test_the_probe_says_what_it_saw_and_which_right_is_missing(story: Story, request_tracker: RequestTracker) -> None:
    rt = request_tracker
    assert source_at(rt.url, {"token": rt.token}).probe().startswith("RT 5.0.3")
    assert f", {len(story.ids) - 7 - 2} tickets in 3 queues" in source_at(rt.url, {"user": "reader", "password": "reader-password"}).probe()
    rt.call("POST", "user", "root", Name="blind", Privileged=1, Password="blind-password")
    with pytest.raises(SourceError, match=r"not allowed for this token|Grant the user SeeGroup"):
        source_at(rt.url, {"user": "blind", "password": "blind-password"}).probe()
