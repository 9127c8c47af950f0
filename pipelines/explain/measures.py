"""A ticket's measures, worked out from its timeline: the rules of the models, written a second time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from pipelines.explain.timeline import NO_TIME, BusinessClock, Message, Span, Timeline, clip, total

OUT_OF_ALL_METRICS = ("deleted", "spam", "test", "merged")
STATUSES_OF_WAITS = {
    "requester wait": ("new", "open", "hold"),
    "agent wait": ("pending",),
    "time in new": ("new",),
    "time in open": ("open",),
    "time in hold": ("hold",),
}
COLUMNS_OF_WAITS = {
    "requester wait": "requester_wait",
    "agent wait": "agent_wait",
    "time in new": "new",
    "time in open": "open",
    "time in hold": "hold",
}
TOUCHES = {0: "no_touch", 1: "one_touch", 2: "two_touch"}


@dataclass(frozen=True)
class Measure:
    """One measure of a ticket, with what it was made of.

    Args:
        label: its name for people.
        column: its column in core.fct_tickets.
        value: what was worked out: a time, a count or a word; None where it does not apply.
        spans: for times, what was added up: whole waits on the calendar clock.
        lengths: for times, what each of them adds: all of it, or on the business clock the open part.
        closed: for business times, the parts of those waits in which no schedule was open.
        divisor: for means, the number of waits.
        how: for what is not a time, how it came about.
    """

    label: str
    column: str
    value: timedelta | int | str | bool | None
    spans: Sequence[Span] = ()
    lengths: Sequence[timedelta] = ()
    closed: Sequence[Span] = ()
    divisor: int = 1
    how: str = ""

    @property
    def is_business(self) -> bool:
        return self.column.endswith("_business_seconds")

    def equals(self, published: object) -> bool:
        """Whether the published value is the same, times to the microsecond."""
        if isinstance(self.value, timedelta) and isinstance(published, int | float):
            return abs(self.value - timedelta(seconds=published)) <= timedelta(microseconds=1)
        return self.value == published


@dataclass(frozen=True)
class Turn:
    """A customer's wait: the message that opened it and the messages that ended it on either clock."""

    ask: Message
    human_reply: Message | None
    any_reply: Message | None


def turns_of(timeline: Timeline) -> list[Turn]:
    """Customer turns: a customer's messages that wait for the same human answer are one."""
    messages = [message for message in timeline.messages if message.counts]
    turns: list[Turn] = []
    waiting: set[str | None] = set()
    for index, message in enumerate(messages):
        if message.actor_kind == "human_agent":
            waiting.clear()
        elif message.actor_kind == "customer" and message.asker not in waiting:
            waiting.add(message.asker)
            later = messages[index + 1 :]
            turns.append(Turn(message, _first(later, "human_agent"), _first(later, "human_agent", "bot")))
    return turns


def _first(messages: Sequence[Message], *kinds: str) -> Message | None:
    return next((message for message in messages if message.actor_kind in kinds), None)


def asked(timeline: Timeline) -> tuple[datetime, str]:
    """Instant and message that the reply clocks start with: the first public customer message, else the creation."""
    ask = next((message for message in timeline.messages if message.counts and message.actor_kind == "customer"), None)
    return ask.order if ask else (timeline.created_at, "")


def replies_after(timeline: Timeline, order: tuple[datetime, str], *kinds: str) -> list[Message]:
    """Public messages of these kinds, strictly later by time and id."""
    return [message for message in timeline.messages if message.counts and message.actor_kind in kinds and message.order > order]


