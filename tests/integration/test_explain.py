"""`twoway explain` against the models, on tickets made to be difficult, and on a partial backfill."""

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.explain.measures import Workings
from pipelines.explain.snapshot import Published
from pipelines.explain.ticket_text import is_fed
from tests.conftest import twoway

AS_OF = datetime(2026, 4, 10, tzinfo=UTC)
STATUSES = ["new", "open", "pending", "hold", "solved", "closed"]
N_TICKETS = 150
CUSTOMERS, AGENTS = ["c1", "c2"], ["a1", "a2"]


def _write(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))


def _users() -> list[dict[str, Any]]:
    people = [{"user_id": name, "role": "customer"} for name in CUSTOMERS] + [{"user_id": name, "role": "agent"} for name in AGENTS]
    return [*people, {"user_id": "b1", "role": "agent", "is_bot": True}, {"user_id": "s1", "role": "system"}]


def _difficult() -> dict[str, list[dict[str, Any]]]:
    """Tickets around a clock change with ties, private notes, bots, changing schedules, reopens and odd ends."""
    dice = random.Random(20260329)
    tables: dict[str, list[dict[str, Any]]] = {"support_tickets": [], "support_messages": [], "support_ticket_changes": []}
    for number in range(N_TICKETS):
        ticket_id, created = f"t{number}", datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=15 * dice.randrange(300))
        present: dict[str, Any] = {
            "status": dice.choice(STATUSES),
            "assignee_id": dice.choice([None, *AGENTS]),
            "group_id": dice.choice([None, "g1", "g2"]),
            "schedule_id": dice.choice([None, "day", "night", "unknown schedule"]),
        }
        choices = {"status": STATUSES, "assignee_id": [None, *AGENTS], "group_id": [None, "g1"], "schedule_id": [None, "day", "night"]}
        for field, options in choices.items():
            before, changed = dice.choice(options), created
            for _ in range(dice.randrange(6)):
                changed += timedelta(minutes=dice.choice([0, 7, 95, 600]))
                after = dice.choice(options)
                change_id = str(len(tables["support_ticket_changes"]))
                change = {"change_id": change_id, "ticket_id": ticket_id, "changed_at": changed, "field": field}
                tables["support_ticket_changes"].append({**change, "old_value": before, "new_value": after})
                before = present[field] = after
        sent = created
        for _ in range(dice.randrange(9)):
            sent += timedelta(seconds=dice.choice([0, 0, 1, 90, 3601, 40_000, 500_000]))
            tables["support_messages"].append(
                {
                    "message_id": f"m{dice.randrange(10**9)}",
                    "ticket_id": ticket_id,
                    "author_id": dice.choice([*CUSTOMERS, *CUSTOMERS, *AGENTS, "b1", "s1"]),
                    "sent_at": sent,
                    "is_public": dice.random() < 0.8,
                }
            )
        odd = {
            "merged_into_ticket_id": "t0" if number and dice.random() < 0.05 else None,
            "is_spam": dice.random() < 0.05,
            "is_proactive": dice.random() < 0.05,
            "deleted_at": created + timedelta(days=1) if dice.random() < 0.05 else None,
        }
        tables["support_tickets"].append(
            {
                "ticket_id": ticket_id,
                "created_at": created,
                "requester_id": dice.choice(CUSTOMERS),
                "brand_id": "difficult",
                **present,
                **odd,
            }
        )
    tables["support_schedules"] = [
        {"schedule_id": name, "time_zone": "Europe/Berlin", "weekday": weekday, "opens_at": opens_at, "closes_at": closes_at}
        for name, opens_at, closes_at in (("day", "09:00", "17:00"), ("night", "22:00", "26:30"))
        for weekday in range(1, 8)
    ]
    tables["brands"] = [{"brand_id": "difficult", "time_zone": "Europe/Berlin", "observed_until": "2026-04-02T09:30:00Z"}]
    return {**tables, "support_users": _users()}


