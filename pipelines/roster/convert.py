"""Planned and actual activities, in local time, made into rows of `support_shifts`, in UTC. Pure but for the shape's file."""

import csv
import io
import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import ConfigError, Problem, SourceError
from pipelines.paths import PACKAGE, shown

TEMPLATE = PACKAGE / "templates" / "support_shifts.csv"
DEFAULT_SHAPE = PACKAGE / "templates" / "roster_iex.toml"
COLUMNS = ("shift_id", "agent_id", "queue", "planned_start_at", "planned_end_at", "skill", "actual_start_at", "actual_end_at")
# An export with more mistakes than this is the wrong file.
MOST_PROBLEMS = 20


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnNames(_Part):
    """What an export calls its columns."""

    agent: str
    date: str
    zone: str
    activity: str
    start: str
    end: str
    queue: str


class Working(_Part):
    """Activities in which an agent answers."""

    planned: Annotated[list[str], Field(min_length=1)]
    actual: Annotated[list[str], Field(min_length=1)]


class Shape(_Part):
    """How to read a pair of exports."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    date_format: str
    time_formats: Annotated[list[str], Field(min_length=1)]
    planned: ColumnNames
    actual: ColumnNames
    working: Working
    queues: dict[str, str] = {}
    zones: dict[str, str] = {}
    agents: dict[str, str] = {}


@dataclass(frozen=True, order=True)
class Span:
    """Half-open time [start, end) in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, order=True)
class Shift:
    """One row of `support_shifts`; without actual times the agent was absent."""

    agent_id: str
    queue: str
    planned: Span
    actual: Span | None = field(compare=False)


@dataclass(frozen=True)
class Converted:
    """The rows, and hours that are in none of them.

    Args:
        unplanned: actual working time that no planned time touches.
        unwatched: planned time before the actual export starts, or after it ends.
    """

    shifts: list[Shift]
    unplanned: timedelta
    unwatched: timedelta

    def hours(self, actual: bool) -> float:
        """Planned or actual hours in all rows."""
        spans = [shift.actual if actual else shift.planned for shift in self.shifts]
        return sum(((span.end - span.start) for span in spans if span), timedelta()).total_seconds() / 3600


def load_shape(path: Path) -> Shape:
    """Read how exports look.

    Raises:
        ConfigError: the file is missing or does not fit; names the entry.
    """
    try:
        return Shape.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(f"{shown(path)} can't be read ({error.strerror}).") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{shown(path)} is not TOML: {error}.") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{shown(path)} does not fit. {wrong}") from error


Work = dict[tuple[str, str], list[Span]]


