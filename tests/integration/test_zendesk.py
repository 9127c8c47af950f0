"""The Zendesk connector against a fake written from Zendesk's public documentation."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.support.zendesk import ZENDESK, ZendeskSettings, connect
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.server import served
from tests.fakes.zendesk import SYSTEM, Zendesk
from tests.systems import canonical, staged

EMAIL, TOKEN = "admin@planted.example", "planted-zendesk-token"
LISTS = ("tickets", "users", "ticket_events", "satisfaction_ratings", "brands")


@pytest.fixture
def zendesk() -> Zendesk:
    """Some hundred tickets of two brands with replies, notes, changes and ratings."""
    made, chance = Zendesk(EMAIL, TOKEN), random.Random(8)
    brands = [made.brand(name) for name in ("north", "south")]
    agents = [made.user(f"agent{each}", "agent") for each in range(3)]
    customers = [made.user(f"customer{each}", external_id=f"crm-{each}") for each in range(40)]
    for each in range(160):
        ticket = made.ticket(chance.choice(customers), f"question {each}", brands[each % 2])
        agent = chance.choice(agents)
        made.change(ticket, SYSTEM, priority="high", group_id=77)
        made.comment(ticket, agent, "a note among us", is_public=False)
        if chance.random() < 0.9:
            made.comment(ticket, agent, "thank you, here is how", status="solved", assignee_id=agent)
            rating = made.offer(ticket)
            if chance.random() < 0.4:
                made.rate(rating, chance.choice(["good", "bad", "good_with_comment"]))
        made.now += timedelta(minutes=chance.randrange(200))
    return made


def source_at(url: str, token: str = TOKEN, rows_per_load: int = 200_000) -> ApiSource:
    settings = ZendeskSettings(id="desk", system="zendesk", base_url=f"{url}/")

    def api() -> Any:
        return hurried(connect(settings, {"email": SecretStr(EMAIL), "token": SecretStr(token)}))

    return ApiSource(ZENDESK, settings, api, rows_per_load)


def rows_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return canonical(staged(ZENDESK, Landing(folder), "desk"), ZENDESK)


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("desk")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def test_what_the_api_says_becomes_canonical_rows(zendesk: Zendesk, tmp_path: Path) -> None:
    own = zendesk.ticket(min(zendesk.users), "our own survey", min(zendesk.brands))
    with served(zendesk.app) as url:
        sync(source_at(url), Landing(tmp_path))
    rows = rows_of(tmp_path)
    comments = [child for event in zendesk.events for child in event["child_events"] if child["event_type"] == "Comment"]
    changes = [child for event in zendesk.events for child in event["child_events"] if child["event_type"] == "Change"]
    assert len(rows["support_tickets"]) == len(zendesk.tickets) == 161
    assert len(rows["support_messages"]) == len(comments)
    assert len(rows["support_ticket_changes"]) == len(changes)
    assert {row["message_id"] for row in rows["support_messages"] if row["is_public"]} == {
        str(each["id"]) for each in comments if each["public"]
    }
    assert {row["name"] for row in rows["brands"]} == {"north", "south"}

    first = rows["support_tickets"][0]
    said = zendesk.tickets[int(first["ticket_id"])]
    assert (first["subject"], first["channel"], first["status"]) == (said["subject"], "email", said["status"])
    assert first["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == said["created_at"]
    assert [row["ticket_id"] for row in rows["support_tickets"] if row["is_proactive"]] == [str(own)]
    solved = [row for row in rows["support_ticket_changes"] if (row["field"], row["new_value"]) == ("status", "solved")]
    assert {row["old_value"] for row in solved} == {"new"}
    assert len(solved) == sum(ticket["status"] == "solved" for ticket in zendesk.tickets.values())
    raised = [row for row in rows["support_ticket_changes"] if row["field"] == "priority"]
    assert {(row["actor_id"], row["old_value"], row["new_value"]) for row in raised} == {("-1", None, "high")}

    roles = {row["user_id"]: (row["role"], row["is_bot"]) for row in rows["support_users"]}
    assert roles["-1"] == ("system", True)
    assert sorted(role for role, _ in roles.values()) == ["agent"] * 3 + ["customer"] * 40 + ["system"]
    scores = {row["rating_id"]: row["score"] for row in rows["support_ratings"]}
    wanted = {"offered": None, "good": 1.0, "good_with_comment": 1.0, "bad": 0.0}
    assert scores == {str(number): wanted[rating["score"]] for number, rating in zendesk.ratings.items()}
    assert all((row["rated_at"] is None) == (row["score"] is None) for row in rows["support_ratings"])


def test_a_second_sync_brings_only_what_changed_and_a_third_nothing(zendesk: Zendesk, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    with served(zendesk.app) as url:
        sync(source_at(url), landing)
        agent, other = sorted(zendesk.users)[:2]
        zendesk.comment(5, agent, "once more", status="open")
        zendesk.change(6, agent, assignee_id=other)
        zendesk.change(7, agent, status="deleted")
        zendesk.users[other] |= {"active": False, "updated_at": zendesk._tick()}
        answered = next(number for number, rating in zendesk.ratings.items() if rating["score"] == "offered")
        zendesk.rate(answered, "bad")
        sync(source_at(url), landing)
        assert landed(landing) == {"tickets": 3, "ticket_events": 3, "users": 1, "satisfaction_ratings": 1}
        assert sync(source_at(url), landing) == []
    rows = rows_of(tmp_path)
    tickets = {row["ticket_id"]: row for row in rows["support_tickets"]}
    assert tickets["5"]["status"] == "open"
    assert tickets["6"]["assignee_id"] == str(other)
    assert tickets["7"]["deleted_at"] is not None
    assert {row["rating_id"]: row["score"] for row in rows["support_ratings"]}[str(answered)] == 0.0
    assert [row["user_id"] for row in rows["support_users"] if row["deleted_at"] is not None] == [str(other)]


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_ends_in_the_same_rows(zendesk: Zendesk, tmp_path: Path, seed: int) -> None:
    with served(zendesk.app) as url:
        sync(source_at(url), Landing(tmp_path / "clean"))
    with served(faults := Faults(zendesk.app, seed, hang_seconds=1.5, lists=LISTS)) as url:
        sync_on_a_bad_day(source_at(url, rows_per_load=150), Landing(tmp_path / "spoilt"), faults)
    assert rows_of(tmp_path / "spoilt") == rows_of(tmp_path / "clean")


def test_a_wrong_token_is_named_and_never_shown(zendesk: Zendesk, tmp_path: Path) -> None:
    with served(zendesk.app) as url, pytest.raises(SourceError, match=r"refuses the token.*HTTP 401") as caught:
        sync(source_at(url, token="planted-wrong-token"), Landing(tmp_path))
    assert "planted" not in str(caught.value)
    assert Landing(tmp_path).loads("desk") == []


def test_the_probe_says_what_it_saw(zendesk: Zendesk) -> None:
    with served(zendesk.app) as url:
        assert source_at(url).probe() == "160 tickets, read as an admin"
