"""Every SLA target of random tickets against a second implementation that counts minutes one by one.

The oracle shares no idea with the models: time is an array of minutes, a clock is which of them count, and the
target of a minute is looked up at that minute. All instants of the random company lie on whole minutes, so that
both must agree exactly.
"""

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.dbt import dbt_environment
from pipelines.landing import Landing
from pipelines.paths import DBT_PROJECT, DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.sources.files import FilesSource
from pipelines.state import begin_build
from pipelines.warehouse import RunContext, connect, load_raw

SEED, N_TICKETS = 20260401, 500
# Both zones change their clocks in this month.
START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = 31 * 24 * 60
AS_OF = START + timedelta(minutes=MINUTES)
# The calendar of opening hours ends with the local days that begin 400 days after as_of.
HORIZON = MINUTES + 403 * 24 * 60
OBSERVED = {"north": MINUTES, "south": MINUTES - 6 * 24 * 60 - 17}
METRICS = ("first_reply", "next_reply", "requester_wait", "agent_work", "resolution")
PRIORITIES = ("low", "normal", "high", "urgent")
RUNS_IN = {
    "requester_wait": {"new", "open", "hold"},
    "agent_work": {"new", "open"},
    "resolution": {"new", "open", "hold", "pending"},
}
# Zone, weekdays, opening and closing in minutes after local midnight, local holidays, end of validity in minutes.
SCHEDULES = {
    "berlin": ("Europe/Berlin", range(1, 6), 9 * 60, 17 * 60, {date(2026, 3, 11)}, None),
    "new_york": ("America/New_York", range(1, 7), 8 * 60 + 30, 18 * 60, {date(2026, 3, 17)}, None),
    "night": ("America/New_York", range(1, 8), 22 * 60, 30 * 60, set(), None),
    "ending": ("Europe/Berlin", range(1, 6), 9 * 60, 17 * 60, set(), MINUTES - 3 * 24 * 60),
}

Row = dict[str, Any]
Minutes = NDArray[np.bool_]


@dataclass
class Ticket:
    """A random ticket: initial values, changes as (minute, field, value), messages as (minute, author, is_public)."""

    ticket_id: str
    created: int
    brand: str
    flag: str
    initial: dict[str, str | None]
    changes: list[tuple[int, str, str | None]] = field(default_factory=list)
    messages: list[tuple[int, str, bool]] = field(default_factory=list)

    def at(self, name: str, minute: int) -> str | None:
        """The value of a field at a minute; what it was at first counts before the ticket was created too."""
        value = self.initial[name]
        for when, changed, new in self.changes:
            if changed == name and when <= minute:
                value = new
        return value


# The random company.


def random_policies(chance: random.Random) -> list[Row]:
    scopes = [("p_any", None, None), ("p_north", "north", None), ("p_billing", None, "billing"), ("p_both", "north", "billing"),
              ("p_named", None, "nowhere"), ("p_any_too", None, None), ("p_south", "south", None)]  # fmt: skip
    policies: list[Row] = []
    for policy_id, brand, queue in scopes:
        for metric in METRICS:
            for priority in PRIORITIES:
                starts: list[int | None] = [None]
                starts += sorted(chance.sample(range(MINUTES), chance.choice([0, 0, 1, 2])))
                if chance.random() < 0.15:
                    continue
                for number, start in enumerate(starts):
                    following = starts[number + 1] if number + 1 < len(starts) else None
                    end = following - chance.randrange(3000) if following and chance.random() < 0.3 else None
                    policies.append({
                        "policy_id": policy_id, "metric": metric, "priority": priority, "brand_id": brand, "queue": queue,
                        "schedule_id": chance.choice([None, None, None, None, "berlin", "night", "ending", "ghost"]),
                        "target": chance.choice([5, 30, 60, 240, 480, 960, 2400, 9000, 400 * 24 * 60]),
                        "in_business_hours": chance.choice([None, False, True, True]),
                        "start": start, "end": end if end is None or start is None or end > start else start + 1, "next": following,
                    })  # fmt: skip
    return policies


