"""The event study: what happened round the weeks in which brands tightened their targets for the first reply."""

from dataclasses import dataclass

from pipelines.report.figures import Frame, Point, Scale, Tick, round_values
from pipelines.report.numbers import MINUS, counted, finite, short_interval, tick_amount
from pipelines.report.summary import Row, Snapshot

TITLES = {"responsiveness": "Responsiveness: did replies become faster?", "outcome": "Outcome: did customers do more?"}
WEEK_TICKS = 4


@dataclass(frozen=True)
class EventStudy:
    """One measure, drawn by weeks since the change.

    Args:
        title, unit: what is drawn.
        frame, x_ticks, y_ticks: the axes.
        points: dots with pointwise intervals.
        whole: ends of the simultaneous interval by dot, wider than the pointwise ones.
        zero: place of no effect.
        change: place between the last week before and the first week since.
        sentence: what it says.
    """

    title: str
    unit: str
    frame: Frame
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    whole: tuple[tuple[float, float, float], ...]
    zero: float
    change: float
    sentence: str


@dataclass(frozen=True)
class Changes:
    """The study's figures, or why there are none."""

    figures: tuple[EventStudy, ...]
    reason: str
    note: str


def changes(snapshot: Snapshot) -> Changes | None:
    """Figures of all measures; None where the snapshot knows no event study."""
    rows = snapshot.more.get("claim.event_study", [])
    if not rows:
        return None
    drawn = [row for row in rows if finite(row["estimate"]) is not None]
    figures = tuple(_figure(measure, chosen) for measure in TITLES if (chosen := [row for row in drawn if row["measure"] == measure]))
    reasons = list(dict.fromkeys(row["reason"] for row in rows if row["reason"]))
    return Changes(figures, "; ".join(reasons), _note(drawn[0]) if drawn else "")


def _note(row: Row) -> str:
    compared = {"never_treated": "brands that never changed", "not_yet_treated": "brands that had not changed yet"}.get(row["control"], "")
    return (
        f"{counted(row['n_customers'], 'customer')} watched in every week, compared with {compared} (Callaway and Sant'Anna 2021). "
        "Before the change each dot is the step from the week before. The thick part of a line is the 95 % interval of that week, "
        "the thin one holds all weeks at once. They tell the chance of customers; a shock that hits a whole brand is not in them."
    )


def _figure(measure: str, rows: list[Row]) -> EventStudy:
    rows = sorted(rows, key=lambda row: row["event_time_weeks"])
    weeks = [row["event_time_weeks"] for row in rows]
    frame = Frame(width=420, height=220, left=58, right=412, top=12, bottom=176)
    ends = [end for row in rows for name in ("simultaneous_lo", "simultaneous_hi") if (end := finite(row[name])) is not None]
    lo, hi = min([0.0, *ends]), max([0.0, *ends])
    pad = 0.06 * (hi - lo) or 1.0
    across = Scale(weeks[0] - 0.7, weeks[-1] + 0.7, frame.left, frame.right)
    up = Scale(lo - pad, hi + pad, frame.bottom, frame.top)
    return EventStudy(
        title=TITLES[measure],
        unit=rows[0]["unit"],
        frame=frame,
        x_ticks=tuple(Tick(across.place(week), _signed(week)) for week in weeks if week % WEEK_TICKS == 0),
        y_ticks=tuple(Tick(up.place(value), tick_amount(value, rows[0]["unit"])) for value in round_values(up.lo, up.hi, 6)),
        points=tuple(_point(row, across, up) for row in rows),
        whole=tuple(
            (across.place(row["event_time_weeks"]), up.place(row["simultaneous_lo"]), up.place(row["simultaneous_hi"])) for row in rows
        ),
        zero=up.place(0.0),
        change=across.place(-0.5),
        sentence=_sentence(rows),
    )  # fmt: skip


def _point(row: Row, across: Scale, up: Scale) -> Point:
    title = f"week {_signed(row['event_time_weeks'])}: {short_interval(row)}"
    kind = {"before": "other", "partly_after": "naive"}.get(row["phase"], "primary")
    return Point(
        across.place(row["event_time_weeks"]), up.place(row["estimate"]), title, up.place(row["ci95_lo"]), up.place(row["ci95_hi"]), kind
    )


def _signed(week: int) -> str:
    return f"{week:+d}".replace("-", MINUS) if week else "0"


def _sentence(rows: list[Row]) -> str:
    def beyond(chosen: list[Row]) -> int:
        return sum(1 for row in chosen if row["simultaneous_lo"] > 0 or row["simultaneous_hi"] < 0)

    before, after = ([row for row in rows if row["phase"] == phase] for phase in ("before", "after"))
    first = (
        "No week before the change can be checked."
        if not before
        else f"Before the change {beyond(before) or 'none'} of {len(before)} weeks moved by more than chance"
        + (", so that brands were not alike before." if beyond(before) else ", as it should be.")
    )
    since = f"Since then {beyond(after) or 'none'} of {counted(len(after), 'week')} did." if after else ""
    return f"{first} {since}".strip()
