"""Figures as positions: rows of the snapshot in, places in a drawing out. Templates only draw them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

DOT_RADIUS_LEAST, DOT_RADIUS_MOST = 2.5, 5.0


@dataclass(frozen=True)
class Scale:
    """A straight map from values, `lo` to `hi`, to places, `start` to `end`; what lies beyond is put on the edge."""

    lo: float
    hi: float
    start: float = 0.0
    end: float = 100.0

    def place(self, value: float) -> float:
        """The value's place, to a thousandth."""
        share = (min(max(value, self.lo), self.hi) - self.lo) / (self.hi - self.lo)
        return round(self.start + share * (self.end - self.start), 3)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis; `line` 1 puts its label one line lower, out of its neighbours' way."""

    at: float
    label: str
    line: int = 0


@dataclass(frozen=True)
class Estimate:
    """What an interval figure draws: an estimate with its ends; None where an end is not known or has no bound.

    Args:
        label: name of the row.
        text: the numbers as text.
        value: the estimate.
        ci95, ci90: ends of the intervals.
        kind: `primary`, `naive` or `other`: how it is coloured.
        note: a line below the label.
    """

    label: str
    text: str
    value: float | None
    ci95: tuple[float | None, float | None] = (None, None)
    ci90: tuple[float | None, float | None] = (None, None)
    kind: str = "other"
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """One drawn row; places in percent of the width, None where there is nothing to draw, or only beyond the edge."""

    label: str
    text: str
    note: str
    kind: str
    is_known: bool
    at: float | None
    ci95: tuple[float, float] | None
    ci90: tuple[float, float] | None
    goes_beyond_left: bool
    goes_beyond_right: bool


@dataclass(frozen=True)
class IntervalFigure:
    """Intervals below each other on one axis."""

    bars: tuple[Bar, ...]
    zero: float
    band: tuple[float, float] | None
    ticks: tuple[Tick, ...]

    @property
    def is_drawn(self) -> bool:
        return any(bar.is_known for bar in self.bars)


def interval_figure(
    estimates: Sequence[Estimate], smallest_effect: float | None, name: Callable[[float], str], most: float | None = None
) -> IntervalFigure:
    """Intervals round zero.

    Args:
        estimates: the rows, in order.
        smallest_effect: half the width of the band of what does not matter; None for no band.
        name: writes a tick's label.
        most: the farthest that the axis goes; what lies beyond goes beyond the edge.
    """
    ends = [end for each in estimates for end in (each.value, *each.ci95) if end is not None]
    reach = max([abs(end) for end in ends] + [2 * (smallest_effect or 0.0)], default=0.0) * 1.08 or 1.0
    reach = reach if most is None else min(reach, most)
    scale = Scale(-reach, reach)
    band = (scale.place(-smallest_effect), scale.place(smallest_effect)) if smallest_effect else None
    return IntervalFigure(
        bars=tuple(_bar(each, scale) for each in estimates),
        zero=scale.place(0.0),
        band=band,
        ticks=tuple(Tick(scale.place(value), name(value)) for value in round_values(-reach, reach, 6)),
    )


def _bar(each: Estimate, scale: Scale) -> Bar:
    is_known = each.value is not None
    return Bar(
        label=each.label,
        text=each.text,
        note=each.note,
        kind=each.kind,
        is_known=is_known,
        at=scale.place(each.value) if each.value is not None and scale.lo <= each.value <= scale.hi else None,
        ci95=_ends(each.ci95, scale) if is_known else None,
        ci90=_ends(each.ci90, scale) if is_known and any(end is not None for end in each.ci90) else None,
        goes_beyond_left=is_known and (each.ci95[0] is None or each.ci95[0] < scale.lo),
        goes_beyond_right=is_known and (each.ci95[1] is None or each.ci95[1] > scale.hi),
    )


def _ends(ends: tuple[float | None, float | None], scale: Scale) -> tuple[float, float]:
    lo, hi = ends
    return scale.place(scale.lo if lo is None else lo), scale.place(scale.hi if hi is None else hi)


