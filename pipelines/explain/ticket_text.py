"""A ticket's worked example as text for a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from pipelines.explain.measures import Measure, Turn, Workings, asked, is_reopen
from pipelines.explain.origins import LandedRows, origin_lines
from pipelines.explain.snapshot import PublishedTicket
from pipelines.explain.timeline import FieldInterval, Message
from pipelines.explain.words import arithmetic, clock_time, day, duration, printable, short

ACTORS = {"customer": "customer", "human_agent": "human agent", "bot": "bot", "system": "system", "unknown": "unknown author"}
FIELDS = {"assignee_id": "assignee", "group_id": "group", "schedule_id": "schedule", "sla_policy_id": "policy"}
REASONS = {
    "deleted": "the source deleted it",
    "spam": "the source marks it as spam",
    "test": "the source marks it as a test",
    "merged": "it was merged into another ticket",
    "company_opened": "the company opened it: the first public message is not a customer's, or the source says so",
    "unknown_requester": "nobody knows whether a customer opened it",
    "after_observation": "it was opened after the end of observation",
}
# What a helpdesk without messages, or without its change log, leaves empty; told by a measure that is never empty else.
FED_BY_MESSAGES = ("n_turns", ("reply", "replies", "turns", "touch"))
FED_BY_CHANGES = ("n_handoffs", ("wait", "new_", "open_", "hold_", "unassigned", "resolution", "reopens", "handoffs", "stations", "touch"))
CREATED, SENT, CHANGED = range(3)
STARTS = ", the first reply clocks start"
DEFINITIONS = "docs/definitions.md"


@dataclass(frozen=True)
class Line:
    """One line of the timeline; `rank` orders what happened at one instant: a message goes before the status it sets."""

    at: datetime
    rank: int
    what: str
    effect: str


@dataclass(frozen=True)
class Explained:
    """A ticket's text, and the measures whose published value is another."""

    text: str
    differing: list[Measure]


def explain_ticket(ticket: PublishedTicket, landed: list[LandedRows]) -> Explained:
    """Work out the ticket's measures anew and set them beside the published ones."""
    workings = Workings(ticket.timeline, ticket.stands_alone)
    measures = [measure for measure in workings.measures() if is_fed(measure, ticket.row)]
    differing = [measure for measure in measures if not measure.equals(ticket.row[measure.column])]
    blocks = [
        _header(ticket),
        ["Timeline", *timeline_lines(ticket, workings)],
        ["Schedules in force", *_schedules(ticket, workings)],
        ["Measures", *_measures(ticket, measures)],
        ["Targets, as published", *_targets(ticket)] if ticket.targets else [],
        ["Ratings", *_ratings(ticket)] if ticket.ratings else [],
        ["Landed rows", *origin_lines(landed)],
        _verdict(ticket, measures, differing),
    ]
    return Explained("\n\n".join("\n".join(block) for block in blocks if block), differing)


def is_fed(measure: Measure, row: dict[str, Any]) -> bool:
    """Whether the source delivers what the measure is made of, or a value is published all the same."""
    if row[measure.column] is not None:
        return True
    missing = [words for sign, words in (FED_BY_MESSAGES, FED_BY_CHANGES) if row[sign] is None]
    return not any(word in measure.column for words in missing for word in words)


def _header(ticket: PublishedTicket) -> list[str]:
    row = ticket.row
    reason = row["exclusion_reason"]
    facts = {
        "brand": f"{row['brand_id']}, local times of {ticket.zone.key}",
        "customer": row["customer_id"],
        "channel": row["channel"],
        "status": row["status"],
        "priority": row["priority"],
        "queue": row["queue"],
        "screen": row["source_url"],
        "reply times": "counted" if reason is None else f"left out ({reason}): {REASONS.get(reason, reason)}",
        "made from": None if ticket.stands_alone else f"post {row['social_post_id']}",
        "merged into": row["survivor_ticket_id"] or row["merged_into_ticket_id"],
        "watched until": _moment(ticket.timeline.observed_end_at, ticket),
    }
    title = f"Ticket {printable(row['ticket_id'])} of source {printable(row['source_id'])}"
    return [title, *(f"  {name:<14}{printable(value)}" for name, value in facts.items() if value is not None)]