def random_ticket(chance: random.Random, number: int) -> Ticket:
    created = chance.randrange(60, MINUTES - 8 * 24 * 60)
    values: dict[str, list[str | None]] = {
        "priority": [None, *PRIORITIES, *PRIORITIES],
        "queue": [None, "billing", "tech"],
        "sla_policy_id": [None, None, None, None, "p_named", "p_named", "p_any", "p_any", "ghost"],
        "schedule_id": [None, "berlin", "berlin", "new_york", "new_york", "night", "night", "ghost"],
    }
    ticket = Ticket(
        ticket_id=f"t{number}",
        created=created,
        brand=chance.choice(list(OBSERVED)),
        flag=chance.choice(["", "", "", "", "", "", "", "", "spam", "merged", "deleted"]),
        initial={name: chance.choice(choices) for name, choices in values.items()} | {"status": chance.choice(["new", "open"])},
    )
    life = chance.choice([300, 3000, 12000])
    minutes = iter(sorted(chance.sample(range(created + 1, created + life), 24)))
    for minute in minutes:
        name = chance.choice(["priority", "queue", "sla_policy_id", "schedule_id", "status", "status", "status", "message", "message"])
        if name == "message":
            author = chance.choice(["ann", "ann", "ben", "agent", "agent", "bot"])
            ticket.messages.append((minute, author, chance.random() < 0.8))
        elif name == "status" and ticket.at("status", minute) != "closed":
            ticket.changes.append((minute, name, chance.choice(["open", "open", "pending", "hold", "solved", "solved", "closed"])))
        elif name != "status" and chance.random() < 0.5:
            ticket.changes.append((minute, name, chance.choice(values[name])))
    if chance.random() < 0.9:
        ticket.messages.append((created - chance.choice([0, 0, 7]), chance.choice(["ann", "ann", "ann", "agent"]), True))
    ticket.messages.sort()
    return ticket


# The oracle.


def instant(minute: int | None) -> str | None:
    return None if minute is None else (START + timedelta(minutes=minute)).isoformat()


def open_minutes(schedule_id: str) -> Minutes:
    """Which minutes a schedule is open in, asked of each minute's own local time."""
    zone, weekdays, opens, closes, holidays, ends = SCHEDULES[schedule_id]
    is_open = np.zeros(HORIZON, dtype=bool)
    last_day = (AS_OF + timedelta(days=400)).date()
    for hour in range(0, HORIZON, 60):
        local = (START + timedelta(minutes=hour)).astimezone(ZoneInfo(zone))
        after_midnight = local.hour * 60 + local.minute
        for day, offset in ((local.date(), 0), (local.date() - timedelta(days=1), 24 * 60)):
            if day.isoweekday() in weekdays and day not in holidays and day <= last_day:
                passed = after_midnight + offset + np.arange(60)
                is_open[hour : hour + 60] |= (passed >= opens) & (passed < closes)
    if ends is not None:
        is_open[ends:] = False
    return is_open


def policy_row(policies: list[Row], ticket: Ticket, metric: str, minute: int) -> Row | None:
    """The policy's row that holds for a ticket at a minute, read off the rules word by word."""
    in_force = [
        row for row in policies
        if (row["start"] is None or row["start"] <= minute)
        and (row["end"] is None or minute < row["end"])
        and (row["end"] is not None or row["next"] is None or minute < row["next"])
    ]  # fmt: skip
    policy_id = ticket.at("sla_policy_id", minute)
    if policy_id is None:
        queue = ticket.at("queue", minute)
        fitting = [row for row in in_force if row["brand_id"] in (None, ticket.brand) and row["queue"] in (None, queue)]
        fitting.sort(key=lambda row: (row["queue"] is None, row["brand_id"] is None, row["policy_id"]))
        policy_id = fitting[0]["policy_id"] if fitting else None
    priority = ticket.at("priority", minute)
    found = [row for row in in_force if (row["policy_id"], row["metric"], row["priority"]) == (policy_id, metric, priority)]
    return found[0] if found else None


