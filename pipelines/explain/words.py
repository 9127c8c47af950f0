"""Times, durations and ids in words, the same in `twoway explain` and on the definitions page."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.explain.measures import Measure
from pipelines.explain.timeline import Span, total

MOST_SPANS_SHOWN, MOST_LENGTHS_SHOWN = 2, 6
SHORT_ID = 8


def printable(value: object) -> str:
    """A value from data, safe for a terminal: control and invisible formatting characters are shown as escapes."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character)[0] == "C" else character for character in str(value)
    )


def short(person_id: str | None) -> str:
    """The beginning of a person's keyed hash; `twoway explain` takes it too."""
    return "(unknown)" if person_id is None else printable(person_id[:SHORT_ID])


def duration(length: timedelta) -> str:
    """A length of time to the last digit, like 1 d 3 h 12 min."""
    seconds, microseconds = divmod(length // timedelta(microseconds=1), 10**6)
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min")]
    rest = f"{seconds % 60}.{microseconds:06d}".rstrip("0").rstrip(".") if microseconds else str(seconds % 60)
    words = [f"{amount} {unit}" for amount, unit in parts if amount]
    if rest != "0" or not words:
        words.append(f"{rest} s")
    return " ".join(words)


def clock_time(instant: datetime, zone: ZoneInfo) -> str:
    """Local time of day, seconds only where there are any, with the offset where clocks repeat an hour."""
    local = instant.astimezone(zone)
    text = local.strftime("%H:%M")
    if local.second or local.microsecond:
        text += f":{local.second:02d}"
    if local.microsecond:
        text += f".{local.microsecond:06d}".rstrip("0")
    return f"{text} ({local.strftime('%z')})" if is_ambiguous(local) else text


def is_ambiguous(local: datetime) -> bool:
    """Whether this wall-clock time happens twice, because clocks go back over it."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def day(instant: datetime, zone: ZoneInfo) -> str:
    """Local date with its weekday."""
    return instant.astimezone(zone).strftime("%a %Y-%m-%d")


def span_in_words(span: Span, zone: ZoneInfo, with_date: bool = False, arrow: str = "→") -> str:
    """A span in local times, with dates if asked for or where it crosses midnight."""
    start, end = (clock_time(each, zone) for each in (span.start, span.end))
    dates = [each.astimezone(zone).strftime("%d %b") for each in (span.start, span.end)]
    if dates[0] != dates[1]:
        return f"{dates[0]} {start} {arrow} {dates[1]} {end}"
    return f"{dates[0]} {start} {arrow} {end}" if with_date else f"{start} {arrow} {end}"


def arithmetic(measure: Measure, zone: ZoneInfo) -> str:
    """How a measure came about, in one line."""
    if not isinstance(measure.value, timedelta):
        return measure.how
    if not measure.spans:
        return "never"
    with_dates = len({day(span.start, zone) for span in measure.spans}) > 1
    if len(measure.spans) <= MOST_SPANS_SHOWN:
        text = " + ".join(span_in_words(span, zone, with_dates) for span in measure.spans)
        text += _closing(measure.closed, zone) if measure.is_business else ""
    elif len(measure.spans) <= MOST_LENGTHS_SHOWN:
        text = " + ".join(duration(length) for length in measure.lengths)
    else:
        text = f"{len(measure.spans)} times between {span_in_words(Span(measure.spans[0].start, measure.spans[-1].end), zone, True, 'and')}"
    return f"({text}) / {measure.divisor}" if measure.divisor > 1 else text


def _closing(closed: Sequence[Span], zone: ZoneInfo) -> str:
    """What business time leaves out of a wait."""
    if not closed:
        return ", open throughout"
    if len(closed) <= MOST_SPANS_SHOWN:
        return ", closed " + " and ".join(span_in_words(span, zone, arrow="to") for span in closed)
    return f", closed {duration(total(closed))} in {len(closed)} stretches"