def timeline_lines(ticket: PublishedTicket, workings: Workings) -> Iterator[str]:
    lines = sorted([*_change_lines(ticket), *_message_lines(ticket, workings)], key=lambda line: (line.at, line.rank))
    width = max((len(line.what) for line in lines), default=0)
    for local_day, of_day in groupby(lines, key=lambda line: day(line.at, ticket.zone)):
        yield f"  {local_day}"
        for line in of_day:
            yield f"    {clock_time(line.at, ticket.zone):<9}{line.what:<{width}}  {line.effect}".rstrip()


def _change_lines(ticket: PublishedTicket) -> Iterator[Line]:
    timeline = ticket.timeline
    statuses = timeline.of("status")
    yield Line(timeline.created_at, CREATED, "ticket created", f"status {statuses[0].value}" if statuses else "")
    over_at = next((each.starts_at for each in statuses if each.value in ("closed", "deleted")), None)
    for each in timeline.history:
        if each.number > 1 or (each.field != "status" and each.value is not None):
            yield _change_line(each, is_over=over_at is not None and each.starts_at > over_at)
        if each.field == "status" and each is statuses[-1] and each.ends_at is not None:
            yield Line(each.ends_at, CHANGED, "ticket deleted", "ends every clock")


def _change_line(each: FieldInterval, is_over: bool) -> Line:
    name = FIELDS.get(each.field, each.field)
    is_person = each.field == "assignee_id"
    before, after = (("none" if v is None else short(v) if is_person else printable(v)) for v in (each.previous_value, each.value))
    what = f"{name} {after}" if each.number == 1 else f"{name} {before} → {after}"
    return Line(each.starts_at, CREATED if each.number == 1 else CHANGED, what, _effect_of_change(each, is_over))


def _effect_of_change(each: FieldInterval, is_over: bool) -> str:
    if each.value == each.previous_value:
        return "changes nothing"
    if each.field == "status":
        if is_over:
            return "nobody waits: the ticket is over"
        if is_reopen(each.previous_value, each.value):
            return "reopened: waits run again"
        return {
            "new": "the requester waits",
            "open": "the requester waits",
            "hold": "the requester waits",
            "pending": "the agent side waits",
            "solved": "solved: waits stop",
            "closed": "closed: waits end for good",
            "deleted": "deleted: ends every clock",
        }.get(each.value or "", "")
    if each.field == "assignee_id" and each.previous_value and each.value and each.previous_value != each.value:
        return "a hand-off"
    if each.field == "schedule_id":
        return "business time runs by this schedule from here on"
    return ""


def _message_lines(ticket: PublishedTicket, workings: Workings) -> Iterator[Line]:
    first_ask = asked(ticket.timeline)
    for message in ticket.timeline.messages:
        author = ACTORS.get(message.actor_kind, message.actor_kind)
        who = f"{author} {short(message.asker)}" if message.asker else author
        visible = "public" if message.is_public else "private"
        what = f"{who}, {visible} message {printable(message.message_id)}"
        effect = _effect_of_message(message, first_ask, workings.turns)
        is_counted = ticket.timeline.exclusion_reason is None
        yield Line(message.sent_at, SENT, what, effect if is_counted else effect.removesuffix(STARTS))


def _effect_of_message(message: Message, first_ask: tuple[datetime, str], turns: list[Turn]) -> str:
    if not message.is_observed:
        return "after the end of observation: counts for nothing"
    if not message.is_public:
        return "counts for nothing: the customer can't see it"
    numbers = {id(turn): number for number, turn in enumerate(turns, start=1)}
    opened = next((turn for turn in turns if turn.ask is message), None)
    if opened is not None:
        first = STARTS if message.order == first_ask else ""
        return f"opens turn {numbers[id(opened)]}{first}"
    if message.actor_kind == "customer":
        return "the turn is open already: nothing restarts"
    ended = [str(numbers[id(turn)]) for turn in turns if turn.human_reply is message]
    if ended:
        return f"human reply: ends turn {' and '.join(ended)}"
    stopped = [str(numbers[id(turn)]) for turn in turns if turn.any_reply is message]
    if stopped:
        return f"stops the any-reply clock of turn {' and '.join(stopped)} only"
    return "answers no open turn" if message.actor_kind in ("human_agent", "bot") else "counts for nothing"