def target_of(policies: list[Row], ticket: Ticket, metric: str, minute: int) -> tuple[Any, ...] | None:
    row = policy_row(policies, ticket, metric, minute)
    if row is None:
        return None
    is_business = bool(row["in_business_hours"])
    schedule_id = (row["schedule_id"] or ticket.at("schedule_id", minute)) if is_business else None
    return row["policy_id"], row["priority"], row["target"], is_business, schedule_id if schedule_id in SCHEDULES else None


@dataclass
class Instance:
    """One metric instance: which minutes its clock runs in, whether it runs on after the last, when it was fulfilled."""

    metric: str
    number: int
    running: Minutes
    is_running_still: bool
    fulfilled: int | None


def instances_of(ticket: Ticket) -> Iterator[Instance]:
    if ticket.flag:
        return
    end = OBSERVED[ticket.brand]
    public = [(minute, author) for minute, author, is_public in ticket.messages if is_public and minute <= end]
    asks = [minute for minute, author in public if author in ("ann", "ben")]
    if not public or public[0][1] in ("ann", "ben"):
        waits = [("first_reply", 1, asks[0] if asks else ticket.created)]
        answers = [minute for minute, author in public if author == "agent"]
        waiting: set[str] = set()
        number = 0
        for minute, author in public:
            if author == "agent":
                waiting.clear()
            elif author != "bot" and author not in waiting:
                waiting.add(author)
                if minute != asks[0]:
                    number += 1
                    waits.append(("next_reply", number, minute))
        for metric, which, asked in waits:
            reply = min((minute for minute in answers if minute > asked), default=None)
            running = np.zeros(MINUTES, dtype=bool)
            running[asked : end if reply is None else reply] = True
            yield Instance(metric, which, running, reply is None, reply)
    statuses = [(ticket.created, ticket.initial["status"] or "new")]
    statuses += [(minute, new or "") for minute, name, new in ticket.changes if name == "status" and minute <= end]
    for metric, running_in in RUNS_IN.items():
        running = np.zeros(MINUTES, dtype=bool)
        for number, (minute, status) in enumerate(statuses):
            until = statuses[number + 1][0] if number + 1 < len(statuses) else end
            running[minute:until] = status in running_in
        fulfilled = None
        for minute, status in reversed(statuses):
            if status not in ("solved", "closed"):
                break
            fulfilled = minute
        yield Instance(metric, 1, running, statuses[-1][1] in running_in, fulfilled)


def periods_of(policies: list[Row], ticket: Ticket, instance: Instance, clocks: dict[str | None, Minutes]) -> Iterator[Row]:
    minutes = np.flatnonzero(instance.running)
    edges = {minute for minute, _, _ in ticket.changes}
    edges |= {row[edge] for row in policies for edge in ("start", "end") if row[edge] is not None}
    looks = np.flatnonzero((np.diff(minutes, prepend=-1) != 1) | np.isin(minutes, list(edges)))
    targets = [target_of(policies, ticket, instance.metric, int(minutes[place])) for place in looks]
    changes = [n for n in range(len(looks)) if n == 0 or targets[n] != targets[n - 1]]
    ends = [*(int(looks[n]) for n in changes[1:]), len(minutes)]
    spans = [(int(looks[n]), end, targets[n]) for n, end in zip(changes, ends, strict=False)]
    spans = [(first, last, target) for first, last, target in spans if target is not None]
    for number, (first, last, target) in enumerate(spans, start=1):
        yield judged(instance, minutes, first, last, target, clocks) | {
            "ticket_id": ticket.ticket_id,
            "metric": instance.metric,
            "instance_number": instance.number,
            "period_number": number,
            "is_final_period": number == len(spans),
        }