def working_spans(path: Path, shape: Shape, names: ColumnNames, working: Sequence[str]) -> Work:
    """Working time by agent and queue from one export: disjoint spans in order.

    Raises:
        ConfigError: the file can't be read or lacks a column.
        SourceError: rows can't be read; names file, column, row and value.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown(path)} can't be read ({error}).") from error
    # The vendor's header starts with a mark, its last line may too.
    header = lines[0].removeprefix("#fields").lstrip(f": {shape.delimiter}") if lines else ""
    rows = csv.DictReader(
        io.StringIO("\n".join([header, *(line for line in lines[1:] if not line.startswith("#"))])), delimiter=shape.delimiter
    )
    absent = [name for name in names.model_dump().values() if name not in (rows.fieldnames or [])]
    if absent:
        raise ConfigError(
            f"{shown(path)} has no column {', '.join(absent)}, only {', '.join(rows.fieldnames or ['none'])}. Mend the --shape file."
        )
    wanted = {name.casefold() for name in working}
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    problems: list[Problem] = []
    for number, row in enumerate(rows, start=1):
        cells = {part: (row[name] or "").strip() for part, name in names.model_dump().items()}
        if cells["activity"].casefold() not in wanted:
            continue
        span = _span(path, number, cells, names, shape, problems)
        if span is not None:
            key = shape.agents.get(cells["agent"], cells["agent"]), shape.queues.get(cells["queue"], cells["queue"])
            found[key].append(span)
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise SourceError(path.name, problems)
    return {key: united(spans) for key, spans in found.items()}


def _span(path: Path, number: int, cells: Mapping[str, str], names: ColumnNames, shape: Shape, problems: list[Problem]) -> Span | None:
    def problem(part: str, what: str) -> None:
        problems.append(Problem(path.name, what, getattr(names, part), number, cells[part]))

    try:
        zone = ZoneInfo(shape.zones.get(cells["zone"], cells["zone"]))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return problem("zone", "is no IANA time zone. Put it under [zones] of the --shape file.")
    try:
        day = datetime.strptime(cells["date"], shape.date_format).replace(tzinfo=zone)
    except ValueError:
        return problem("date", f"is no date like {shape.date_format}.")
    start, end = (_time_of_day(cells[part], shape.time_formats) for part in ("start", "end"))
    if start is None or end is None:
        return problem("start" if start is None else "end", f"is no time like {' or '.join(shape.time_formats)}.")
    # Where the clock falls back, work starts at the first showing of a time and ends at the last.
    first = (day + start).replace(fold=0)
    last = (day + end + timedelta(days=end <= start)).replace(fold=1)
    return Span(first.astimezone(UTC), last.astimezone(UTC))


def _time_of_day(text: str, formats: Sequence[str]) -> timedelta | None:
    for each in formats:
        try:
            read = datetime.strptime(text, each).replace(tzinfo=UTC)
        except ValueError:
            continue
        return timedelta(hours=read.hour, minutes=read.minute, seconds=read.second)
    return timedelta(days=1) if text in ("24:00", "24:00:00") else None


def united(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order that cover the same time; spans that touch become one."""
    result: list[Span] = []
    for span in sorted(spans):
        if span.end <= span.start:
            continue
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def convert(planned: Work, actual: Work) -> Converted:
    """Rows whose planned and actual hours are exactly the exports'.

    A planned span is cut wherever the agent came or left, so that a long lunch in the middle is a row of its
    own without actual times. Work that goes on past a planned span, or starts before it, lengthens the row
    that it touches; work that touches none is left out and counted: called in because of a queue, it would
    spoil the instrument. So is planned time that the actual export does not reach: nobody was absent from it.

    Raises:
        ConfigError: nobody planned or did any work.
    """
    everything = [span for spans in actual.values() for span in spans]
    if not everything or not any(planned.values()):
        kind = "planned" if everything else "actual"
        raise ConfigError(f"The {kind} export has no working activity: name them under [working] of the --shape file.")
    known = Span(min(span.start for span in everything), max(span.end for span in everything))
    shifts: list[Shift] = []
    unplanned = unwatched = timedelta()
    for key in sorted(planned.keys() | actual.keys()):
        watched = [span for each in planned.get(key, []) if (span := _common(each, known)) is not None]
        unwatched += _length(planned.get(key, [])) - _length(watched)
        rows, rest = _matched(watched, actual.get(key, []))
        shifts += [Shift(*key, span, worked) for span, worked in rows]
        unplanned += rest
    return Converted(shifts, unplanned, unwatched)


def _common(one: Span, other: Span) -> Span | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Span(start, end) if start < end else None


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((span.end - span.start for span in spans), timedelta())


class _Timeline:
    """Disjoint spans in order that can be looked up by time."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = spans
        self.starts = [span.start for span in spans]
        self.ends = [span.end for span in spans]

    def within(self, span: Span) -> list[Span]:
        """The parts of the spans inside one."""
        near = self.spans[bisect_right(self.ends, span.start) : bisect_left(self.starts, span.end)]
        return [part for each in near if (part := _common(each, span)) is not None]


def _gaps(span: Span, parts: list[Span]) -> list[Span]:
    """The rest of a span without parts of it."""
    edges = [span.start, *(edge for part in parts for edge in (part.start, part.end)), span.end]
    return [Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _matched(planned: list[Span], actual: list[Span]) -> tuple[list[tuple[Span, Span | None]], timedelta]:
    """Planned pieces with their actual times, and the time of work that touches none."""
    work, plan = _Timeline(actual), _Timeline(planned)
    rows: list[tuple[Span, Span | None]] = []
    for span in planned:
        worked = work.within(span)
        rows += sorted([*((part, part) for part in worked), *((gap, None) for gap in _gaps(span, worked))], key=lambda row: row[0])
    by_end = {worked.end: i for i, (_, worked) in enumerate(rows) if worked is not None}
    by_start = {worked.start: i for i, (_, worked) in enumerate(rows) if worked is not None}
    rest = timedelta()
    for extra in (gap for span in actual for gap in _gaps(span, plan.within(span))):
        i = by_end.get(extra.start, by_start.get(extra.end))
        if i is None:
            rest += extra.end - extra.start
            continue
        piece, worked = rows[i]
        assert worked is not None
        rows[i] = piece, Span(min(worked.start, extra.start), max(worked.end, extra.end))
    return rows, rest


def shifts_rows(shifts: Sequence[Shift]) -> list[tuple[str, ...]]:
    """Cells by `COLUMNS`; a shift's id is its agent, queue and planned start."""

    def text(at: datetime | None) -> str:
        return "" if at is None else at.isoformat().replace("+00:00", "Z")

    return [
        (
            f"{shift.agent_id}/{shift.queue}/{text(shift.planned.start)}",
            shift.agent_id,
            shift.queue,
            text(shift.planned.start),
            text(shift.planned.end),
            "",
            text(shift.actual.start if shift.actual else None),
            text(shift.actual.end if shift.actual else None),
        )
        for shift in sorted(shifts)
    ]