def _schedules(ticket: PublishedTicket, workings: Workings) -> list[str]:
    if not workings.clock.in_force:
        return ["  none: the ticket has calendar clocks only"]
    created, observed = ticket.timeline.created_at, ticket.timeline.observed_end_at
    lines = []
    for each in workings.clock.in_force:
        start, end = max(each.span.start, created), min(each.span.end, observed)
        lines.append(f"  {printable(each.schedule_id)}, from {_moment(start, ticket)} to {_moment(end, ticket)}")
    return lines


def _measures(ticket: PublishedTicket, measures: list[Measure]) -> list[str]:
    if not measures:
        return ["  none: the ticket is out of all metrics, or its source delivers neither messages nor changes"]
    head = ("", "worked out", "published", "how")
    rows = [head] + [
        (measure.label, value_in_words(measure.value), _published(ticket.row[measure.column]), arithmetic(measure, ticket.zone))
        for measure in measures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    marks = [" ", *("=" if measure.equals(ticket.row[measure.column]) else "≠" for measure in measures)]
    lines = [
        f"  {mark} {label:<{widths[0]}}  {value:<{widths[1]}}  {published:>{widths[2]}}  {how}".rstrip()
        for mark, (label, value, published, how) in zip(marks, rows, strict=True)
    ]
    if not ticket.stands_alone:
        lines.append(
            "  The ticket was made from a public post, whose thread answers it too: its replies and turns are not worked out here."
        )
    return lines


def value_in_words(value: object) -> str:
    """A measure's value for people."""
    if value is None:
        return "none"
    return duration(value) if isinstance(value, timedelta) else printable(value)


def _published(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:,.6f}".rstrip("0").rstrip(".") + " s" if isinstance(value, float) else printable(value)


def _targets(ticket: PublishedTicket) -> Iterator[str]:
    rows = sorted(ticket.targets, key=lambda row: (row["metric"], row["instance_number"], row["period_number"]))
    for row in rows:
        name = row["metric"] if row["instance_number"] == 1 else f"{row['metric']} {row['instance_number']}"
        clock = f"open by {row['schedule_id']}" if row["is_business_hours"] else "calendar"
        within = f"{duration(timedelta(seconds=row['target_seconds']))} ({clock})"
        if row["breached_at"] is not None:
            outcome = f"missed at {_moment(row['breached_at'], ticket)}"
        elif row["fulfilled_at"] is not None:
            outcome = f"met at {_moment(row['fulfilled_at'], ticket)}"
        else:
            outcome = "replaced by another target" if not row["is_final_period"] else "not decided"
        due = "no due time" if row["due_at"] is None else f"due {_moment(row['due_at'], ticket)}"
        yield f"  {printable(name):<16}{printable(within):<26}{due:<28}{outcome}"


def _moment(instant: datetime, ticket: PublishedTicket) -> str:
    return f"{day(instant, ticket.zone)} {clock_time(instant, ticket.zone)}"


def _ratings(ticket: PublishedTicket) -> Iterator[str]:
    for rating in ticket.ratings:
        scale = f"on a scale from {rating['scale_min']:g} to {rating['scale_max']:g}"
        given = f"{rating['score']:g} {scale}" if rating["is_rated"] else "asked for, not given"
        yield f"  {printable(rating['rating_id']):<16}{given}"


def _verdict(ticket: PublishedTicket, measures: list[Measure], differing: list[Measure]) -> list[str]:
    if differing:
        names = ", ".join(measure.column for measure in differing)
        first = f"{len(differing)} of {len(measures)} measures differ from the published ones (≠ above): {names}."
        lines = [
            first,
            "That is a fault of Twoway's, not of the data. Please report it with the lines above; they hold no customer's words.",
        ]
    elif measures:
        lines = [f"All {len(measures)} measures, worked out anew from the timeline, equal the published ones."]
    else:
        lines = ["There is nothing to compare."]
    return [*lines, f"Why the screen{'' if ticket.row['source_url'] else ' of a vendor'} may show other numbers: {DEFINITIONS}"]
