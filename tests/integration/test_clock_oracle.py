"""Business time of the models against an oracle that steps through local dates with Python's `zoneinfo`."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.warehouse import CompiledProject, Rows, Warehouse

SEED = 20260301
TICKETS_PER_ZONE = 250
SCHEDULES_PER_ZONE = 7
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)

# Switches on Fridays and Thursdays, at midnight, of half an hour, in the southern summer, for Ramadan; offsets of 30 and 45 minutes.
ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York", "America/Santiago", "America/Sao_Paulo",
    "America/St_Johns", "Asia/Beirut", "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tehran", "Australia/Lord_Howe",
    "Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Europe/London", "Pacific/Apia", "Pacific/Chatham",
)  # fmt: skip


@dataclass(frozen=True)
class Era:
    """Years that tickets are drawn from."""

    starts_at: datetime
    ends_at: datetime
    zones: tuple[str, ...] = ZONES

    @property
    def as_of(self) -> datetime:
        """When observation ends."""
        return self.ends_at + 60 * DAY


ERAS = (
    # Samoa had no 30 December 2011.
    Era(datetime(2011, 12, 10, tzinfo=UTC), datetime(2012, 1, 20, tzinfo=UTC), ("Pacific/Apia",)),
    # Brazil switched at midnight until 2019.
    Era(datetime(2017, 9, 1, tzinfo=UTC), datetime(2019, 3, 1, tzinfo=UTC)),
    Era(datetime(2024, 3, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)),
)


@cache
def zone_info(name: str) -> ZoneInfo:
    """The zone from the locked `tzdata` package: the machine's own database may be of any year."""
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as content:
        return ZoneInfo.from_file(content, key=name)


# The oracle.


@dataclass(frozen=True)
class Hours:
    """One row of `support_schedules`; `opens` and `closes` are minutes since local midnight."""

    zone: str
    weekday: int
    opens: int
    closes: int
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, eq=False)
class Schedule:
    schedule_id: str
    hours: tuple[Hours, ...]
    holidays: frozenset[date]
    opened: dict[date, list[tuple[datetime, datetime]]] = field(default_factory=dict)

    def end_of(self, hours: Hours) -> datetime | None:
        """When a row stops to hold: as it says, else when the weekday's next version begins."""
        if hours.valid_to:
            return hours.valid_to
        later = [
            other.valid_from
            for other in self.hours
            if other.weekday == hours.weekday and other.valid_from and (hours.valid_from is None or other.valid_from > hours.valid_from)
        ]
        return min(later, default=None)

    def openings(self, day: date) -> list[tuple[datetime, datetime]]:
        """What opens on a local date, in UTC."""
        if day not in self.opened:
            self.opened[day] = list(self._openings(day))
        return self.opened[day]

    def _openings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day in self.holidays:
            return
        for hours in self.hours:
            if hours.weekday != day.isoweekday():
                continue
            midnight = datetime.combine(day, time())
            until = hours.closes if hours.closes > hours.opens else hours.closes + 1440
            starts_at = instant(midnight + timedelta(minutes=hours.opens), hours.zone, is_closing=False)
            ends_at = instant(midnight + timedelta(minutes=until), hours.zone, is_closing=True)
            valid_to = self.end_of(hours)
            starts_at = max(starts_at, hours.valid_from) if hours.valid_from else starts_at
            ends_at = min(ends_at, valid_to) if valid_to else ends_at
            if starts_at < ends_at:
                yield starts_at, ends_at

    def open_time(self, start: datetime, end: datetime) -> timedelta:
        """Time open in [start, end)."""
        day, last = start.date() - 4 * DAY, end.date() + 2 * DAY
        found: list[tuple[datetime, datetime]] = []
        while day <= last:
            found += self.openings(day)
            day += DAY
        total, counted_until = timedelta(), start
        for opens_at, closes_at in sorted(found):
            first, stop = max(opens_at, counted_until), min(closes_at, end)
            if first < stop:
                total += stop - first
                counted_until = stop
        return total


def instant(local: datetime, zone: str, *, is_closing: bool) -> datetime:
    """The instant of a wall-clock time: after a gap by its length; in a fold the first for openings, the last for closings."""
    first = local.replace(tzinfo=zone_info(zone)).astimezone(UTC)
    is_in_gap = first.astimezone(zone_info(zone)).replace(tzinfo=None) != local
    if is_in_gap or not is_closing:
        return first
    return local.replace(tzinfo=zone_info(zone), fold=1).astimezone(UTC)