def judged(
    instance: Instance, minutes: NDArray[np.int_], first: int, last: int, target: tuple[Any, ...], clocks: dict[str | None, Minutes]
) -> Row:
    """One period, from the first of the instance's running minutes under the target up to the last one, exclusive."""
    policy_id, priority, wanted, is_business, schedule_id = target
    start, stop = int(minutes[first]), int(minutes[last - 1]) + 1
    is_last = last == len(minutes)
    is_running = is_last and instance.is_running_still
    due = elapsed = None
    if schedule_id is not None or not is_business:
        clock = clocks[schedule_id]
        run = np.cumsum(clock[minutes[:last]])
        elapsed = int(run[-1])
        if elapsed >= wanted:
            due = max(start, int(minutes[int(np.argmax(run >= wanted))]) + 1)
        elif instance.metric.endswith("reply") or is_running or (not is_last and minutes[last] == stop):
            ahead = np.flatnonzero(clock[stop:])[: wanted - elapsed]
            due = stop + int(ahead[-1]) + 1 if len(ahead) == wanted - elapsed else None
    is_breached = due is not None and (due < stop or (is_running and due <= stop))
    fulfilled = instance.fulfilled if is_last else None
    is_over = is_last and (instance.fulfilled is None)
    is_known = schedule_id is not None or not is_business
    return {
        "policy_id": policy_id, "priority": priority, "target_seconds": wanted * 60, "is_business_hours": is_business,
        "schedule_id": schedule_id, "starts_at": instant(start), "ends_at": None if is_over else instant(stop), "due_at": instant(due),
        "breached_at": instant(due) if is_breached else None, "fulfilled_at": instant(fulfilled),
        "elapsed_seconds": None if elapsed is None else elapsed * 60.0,
        "would_be_within": False if is_breached else True if fulfilled is not None and is_known else None,
    }  # fmt: skip


def oracle(policies: list[Row], tickets: list[Ticket]) -> list[Row]:
    clocks: dict[str | None, Minutes] = {name: open_minutes(name) for name in SCHEDULES}
    clocks[None] = np.ones(HORIZON, dtype=bool)
    rows = [
        row for ticket in tickets for instance in instances_of(ticket) for row in periods_of(policies, ticket, instance, clocks)
    ]  # fmt: skip
    for row in rows:
        within = row.pop("would_be_within")
        row["is_within_target"] = within if row["is_final_period"] else None
    return rows


# The warehouse.


