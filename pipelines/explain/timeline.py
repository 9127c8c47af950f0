"""What happened on one ticket, and the clocks that run on it."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

NO_TIME = timedelta(0)
BEGINNING, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """Half-open time [start, end) in UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True)
class Message:
    """One message of the ticket, public or private; never its text.

    Args:
        actor_kind: who wrote it, in the role held then: customer, human_agent, bot, system or unknown.
        asker: what tells customers of one ticket apart.
        is_observed: whether it was sent by the end of observation.
    """

    message_id: str
    sent_at: datetime
    actor_kind: str
    asker: str | None
    is_public: bool
    is_observed: bool = True

    @property
    def order(self) -> tuple[datetime, str]:
        return self.sent_at, self.message_id

    @property
    def counts(self) -> bool:
        return self.is_public and self.is_observed


@dataclass(frozen=True)
class FieldInterval:
    """One value of one field, from starts_at until ends_at (None while it lasts)."""

    field: str
    number: int
    value: str | None
    previous_value: str | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class Timeline:
    """Everything that a ticket's measures are made of.

    Args:
        observed_end_at: end of observation of the ticket's brand.
        exclusion_reason: why the ticket is out of reply-time metrics; None where it counts.
        messages: in order of time and id.
        history: intervals of the tracked fields.
        open_intervals: when each schedule is open, in order of time and without overlap.
    """

    created_at: datetime
    observed_end_at: datetime
    exclusion_reason: str | None
    messages: Sequence[Message]
    history: Sequence[FieldInterval]
    open_intervals: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    def of(self, name: str) -> list[FieldInterval]:
        """The history of one field, in order."""
        return sorted((each for each in self.history if each.field == name), key=lambda each: each.number)

    def until(self, interval: FieldInterval) -> datetime:
        """When an interval ends, as far as was observed."""
        return interval.ends_at or self.observed_end_at


@dataclass(frozen=True)
class InForce:
    """One schedule in force on the ticket."""

    schedule_id: str
    span: Span


class BusinessClock:
    """Time inside the open intervals of the schedules in force on one ticket.

    The schedule that was set at the creation also holds for what came before it.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._open = timeline.open_intervals
        self._opens_at = {schedule: [span.start for span in spans] for schedule, spans in self._open.items()}
        self.in_force = [
            InForce(each.value, Span(BEGINNING if each.starts_at == timeline.created_at else each.starts_at, each.ends_at or END))
            for each in timeline.of("schedule_id")
            if each.value is not None and each.value in self._open and (each.ends_at is None or each.starts_at < each.ends_at)
        ]

    def open_parts(self, span: Span) -> list[Span] | None:
        """The open parts of a span; None where no schedule was in force in it."""
        if not self.in_force:
            return None
        if span.start == span.end:
            return []
        within = [(each.schedule_id, clipped) for each in self.in_force if (clipped := clip(span, each.span)) is not None]
        if not within:
            return None
        return joined(part for schedule_id, clipped in within for part in self._open_within(schedule_id, clipped))

    def _open_within(self, schedule_id: str, span: Span) -> list[Span]:
        spans = self._open[schedule_id]
        parts: list[Span] = []
        for index in range(max(0, bisect_left(self._opens_at[schedule_id], span.start) - 1), len(spans)):
            if spans[index].start >= span.end:
                break
            if (part := clip(spans[index], span)) is not None:
                parts.append(part)
        return parts


def clip(span: Span, within: Span) -> Span | None:
    """The part of a span that lies within another; None where there is none."""
    start, end = max(span.start, within.start), min(span.end, within.end)
    return Span(start, end) if start < end else None


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch made one."""
    result: list[Span] = []
    for span in spans:
        if result and result[-1].end == span.start:
            result[-1] = Span(result[-1].start, span.end)
        else:
            result.append(span)
    return result


def total(spans: Sequence[Span]) -> timedelta:
    """Length of all spans together."""
    return sum((span.length for span in spans), NO_TIME)