@dataclass(frozen=True)
class Ticket:
    """A ticket that was asked, pending, answered and, mostly, solved; else `solved_at` is the end of observation.

    `schedules` are the schedule at first and after each change.
    """

    zone: str
    is_solved: bool
    created_at: datetime
    asked_at: datetime
    pending_at: datetime
    replied_at: datetime
    solved_at: datetime
    schedules: tuple[tuple[datetime, str | None], ...]

    def business_time(self, start: datetime, end: datetime, known: dict[str, Schedule]) -> timedelta | None:
        """Time open in [start, end) across the schedules in force; None where there was none.

        What is replaced in the instant it is set was never in force; the first that was holds before it, too.
        """
        parts: list[timedelta] = []
        ends = [*(at for at, _ in self.schedules[1:]), None]
        in_force = [each for each, until in zip(self.schedules, ends, strict=True) if until is None or each[0] < until]
        for number, (since, schedule_id) in enumerate(in_force):
            first = start if number == 0 else max(start, since)
            stop = min(end, in_force[number + 1][0]) if number + 1 < len(in_force) else end
            if first < stop and schedule_id in known:
                parts.append(known[schedule_id].open_time(first, stop))
        return sum(parts, timedelta()) if parts else None

    def had_schedule(self, known: dict[str, Schedule]) -> bool:
        return self.business_time(self.asked_at - DAY, self.solved_at + DAY, known) is not None


# What is drawn.