def _partial() -> dict[str, list[dict[str, Any]]]:
    """Tickets since January, messages since March only, no history of changes."""
    tickets, messages = [], []
    for month in (1, 2, 3, 4):
        asked = datetime(2026, month, 2, 9, tzinfo=UTC)
        ticket_id = f"p{month}"
        tickets.append({"ticket_id": ticket_id, "created_at": asked, "requester_id": "c1", "status": "open", "brand_id": "partial"})
        if month >= 3:
            messages.append(
                {"message_id": f"{ticket_id}-1", "ticket_id": ticket_id, "author_id": "c1", "sent_at": asked, "is_public": True}
            )
            reply = asked + timedelta(hours=month)
            messages.append(
                {"message_id": f"{ticket_id}-2", "ticket_id": ticket_id, "author_id": "a1", "sent_at": reply, "is_public": True}
            )
    twin = {"ticket_id": "t7", "created_at": datetime(2026, 4, 1, tzinfo=UTC), "requester_id": "c1", "brand_id": "partial"}
    return {"support_tickets": [*tickets, twin], "support_messages": messages, "support_users": _users()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with both sources published."""
    folder = tmp_path_factory.mktemp("explain")
    _write(folder / "difficult", _difficult())
    _write(folder / "partial", _partial())
    entries = [f'[[files]]\nid = "{name}"\npath = "{folder / name}"\n' for name in ("difficult", "partial")]
    (folder / "twoway.toml").write_text("".join(entries))
    result = twoway("run", "--home", folder / "home", "--as-of", AS_OF.isoformat(), cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def published(home: Path) -> Iterator[Published]:
    with Published(home / "published" / "twoway.duckdb") as opened:
        yield opened


def test_every_measure_worked_out_anew_equals_the_published_one(published: Published) -> None:
    differing, compared = [], 0
    for row in published.rows("select source_id, ticket_id from core.fct_tickets order by all"):
        ticket = published.ticket(row["ticket_id"], row["source_id"])
        assert ticket is not None
        for measure in Workings(ticket.timeline, ticket.stands_alone).measures():
            if not is_fed(measure, ticket.row):
                continue
            compared += 1
            if not measure.equals(ticket.row[measure.column]):
                differing.append((row["ticket_id"], measure.column, measure.value, ticket.row[measure.column]))
    assert differing == []
    assert compared > 3000


def test_the_difficult_tickets_are_difficult(published: Published) -> None:
    (counts,) = published.rows(
        """
        select count(distinct exclusion_reason) as n_reasons, count(first_human_reply_business_seconds) as n_business,
            count(*) filter (where first_human_reply_business_seconds < first_human_reply_calendar_seconds) as n_closed,
            count(*) filter (where n_turns > 1) as n_turns, count(*) filter (where n_reopens > 0) as n_reopened,
            count(*) filter (where n_handoffs > 0) as n_handed, count(unassigned_business_seconds) as n_unassigned
        from core.fct_tickets where source_id = 'difficult'
        """
    )
    assert counts["n_reasons"] >= 4
    assert min(counts.values()) >= 4, counts


def test_figures_of_a_partial_backfill_are_usable_and_say_since_when_they_are_complete(home: Path, published: Published) -> None:
    labels = {row["metric_group"]: row for row in published.rows("from meta.complete_since where source_id = 'partial'")}
    replies = labels["reply times, calendar"]
    assert replies["complete_since"] == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert replies["missing_tables"] is None
    assert replies["first_event_at_by_table"]["support_tickets"] == datetime(2026, 1, 2, 9, tzinfo=UTC)
    assert labels["reply times, business"]["missing_tables"] == ["support_schedules"]
    assert labels["waits and resolutions, calendar"]["missing_tables"] == ["support_ticket_changes"]
    assert labels["satisfaction"]["complete_since"] is None
    waits = published.rows(
        """
        select ticket_id, first_human_reply_calendar_seconds / 3600 as hours, first_human_reply_business_seconds as business
        from core.fct_tickets
        where source_id = 'partial' and created_at >= ? and ticket_id <> 't7' order by created_at
        """,
        [replies["complete_since"]],
    )
    assert [(row["ticket_id"], row["hours"], row["business"]) for row in waits] == [("p3", 3.0, None), ("p4", 4.0, None)]
    report = (home / "report" / "index.html").read_text()
    assert "since when figures are complete" in report
    assert "2026-03-02 09:00" in report


def test_an_id_that_several_sources_have_asks_for_the_source(home: Path) -> None:
    refused = twoway("explain", "t7", "--home", home)
    assert refused.returncode == 2
    assert "difficult, partial" in refused.stderr
    assert "--source" in refused.stderr
    told = twoway("explain", "t7", "--source", "partial", "--home", home)
    assert told.returncode == 0
    assert "Ticket t7 of source partial" in told.stdout


def test_an_unknown_id_names_ids_near_it_and_how_to_list_them(home: Path) -> None:
    result = twoway("explain", "p9", "--home", home)
    assert result.returncode == 1
    assert "Near it: p1, p2, p3, p4" in result.stderr
    assert "twoway query" in result.stderr
    assert "\x1b" not in twoway("explain", "p\x1b[31m9", "--home", home).stderr
    assert "Sources with tickets: difficult, partial." in twoway("explain", "p1", "--source", "nowhere", "--home", home).stderr


def test_a_customer_is_shown_by_the_beginning_of_the_id(home: Path, published: Published) -> None:
    (customer,) = published.rows("select distinct customer_id from core.fct_tickets where source_id = 'partial'")
    result = twoway("explain", customer["customer_id"][:8], "--home", home)
    assert result.returncode == 0
    assert f"Customer {customer['customer_id']}" in result.stdout
    assert "2 in 2 conversations, 2 answered by a human, median wait 3 h 30 min" in result.stdout
    assert "first human reply after 4 h" in result.stdout


def test_a_tampered_value_is_shown_and_exits_1(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "home" / "published" / "twoway.duckdb"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((home / "published" / "twoway.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("update core.fct_tickets set n_turns = n_turns + 1 where ticket_id = 'p3'")
    result = twoway("explain", "p3", "--home", tmp_path / "home")
    assert result.returncode == 1
    assert "≠ customer turns" in result.stdout
    assert re.search(r"\b1 of \d+ measures differ", result.stdout)


def test_an_empty_home_says_what_to_run(tmp_path: Path) -> None:
    result = twoway("explain", "101", "--home", tmp_path)
    assert result.returncode == 1
    assert "Run `twoway run` first" in result.stderr