def round_values(lo: float, hi: float, about: int) -> list[float]:
    """Round values between two ends, zero among them where it lies between: steps of 1, 2 or 5 times a power of ten."""
    if not hi > lo:
        return [lo]
    rough = (hi - lo) / max(about, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first, last = ceil(lo / step - 1e-9), floor(hi / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """A drawing's size and the places of its axes, in units of the drawing."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Point:
    """A dot with its vertical interval and the words shown on hovering."""

    x: float
    y: float
    title: str
    lo: float | None = None
    hi: float | None = None
    kind: str = "other"
    radius: float = 3.5


@dataclass(frozen=True)
class ChoiceRow:
    """One row of the dashboard below a specification curve: which dots made this choice."""

    label: str
    y: float
    xs: tuple[float, ...]


@dataclass(frozen=True)
class SpecCurve:
    """Specifications sorted by their estimate, with the choices of each below."""

    frame: Frame
    points: tuple[Point, ...]
    zero: float
    band: tuple[float, float]
    ticks: tuple[Tick, ...]
    groups: tuple[Tick, ...]
    choices: tuple[ChoiceRow, ...]
    n_same_sign: int


@dataclass(frozen=True)
class Specified:
    """An estimate of the specification curve with its choices by dimension."""

    title: str
    value: float
    lo: float
    hi: float
    is_primary: bool
    choices: dict[str, str] = field(default_factory=dict)


def spec_curve(specs: Sequence[Specified], smallest_effect: float, name: Callable[[float], str]) -> SpecCurve | None:
    """Sorted dots with intervals, and the dashboard of the choices that differ.

    Returns:
        None where fewer than two specifications could be computed.
    """
    if len(specs) < 2:
        return None
    ordered = sorted(specs, key=lambda each: (each.value, each.title))
    rows = _differing(ordered)
    top, line, plot_bottom = 10.0, 15.0, 170.0
    frame = Frame(width=410, height=plot_bottom + 14 + line * sum(1 + len(values) for values in rows.values()) + 6,
                  left=146, right=404, top=top, bottom=plot_bottom)  # fmt: skip
    reach_lo = min([each.lo for each in ordered] + [-smallest_effect])
    reach_hi = max([each.hi for each in ordered] + [smallest_effect])
    margin = 0.04 * (reach_hi - reach_lo)
    scale = Scale(reach_lo - margin, reach_hi + margin, frame.bottom, frame.top)
    step = (frame.right - frame.left) / len(ordered)
    xs = [round(frame.left + step * (i + 0.5), 3) for i in range(len(ordered))]
    points = tuple(
        Point(x, scale.place(each.value), each.title, scale.place(each.lo), scale.place(each.hi), "primary" if each.is_primary else "other")
        for x, each in zip(xs, ordered, strict=True)
    )
    primary = next((each for each in ordered if each.is_primary), None)
    groups, choices, y = [], [], frame.bottom + 24
    for dimension, values in rows.items():
        groups.append(Tick(y, dimension))
        for value in values:
            y += line
            made = tuple(x for x, each in zip(xs, ordered, strict=True) if each.choices.get(dimension) == value)
            choices.append(ChoiceRow(value, y, made))
        y += line
    return SpecCurve(
        frame=frame,
        points=points,
        zero=scale.place(0.0),
        band=(scale.place(smallest_effect), scale.place(-smallest_effect)),
        ticks=tuple(Tick(scale.place(value), name(value)) for value in round_values(scale.lo, scale.hi, 4)),
        groups=tuple(groups),
        choices=tuple(choices),
        n_same_sign=sum(1 for each in ordered if primary is not None and each.value * primary.value > 0),
    )


def _differing(specs: Sequence[Specified]) -> dict[str, list[str]]:
    """Values of each dimension in which specifications differ, in order."""
    dimensions = dict.fromkeys(name for each in specs for name in each.choices)
    found = {name: sorted({each.choices[name] for each in specs if name in each.choices}) for name in dimensions}
    return {name: values for name, values in found.items() if len(values) > 1}


@dataclass(frozen=True)
class XY:
    """A dot in units of the data.

    Args:
        x, y: its place.
        n: rows behind it.
        title: words shown on hovering.
        lo, hi: ends of its interval.
        series: name of the series that it belongs to.
    """

    x: float
    y: float
    n: float
    title: str
    lo: float | None = None
    hi: float | None = None
    series: str = "other"


@dataclass(frozen=True)
class Scatter:
    """Dots with both axes."""

    frame: Frame
    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    line: tuple[float, float, float, float] | None = None


def scatter(
    dots: Sequence[XY],
    name_x: Callable[[float], str],
    name_y: Callable[[float], str],
    line: tuple[float, float] | None = None,
    x_labels: Sequence[str] | None = None,
) -> Scatter | None:
    """Dots, the larger the more rows are behind them.

    Args:
        dots: the dots.
        name_x, name_y: write ticks' labels.
        line: intercept and slope of a line to draw.
        x_labels: labels of the categories 0, 1, …, where x is no number.

    Returns:
        None where there are fewer than two dots.
    """
    if len(dots) < 2:
        return None
    frame = Frame(width=380, height=242, left=58, right=372, top=12, bottom=196)
    across = Scale(*_padded([dot.x for dot in dots], 0.06), frame.left, frame.right)
    up = Scale(*_padded([end for dot in dots for end in (dot.y, dot.lo, dot.hi) if end is not None], 0.08), frame.bottom, frame.top)
    most = max(dot.n for dot in dots) or 1.0
    points = tuple(
        Point(
            across.place(dot.x), up.place(dot.y), dot.title,
            None if dot.lo is None else up.place(dot.lo), None if dot.hi is None else up.place(dot.hi),
            dot.series, round(DOT_RADIUS_LEAST + (DOT_RADIUS_MOST - DOT_RADIUS_LEAST) * (dot.n / most) ** 0.5, 3),
        )
        for dot in dots
    )  # fmt: skip
    if x_labels is None:
        x_ticks = tuple(Tick(across.place(value), name_x(value)) for value in round_values(across.lo, across.hi, 5))
    else:
        x_ticks = tuple(Tick(across.place(float(i)), label, i % 2) for i, label in enumerate(x_labels))
    return Scatter(
        frame=frame,
        points=points,
        x_ticks=x_ticks,
        y_ticks=tuple(Tick(up.place(value), name_y(value)) for value in round_values(up.lo, up.hi, 4)),
        line=_line(dots, line, across, up) if line is not None else None,
    )


def fitted_line(dots: Sequence[XY]) -> tuple[float, float] | None:
    """Intercept and slope of the line through dots, each weighted by its rows; None where x does not vary."""
    total = sum(dot.n for dot in dots)
    if total <= 0:
        return None
    mean_x, mean_y = sum(dot.n * dot.x for dot in dots) / total, sum(dot.n * dot.y for dot in dots) / total
    spread = sum(dot.n * (dot.x - mean_x) ** 2 for dot in dots)
    if spread == 0:
        return None
    slope = sum(dot.n * (dot.x - mean_x) * (dot.y - mean_y) for dot in dots) / spread
    return mean_y - slope * mean_x, slope


def _line(dots: Sequence[XY], line: tuple[float, float], across: Scale, up: Scale) -> tuple[float, float, float, float]:
    ends = min(dot.x for dot in dots), max(dot.x for dot in dots)
    (x1, y1), (x2, y2) = ((across.place(x), up.place(line[0] + line[1] * x)) for x in ends)
    return x1, y1, x2, y2


def _padded(values: Sequence[float], share: float) -> tuple[float, float]:
    lo, hi = min(values), max(values)
    pad = (hi - lo) * share or abs(hi) * share or 1.0
    return lo - pad, hi + pad