@cache
def switches(zone: str, era: Era) -> tuple[datetime, ...]:
    """The instants at which the zone's clocks change in an era."""
    found, earlier = [], era.starts_at
    while earlier < era.ends_at:
        later = earlier + DAY / 4
        low, high = earlier, later
        while offset(zone, low) != offset(zone, high) and high - low > timedelta(seconds=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if offset(zone, low) != offset(zone, middle) else (middle, high)
        if offset(zone, earlier) != offset(zone, later):
            found.append(high.replace(microsecond=0))
        earlier = later
    return tuple(found)


def offset(zone: str, at: datetime) -> timedelta:
    shift = at.astimezone(zone_info(zone)).utcoffset()
    assert shift is not None
    return shift


def around(draw: random.Random, zone: str, era: Era, days: float = 3) -> datetime:
    """An instant of the era; three of four are within days of a switch, where the zone has any."""
    changes = switches(zone, era)
    if changes and draw.random() < 0.75:
        return draw.choice(changes) + draw.uniform(-days, days) * DAY
    return era.starts_at + draw.random() * (era.ends_at - era.starts_at)


WEEK, WORKDAYS = range(1, 8), range(1, 6)


def clock(hours: int, minutes: int = 0) -> int:
    return hours * 60 + minutes


Shifts = list[tuple[range, int, int]]
KINDS: dict[str, Callable[[random.Random], Shifts]] = {
    "day": lambda _: [(WORKDAYS, clock(9), clock(17))],
    "split": lambda _: [(range(1, 7), clock(8, 30), clock(12, 15)), (range(1, 7), clock(13), clock(18, 45))],
    "night": lambda _: [(WEEK, clock(22), clock(30))],
    "night that closes next morning": lambda _: [(WORKDAYS, clock(22), clock(6))],
    "always": lambda _: [(WEEK, clock(0), clock(24))],
    "always, in two shifts": lambda _: [(WEEK, clock(2, 30), clock(14, 30)), (WEEK, clock(14, 30), clock(26, 30))],
    "opens in gaps and folds": lambda draw: [(WEEK, clock(draw.choice([0, 1, 2]), draw.choice([0, 15, 30, 45])), clock(10))],
    "closes in gaps and folds": lambda draw: [(WEEK, clock(18), clock(draw.choice([23, 24, 25, 26]), draw.choice([0, 15, 30, 45])))],
    "short, in gaps and folds": lambda draw: [
        (WEEK, opens, opens + draw.choice([5, 20, 30, 60])) for opens in (draw.choice([0, 20, 40, 60]), 90, draw.choice([125, 150]), 1410)
    ],
    "overlapping": lambda _: [
        (WEEK, clock(8), clock(13)), (WEEK, clock(12), clock(20)), (WEEK, clock(12, 30), clock(13)), (WEEK, clock(19), clock(27)),
    ],
    "two days long": lambda _: [(range(5, 6), clock(20), clock(47, 30))],
    "any": lambda draw: [(range(day, day + 1), draw.randrange(2880), draw.randrange(2880)) for day in draw.choices(WEEK, k=8)],
}  # fmt: skip


def drawn_schedule(draw: random.Random, zone: str, kind: str, era: Era) -> Schedule:
    """A schedule with up to three versions and some holidays, several of them where clocks change."""
    later = sorted(around(draw, zone, era) for _ in range(draw.choice([0, 0, 1, 2])))
    starts = [None if draw.random() < 0.8 else era.starts_at + 20 * DAY, *later]
    rows: dict[tuple[int, int, datetime | None], Hours] = {}
    for number, valid_from in enumerate(starts):
        shifts = KINDS[kind if number == 0 else draw.choice(list(KINDS))](draw)
        moved_to = draw.choice(ZONES) if number and draw.random() < 0.2 else zone
        explicit_end = draw.random() < 0.3
        for days, opens, closes in shifts:
            valid_to = (valid_from or era.starts_at) + draw.uniform(0, 400) * DAY if explicit_end else None
            for weekday in days:
                rows[weekday, opens, valid_from] = Hours(moved_to, weekday, opens, closes, valid_from, valid_to)
    holidays = frozenset(around(draw, zone, era, days=1.5).date() for _ in range(25))
    return Schedule(f"{zone} {kind}", tuple(rows.values()), holidays)


def drawn_ticket(draw: random.Random, zone: str, era: Era, ours: list[Schedule], known: dict[str, Schedule]) -> Ticket:
    start = around(draw, zone, era)
    longest = draw.choice([0.02, 0.3, 1, 3, 9]) * DAY
    points = [start, *(start + draw.random() * longest for _ in range(3))]
    schedule = draw.choice(ours)
    for number, point in enumerate(points):
        edges = [edge for opening in schedule.openings(point.date()) for edge in opening]
        if edges and draw.random() < 0.3:
            points[number] = draw.choice(edges) + draw.choice([-1, 0, 0, 1]) * MICROSECOND
    created_at, pending_at, replied_at, solved_at = sorted(points)
    asked_at = created_at if draw.random() < 0.8 else created_at - draw.random() * DAY
    is_solved = draw.random() < 0.985
    solved_at = solved_at if is_solved else era.as_of
    schedules: list[tuple[datetime, str | None]] = [
        (created_at, draw.choices([schedule.schedule_id, None, "unknown"], [0.9, 0.05, 0.05])[0])
    ]
    for at in sorted(created_at + draw.random() * (solved_at - created_at) for _ in range(draw.choice([0, 0, 1, 3]))):
        others = [draw.choice(ours).schedule_id, draw.choice(ours).schedule_id, draw.choice(list(known)), None, "unknown"]
        schedules.append((at, draw.choice(others)))
    return Ticket(zone, is_solved, created_at, asked_at, pending_at, replied_at, solved_at, tuple(schedules))


@dataclass(frozen=True)
class Company:
    schedules: dict[str, Schedule]
    tickets: dict[str, Ticket]

    @classmethod
    def drawn(cls, draw: random.Random, era: Era) -> "Company":
        by_zone = {
            zone: [drawn_schedule(draw, zone, kind, era) for kind in draw.sample(list(KINDS), SCHEDULES_PER_ZONE)] for zone in era.zones
        }
        known = {schedule.schedule_id: schedule for schedules in by_zone.values() for schedule in schedules}
        tickets = [drawn_ticket(draw, zone, era, ours, known) for zone, ours in by_zone.items() for _ in range(TICKETS_PER_ZONE)]
        return cls(known, {f"t{number}": ticket for number, ticket in enumerate(tickets)})

    def tables(self) -> Mapping[str, Rows]:
        """The company as canonical tables."""
        rows: dict[str, list[dict[str, Any]]] = {
            "support_users": [{"user_id": "agent", "role": "agent"}, {"user_id": "customer", "role": "customer"}],
            "support_tickets": [], "support_messages": [], "support_ticket_changes": [], "support_schedules": [], "support_holidays": [],
        }  # fmt: skip
        for schedule in self.schedules.values():
            for hours in schedule.hours:
                rows["support_schedules"].append(
                    {
                        "schedule_id": schedule.schedule_id, "time_zone": hours.zone, "weekday": hours.weekday,
                        "opens_at": f"{hours.opens // 60:02}:{hours.opens % 60:02}",
                        "closes_at": f"{hours.closes // 60:02}:{hours.closes % 60:02}",
                        "valid_from": hours.valid_from, "valid_to": hours.valid_to,
                    }
                )  # fmt: skip
            rows["support_holidays"] += [{"schedule_id": schedule.schedule_id, "local_date": day} for day in sorted(schedule.holidays)]
        for ticket_id, ticket in self.tickets.items():
            key = {"ticket_id": ticket_id}
            rows["support_tickets"].append(
                {
                    **key,
                    "created_at": ticket.created_at,
                    "requester_id": "customer",
                    "schedule_id": ticket.schedules[-1][1],
                    "status": "solved" if ticket.is_solved else "pending",
                }
            )
            for number, author, sent_at in ((1, "customer", ticket.asked_at), (2, "agent", ticket.replied_at)):
                message = {**key, "message_id": f"{ticket_id} {number}", "author_id": author, "sent_at": sent_at, "is_public": True}
                rows["support_messages"].append(message)
            changes: list[tuple[str, datetime, str | None, str | None]] = [("status", ticket.pending_at, "open", "pending")]
            changes += [("status", ticket.solved_at, "pending", "solved")] if ticket.is_solved else []
            changes += [
                ("schedule_id", at, ticket.schedules[number][1], schedule_id)
                for number, (at, schedule_id) in enumerate(ticket.schedules[1:])
            ]
            for number, (name, at, old, new) in enumerate(changes):
                change = {"change_id": f"{ticket_id} {number}", "changed_at": at, "field": name, "old_value": old, "new_value": new}
                rows["support_ticket_changes"].append({**key, **change})
        return rows


# What is compared.

# The interval that each published column measures; a wait is a sum over intervals, so it is zero where no schedule was in force.
COLUMNS: dict[str, Callable[[Ticket], tuple[datetime, datetime]]] = {
    "first_human_reply_business_seconds": lambda ticket: (ticket.asked_at, ticket.replied_at),
    "full_resolution_business_seconds": lambda ticket: (ticket.created_at, ticket.solved_at),
    "requester_wait_business_seconds": lambda ticket: (ticket.created_at, ticket.pending_at),
    "agent_wait_business_seconds": lambda ticket: (ticket.pending_at, ticket.solved_at),
}


def expected_seconds(ticket: Ticket, column: str, known: dict[str, Schedule]) -> float | None:
    start, end = COLUMNS[column](ticket)
    if not ticket.had_schedule(known) or (column == "full_resolution_business_seconds" and not ticket.is_solved):
        return None
    measured = ticket.business_time(start, end, known)
    if measured is None and start == end:
        return 0.0
    return None if measured is None else (measured // MICROSECOND) / 1e6


@pytest.mark.parametrize("era", ERAS, ids=lambda era: f"from {era.starts_at.year}")
def test_duckdb_and_the_oracle_know_the_same_zones(era: Era) -> None:
    with Warehouse(CompiledProject({})) as warehouse:
        read = warehouse.connection.execute(
            """
            select zone_name, read_at, epoch(timezone(zone_name, read_at)::timestamptz)::bigint - epoch(read_at)::bigint
            from unnest(?::varchar[]) as zones(zone_name)
            cross join unnest(generate_series(?::timestamptz, ?::timestamptz, interval 6 hour)) as instants(read_at)
            """,
            [list(era.zones), era.starts_at - 30 * DAY, era.ends_at + 30 * DAY],
        ).fetchall()
    assert [(zone, at) for zone, at, seconds in read if offset(zone, at) != timedelta(seconds=seconds)] == []


def test_business_time_is_what_stepping_through_local_dates_finds(compiled_project: CompiledProject) -> None:
    n_intervals, n_near_switches, zones, wrong = 0, 0, set(), []
    for era in ERAS:
        company = Company.drawn(random.Random(SEED), era)
        with Warehouse(compiled_project, "fct_tickets", threads=2) as warehouse:
            warehouse.fill(company.tables(), as_of=era.as_of)
            found = warehouse.frame(f"select ticket_id, {', '.join(COLUMNS)} from core.fct_tickets")
        assert found.height == len(company.tickets)
        for row in found.iter_rows(named=True):
            ticket = company.tickets[row["ticket_id"]]
            for column, interval in COLUMNS.items():
                start, end = interval(ticket)
                expected = expected_seconds(ticket, column, company.schedules)
                n_intervals += start < end
                n_near_switches += any(start - 3 * DAY < switch < end + 3 * DAY for switch in switches(ticket.zone, era))
                if row[column] != expected:
                    wrong.append((ticket, column, row[column], expected))
            zones.add(ticket.zone)
    print(f"{n_intervals} intervals ({n_near_switches} within days of a switch) in {len(zones)} zones, {len(wrong)} wrong")
    assert wrong[:3] == []
    assert n_intervals >= 30_000
    assert n_near_switches >= n_intervals / 2
