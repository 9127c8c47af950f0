"""Small companies as hypothesis draws them, and the changes whose effect is known beforehand."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.warehouse import Rows

MONDAY = datetime(2026, 3, 23, tzinfo=UTC)
"""The week in which Europe's clocks go forward."""
AS_OF = MONDAY + timedelta(days=21)
STEP = timedelta(minutes=30)
STEPS_PER_WEEK = 7 * 48

USERS: tuple[Mapping[str, Any], ...] = (
    {"user_id": "ann", "role": "customer"},
    {"user_id": "bob", "role": "customer"},
    {"user_id": "agent", "role": "agent"},
    {"user_id": "admin", "role": "admin"},
    {"user_id": "bot", "role": "agent", "is_bot": True},
    {"user_id": "system", "role": "system"},
    {"user_id": "promoted", "role": "agent"},
)
PROMOTED_AT = MONDAY + timedelta(days=3)
AUTHORS = ("agent", "bot", "ann", "agent", "bot", "bob", "admin", "system", "promoted", "unlisted")

# The rows overlap, and the night's last ones lie in the hour that the clocks skip.
HOURS = (
    ("day", range(1, 6), "09:00", "17:00"),
    ("day", range(3, 6), "12:00", "20:00"),
    ("night", range(4, 8), "22:00", "30:00"),
    ("night", range(6, 8), "01:30", "02:30"),
)
SCHEDULES = ("day", "night", "day", "night", None, "gone")
VISIBILITIES = ((True, None), (True, False), (True, None), (True, False), (False, None), (True, True))
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")


@dataclass(frozen=True)
class Message:
    """A message; `name` is the part of its id that settles ties."""

    name: str
    author: str
    sent_at: datetime
    is_public: bool = True
    is_side_conversation: bool | None = None


@dataclass(frozen=True)
class Change:
    changed_at: datetime
    field: str
    value: str | None


@dataclass(frozen=True)
class Ticket:
    ticket_id: str
    created_at: datetime
    requester: str
    status: str
    schedule: str | None
    is_proactive: bool | None
    messages: tuple[Message, ...]
    changes: tuple[Change, ...]

    @property
    def asked_at(self) -> datetime | None:
        """When somebody who always was a customer first wrote in public."""
        return min(
            (m.sent_at for m in self.messages if m.author in ("ann", "bob") and m.is_public and not m.is_side_conversation), default=None
        )

    @property
    def last_at(self) -> datetime:
        return max((message.sent_at for message in self.messages), default=self.created_at)

    def with_message(self, message: Message) -> "Ticket":
        return replace(self, messages=(*self.messages, message))


@dataclass(frozen=True)
class Company:
    tickets: tuple[Ticket, ...]
    holidays: frozenset[tuple[str, date]]

    def tables(self, source_id: str, shuffled_by: random.Random | None = None) -> dict[str, list[dict[str, Any]]]:
        """The company as canonical tables of one source, in another order of rows if asked for."""
        rows: dict[str, list[dict[str, Any]]] = {
            "support_users": [dict(user) for user in USERS],
            "support_user_role_changes": [{"user_id": "promoted", "changed_at": PROMOTED_AT, "new_role": "agent"}],
            "support_schedules": [
                {"schedule_id": schedule_id, "time_zone": "Europe/Berlin", "weekday": weekday, "opens_at": opens_at, "closes_at": closes_at}
                for schedule_id, weekdays, opens_at, closes_at in HOURS
                for weekday in weekdays
            ],
            "support_holidays": [{"schedule_id": schedule_id, "local_date": day} for schedule_id, day in sorted(self.holidays)],
            "support_tickets": [],
            "support_messages": [],
            "support_ticket_changes": [],
        }
        for ticket in self.tickets:
            for table, found in ticket_rows(ticket).items():
                rows[table] += found
        for found in rows.values():
            if shuffled_by:
                shuffled_by.shuffle(found)
            for row in found:
                row["source_id"] = source_id
        return rows


def ticket_rows(ticket: Ticket) -> dict[str, list[dict[str, Any]]]:
    """A ticket with its messages and changes; each change replaces what the one before set."""
    key = {"ticket_id": ticket.ticket_id}
    present: dict[str, str | None] = {"status": ticket.status, "schedule_id": ticket.schedule}
    changes = []
    for number, change in enumerate(sorted(ticket.changes, key=lambda change: change.changed_at)):
        values = {"old_value": present[change.field], "new_value": change.value}
        present[change.field] = change.value
        name = f"{ticket.ticket_id} {number}"
        changes.append({**key, "change_id": name, "changed_at": change.changed_at, "field": change.field, **values})
    messages = [
        {
            **key, "message_id": f"{message.name} {ticket.ticket_id}", "author_id": message.author, "sent_at": message.sent_at,
            "is_public": message.is_public, "is_side_conversation": message.is_side_conversation,
        }
        for message in ticket.messages
    ]  # fmt: skip
    opened = {"created_at": ticket.created_at, "requester_id": ticket.requester, "is_proactive": ticket.is_proactive}
    return {"support_tickets": [{**key, **opened, **present}], "support_messages": messages, "support_ticket_changes": changes}


def beside_each_other(*tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, Rows]:
    """Tables of several sources as one input."""
    return {name: [row for one in tables for row in one[name]] for name in tables[0]}


# What is drawn.


def instants(earliest: int = 0, latest: int = STEPS_PER_WEEK) -> st.SearchStrategy[datetime]:
    """Instants on a grid of half hours, so that some are the same."""
    return st.integers(earliest, latest).map(lambda steps: MONDAY + steps * STEP)


@st.composite
def tickets(draw: st.DrawFn, ticket_id: str) -> Ticket:
    created_at = draw(instants())
    waits = st.sampled_from((0, 1, 2, 7, 14, 30, 60))
    messages, sent_at = [], created_at - STEP * draw(st.sampled_from((0, 0, 0, 1)))
    for number, steps in enumerate(draw(st.lists(waits, min_size=2, max_size=5))):
        sent_at += steps * STEP
        is_public, is_side_conversation = draw(st.sampled_from(VISIBILITIES))
        author = draw(st.sampled_from(("ann", "bob") if number == 0 else AUTHORS))
        messages.append(
            Message(f"{9 - number if draw(st.booleans()) else number}{number}", author, sent_at, is_public, is_side_conversation)
        )
    changes, changed_at = [], created_at
    for steps in draw(st.lists(waits, max_size=4)):
        changed_at += steps * STEP
        name, values = draw(st.sampled_from((("status", STATUSES), ("status", STATUSES), ("schedule_id", SCHEDULES))))
        changes.append(Change(changed_at, name, draw(st.sampled_from(values))))
    return Ticket(
        ticket_id=ticket_id,
        created_at=created_at,
        requester=draw(st.sampled_from(("ann", "bob", "bob", "unlisted", "agent"))),
        status=draw(st.sampled_from(("new", "open"))),
        schedule=draw(st.sampled_from(SCHEDULES)),
        is_proactive=draw(st.sampled_from((None, False, None, False, True))),
        messages=tuple(messages),
        changes=tuple(changes),
    )


def holidays() -> st.SearchStrategy[tuple[str, date]]:
    return st.tuples(st.sampled_from(("day", "night")), st.integers(-1, 12).map(lambda days: (MONDAY + timedelta(days=days)).date()))


@st.composite
def companies(draw: st.DrawFn) -> Company:
    n_tickets = draw(st.integers(1, 4))
    return Company(tuple(draw(tickets(f"t{number}")) for number in range(n_tickets)), frozenset(draw(st.sets(holidays(), max_size=2))))