def write(folder: Path, table: str, rows: list[Row]) -> None:
    with (folder / f"{table}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_company(folder: Path, policies: list[Row], tickets: list[Ticket]) -> None:
    folder.mkdir()
    write(folder, "brands", [{"brand_id": name, "observed_until": instant(until)} for name, until in OBSERVED.items()])
    roles = {"ann": "customer", "ben": "customer", "agent": "agent", "bot": "agent"}
    write(folder, "support_users", [{"user_id": name, "role": role, "is_bot": name == "bot"} for name, role in roles.items()])
    write(folder, "support_tickets", [
        {"ticket_id": t.ticket_id, "created_at": instant(t.created), "requester_id": "ann", "brand_id": t.brand,
         "is_spam": t.flag == "spam", "merged_into_ticket_id": "t0" if t.flag == "merged" else None,
         "deleted_at": instant(MINUTES) if t.flag == "deleted" else None, **{name: t.at(name, HORIZON) for name in t.initial}}
        for t in tickets
    ])  # fmt: skip
    write(folder, "support_messages", [
        {"message_id": f"{t.ticket_id}m{number}", "ticket_id": t.ticket_id, "author_id": author, "sent_at": instant(minute),
         "is_public": is_public}
        for t in tickets for number, (minute, author, is_public) in enumerate(t.messages)
    ])  # fmt: skip
    write(folder, "support_ticket_changes", [
        {"change_id": f"{t.ticket_id}c{number}", "ticket_id": t.ticket_id, "changed_at": instant(minute), "field": name,
         "old_value": t.at(name, minute - 1), "new_value": value}
        for t in tickets for number, (minute, name, value) in enumerate(t.changes)
    ])  # fmt: skip
    write(folder, "support_schedules", [
        {"schedule_id": name, "time_zone": zone, "weekday": weekday, "opens_at": f"{opens // 60:02}:{opens % 60:02}",
         "closes_at": f"{closes // 60:02}:{closes % 60:02}", "valid_to": instant(ends)}
        for name, (zone, weekdays, opens, closes, _, ends) in SCHEDULES.items() for weekday in weekdays
    ])  # fmt: skip
    write(folder, "support_holidays", [
        {"schedule_id": name, "local_date": day.isoformat()} for name, schedule in SCHEDULES.items() for day in schedule[4]
    ])  # fmt: skip
    write(folder, "support_sla_policies", [
        {key: row[key] for key in ("policy_id", "metric", "priority", "brand_id", "queue", "schedule_id", "in_business_hours")}
        | {"target_seconds": row["target"] * 60, "valid_from": instant(row["start"]), "valid_to": instant(row["end"])}
        for row in policies
    ])  # fmt: skip


def build_targets(folder: Path, home: Home) -> list[Row]:
    """Land the files, load raw and build what fct_sla_targets needs, as a run does."""
    home.prepare()
    landing = Landing(home.landing)
    load = landing.land(FilesSource("acme", folder), home.temp)
    with connect(home.build, "1GB", home.temp) as connection:
        load_raw(connection, landing, RunContext(AS_OF, [load], load_plan(DEFAULT_PLAN), b"key", hide_agents=False))
    begin_build(home, "1GB", full_refresh=False)
    # Of tests only those whose every model is built.
    command = [str(Path(sys.executable).with_name("dbt")), "--warn-error", "build", "--select", "+fct_sla_targets"]
    command += ["--indirect-selection", "buildable"]
    command += ["--exclude-resource-type", "unit_test", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    command += ["--target-path", str(home.root / "dbt")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **dbt_environment(home, "1GB")})
    assert result.returncode == 0, result.stdout
    with duckdb.connect(str(home.build), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        cursor = connection.execute("select * exclude (source_id, brand_id, turn_id) from core.fct_sla_targets")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def comparable(rows: list[Row]) -> dict[tuple[Any, ...], str]:
    """Rows by grain, as text."""
    grain = ("ticket_id", "metric", "instance_number", "period_number")
    plain = [{k: v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]
    return {tuple(row[key] for key in grain): json.dumps(row, sort_keys=True) for row in plain}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], list[Row]]:
    """What the oracle expects, and what the warehouse says."""
    chance = random.Random(SEED)
    policies = random_policies(chance)
    tickets = [random_ticket(chance, number) for number in range(N_TICKETS)]
    folder = tmp_path_factory.mktemp("sla")
    write_company(folder / "input", policies, tickets)
    return oracle(policies, tickets), build_targets(folder / "input", Home(folder / "home"))


def test_every_target_is_due_and_breached_when_counting_minutes_says_so(targets: tuple[list[Row], list[Row]]) -> None:
    expected, found = comparable(targets[0]), comparable(targets[1])
    wrong = [key for key in expected | found if expected.get(key) != found.get(key)]
    shown = "\n".join(f"{key}\n  oracle {expected.get(key)}\n  model  {found.get(key)}" for key in wrong[:5])
    assert not wrong, f"{len(wrong)} of {len(expected)} rows differ:\n{shown}"


def test_the_random_company_reaches_every_case(targets: tuple[list[Row], list[Row]]) -> None:
    rows = targets[0]
    cases = {(row["metric"], row["is_business_hours"], row["breached_at"] is not None, row["due_at"] is not None) for row in rows}
    wanted = {(metric, clock, is_breached, True) for metric in METRICS for clock in (False, True) for is_breached in (False, True)}
    assert wanted <= cases
    assert {row["period_number"] for row in rows} >= {1, 2, 3, 4}
    assert any(row["schedule_id"] is None and row["is_business_hours"] for row in rows)
    assert any(row["ends_at"] is None for row in rows)
    assert {row["is_within_target"] for row in rows} == {True, False, None}