class Workings:
    """All measures of one ticket.

    Args:
        timeline: what happened.
        stands_alone: whether the ticket is answered by its own messages only; one made from a public post is
            answered in the post's thread too, and shares its turns.
    """

    def __init__(self, timeline: Timeline, stands_alone: bool = True) -> None:
        self.timeline = timeline
        self.clock = BusinessClock(timeline)
        self.stands_alone = stands_alone
        self.turns = turns_of(timeline)

    def measures(self) -> list[Measure]:
        """Every measure that core.fct_tickets gives of this ticket; none where it is out of all metrics."""
        if self.timeline.exclusion_reason in OUT_OF_ALL_METRICS:
            return []
        return [*self._replies(), *self._turns(), *self._waits(), *self._unassigned(), *self._resolutions(), *self._counts()]

    def _times(
        self, label: str, stem: str, spans: Sequence[Span] | None, absent: str = "", is_mean: bool = False, is_sum: bool = False
    ) -> list[Measure]:
        """A measure on both clocks.

        Args:
            label: its name for people.
            stem: its columns without their clock and unit.
            spans: what is added up; None where the measure does not apply.
            absent: why it does not apply.
            is_mean: whether the sum is divided by the number of spans.
            is_sum: whether no time adds up to zero, once the ticket had a schedule at all.
        """
        calendar, business = f"{stem}_calendar_seconds", f"{stem}_business_seconds"
        if spans is None:
            return [
                Measure(f"{label}, {clock}", name, None, how=absent) for clock, name in (("calendar", calendar), ("business", business))
            ]
        divisor = len(spans) if is_mean else 1
        lengths = [span.length for span in spans]
        measured = Measure(f"{label}, calendar", calendar, total(spans) / divisor, spans, lengths, divisor=divisor)
        known = [(span, parts) for span in spans if (parts := self.clock.open_parts(span)) is not None]
        is_nothing = is_sum and bool(self.clock.in_force) and total(spans) == NO_TIME
        if not known and not is_nothing:
            return [measured, Measure(f"{label}, business", business, None, how="no schedule was in force")]
        opened = [total(parts) for _, parts in known]
        closed = [gap for span, parts in known for gap in gaps(span, parts)]
        divisor = len(known) if is_mean else 1
        inside = [span for span, _ in known]
        return [measured, Measure(f"{label}, business", business, sum(opened, NO_TIME) / divisor, inside, opened, closed, divisor)]

    def _replies(self) -> list[Measure]:
        if not self.stands_alone:
            return []
        order = asked(self.timeline)
        found: list[Measure] = []
        for label, stem, kinds in (
            ("first human reply", "first_human_reply", ("human_agent",)),
            ("first reply, bots too", "first_any_reply", ("human_agent", "bot")),
        ):
            replies = replies_after(self.timeline, order, *kinds)
            is_counted = self.timeline.exclusion_reason is None
            spans = [Span(order[0], replies[0].sent_at)] if replies and is_counted else None
            found += self._times(label, stem, spans, "not answered" if is_counted else "left out of reply times")
        return found

    def _turns(self) -> list[Measure]:
        if not self.stands_alone or self.timeline.exclusion_reason is not None:
            return []
        waits = [(turn.ask, Span(turn.ask.sent_at, turn.human_reply.sent_at)) for turn in self.turns if turn.human_reply]
        first = self.turns[0].ask if self.turns else None
        later = [span for ask, span in waits if ask is not first]
        every = [span for _, span in waits]
        found = self._times("mean next human reply", "mean_next_human_reply", later or None, "no later turn was answered", is_mean=True)
        found += self._times("total human reply", "total_human_reply", every or None, "no turn was answered")
        waiting = sum(turn.human_reply is None for turn in self.turns)
        found.append(Measure("customer turns", "n_turns", len(self.turns), how=f"{len(waits)} answered, {waiting} not"))
        return found

    def waiting_spans(self) -> list[tuple[str, Span]]:
        """Spans in which somebody waited, with the status: up to solved, again from a reopen, until closed or deleted."""
        found: list[tuple[str, Span]] = []
        for each in self.timeline.of("status"):
            if each.value in ("closed", "deleted"):
                break
            if each.value != "solved" and each.starts_at < self.timeline.until(each):
                found.append((each.value or "new", Span(each.starts_at, self.timeline.until(each))))
        return found

    def _waits(self) -> list[Measure]:
        found: list[Measure] = []
        for label, statuses in STATUSES_OF_WAITS.items():
            spans = [span for status, span in self.waiting_spans() if status in statuses]
            found += self._times(label, COLUMNS_OF_WAITS[label], spans, is_sum=True)
        return found

    def _unassigned(self) -> list[Measure]:
        held = [Span(each.starts_at, self.timeline.until(each)) for each in self.timeline.of("assignee_id") if each.value is not None]
        alone: list[Span] = []
        for _, span in self.waiting_spans():
            alone += gaps(span, [part for each in held if (part := clip(each, span)) is not None])
        return self._times("unassigned", "unassigned", alone, is_sum=True)

    def resolved_at(self) -> tuple[datetime | None, datetime | None]:
        """First and last resolution: solved, or closed where never solved; the last one only while it holds."""
        statuses = self.timeline.of("status")
        changes = [each for each in statuses[1:] if each.value != each.previous_value]
        solved = [each.starts_at for each in changes if each.value == "solved"]
        closed = [each.starts_at for each in changes if each.value == "closed"]
        first = solved[0] if solved else closed[-1] if closed else None
        is_over = bool(statuses) and statuses[-1].value in ("solved", "closed")
        last = (solved[-1] if solved else closed[-1] if closed else None) if is_over else None
        return first, last

    def _resolutions(self) -> list[Measure]:
        found: list[Measure] = []
        for label, stem, resolved_at in zip(
            ("first resolution", "full resolution"), ("first_resolution", "full_resolution"), self.resolved_at(), strict=True
        ):
            found += self._times(label, stem, [Span(self.timeline.created_at, resolved_at)] if resolved_at else None, "not solved")
        return found

    def _counts(self) -> list[Measure]:
        reopens = sum(is_reopen(each.previous_value, each.value) for each in self.timeline.of("status"))
        replies = len(replies_after(self.timeline, asked(self.timeline), "human_agent"))
        touch_kind = TOUCHES.get(replies, "multi_touch") if self.resolved_at()[1] else None
        stays = {name: self.timeline.of(name) for name in ("assignee_id", "group_id")}
        handoffs = sum(bool(each.previous_value and each.value and each.previous_value != each.value) for each in stays["assignee_id"])
        stations = {name: sum(each.value is not None and each.value != each.previous_value for each in stays[name]) for name in stays}
        return [
            Measure("public human replies", "n_public_human_replies", replies, how="after the ask"),
            Measure("touches", "touch_kind", touch_kind, how="by public human replies, once resolved"),
            Measure("reopens", "n_reopens", reopens, how="solved, then unsolved again"),
            Measure("hand-offs", "n_handoffs", handoffs, how="from one agent to another"),
            Measure("assignee stations", "n_assignee_stations", stations["assignee_id"], how="stays; coming back counts again"),
            Measure("group stations", "n_group_stations", stations["group_id"], how="stays; coming back counts again"),
        ]


def is_reopen(before: str | None, after: str | None) -> bool:
    """Whether a change of status wakes a solved ticket."""
    return before == "solved" and after in ("new", "open", "pending", "hold")


def gaps(span: Span, parts: Sequence[Span]) -> list[Span]:
    """What of a span the parts do not cover; the parts lie within it, in order."""
    edges = [span.start, *(edge for part in parts for edge in (part.start, part.end)), span.end]
    return [Span(start, end) for start, end in list(pairwise(edges))[::2] if start < end]
