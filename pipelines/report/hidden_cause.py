"""The sensitivity contour: how strong a hidden cause of broadcast would have to be to turn the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from pipelines.report.figures import Frame, Point, Scale, Tick
from pipelines.report.numbers import amount, bare_amount, finite
from pipelines.report.summary import Row, Snapshot
from pipelines.report.words import readable

LEAST_REACH, MOST_REACH, ROOM = 0.02, 0.97, 1.25
SHARES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
LEAST_TICK_GAP = 26.0
STEPS = 60
TIMES = "\u00d7"
NAMES = {
    "lagged_turns": "questions asked the week before",
    "lagged_outcome": "the outcome of earlier weeks",
    "targeting_score": "the recorded targeting score",
}


@dataclass(frozen=True)
class ContourLine:
    """A curve of hidden causes that leave the same Δ; `kind` is `zero`, `interval` or `half`."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Mark:
    """A dot with words beside it; none for a dot that only hovering names."""

    dot: Point
    label: str
    anchor: str


@dataclass(frozen=True)
class Contour:
    """The drawing; the words below it; the same as a table.

    Args:
        frame, x_ticks, y_ticks: the axes, in roots so that weak causes can be told apart.
        lines: the curves.
        shade: corners of the region in which Δ has the other sign.
        marks: what is recorded, as strong as it is and stronger.
        words: what it says, sentence by sentence.
        header, rows: the table.
    """

    frame: Frame
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[ContourLine, ...]
    shade: tuple[tuple[float, float], ...]
    marks: tuple[Mark, ...]
    words: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def line_kinds(self) -> tuple[str, ...]:
        return tuple(line.kind for line in self.lines)


def contour(snapshot: Snapshot, verdict: Row) -> Contour | None:
    """The contour of the claim; None where the snapshot holds none or Δ is exactly zero."""
    rows = [row for row in snapshot.more.get("claim.sensitivity_contour", []) if row["claim_id"] == verdict["claim_id"]]
    stands = next((row for row in rows if row["multiple"] == 0), None)
    if stands is None or not finite(stands["scale"]) or not finite(stands["delta"]):
        return None
    shown = [row for row in rows if row["multiple"] == 1 or (row["is_strongest"] and row["multiple"] > 1)]
    frame = Frame(width=420, height=300, left=52, right=410, top=14, bottom=250)
    reach_x = _reach([stands["robustness_value"], *(row["r2_broadcast"] for row in shown)])
    reach_y = _reach([stands["robustness_value"], *(row["r2_outcome"] for row in shown)])
    across, up = Scale(0.0, sqrt(reach_x), frame.left, frame.right), Scale(0.0, sqrt(reach_y), frame.bottom, frame.top)

    def place(x: float, y: float) -> tuple[float, float]:
        return across.place(sqrt(x)), up.place(sqrt(y))

    levels = _levels(stands)
    curves = {kind: [place(x, y) for x, y in curve_of(bias, reach_x, reach_y)] for kind, bias in levels.items()}
    zero = curves["zero"]
    shade = (*zero, (zero[-1][0], frame.top), (frame.right, frame.top), (frame.right, zero[-1][1])) if len(zero) > 1 else ()
    return Contour(
        frame=frame,
        x_ticks=_ticks(across, reach_x),
        y_ticks=_ticks(up, reach_y),
        lines=tuple(ContourLine(kind, tuple(points)) for kind, points in curves.items() if len(points) > 1),
        shade=shade,
        marks=tuple(_mark(row, *place(row["r2_broadcast"], row["r2_outcome"]), frame, verdict["unit"]) for row in shown),
        words=tuple(_words(stands, rows, verdict["unit"])),
        header=("a hidden cause as strong as", "explains of broadcast", "explains of the outcome", "Δ would be"),
        rows=tuple(_cells(row, verdict["unit"]) for row in shown),
    )


def _reach(values: Sequence[float]) -> float:
    return min(max([LEAST_REACH, *values]) * ROOM, MOST_REACH)


def _levels(stands: Row) -> dict[str, float]:
    """By kind of line, the bias that leads there, in units of the scale."""
    delta, half_width, scale = abs(stands["delta"]), stands["half_width"], stands["scale"]
    levels = {"half": delta / 2 / scale, "zero": delta / scale}
    return {"interval": (delta - half_width) / scale, **levels} if delta > half_width else levels


def curve_of(bias: float, reach_x: float, reach_y: float) -> list[tuple[float, float]]:
    """Strengths (with broadcast, with the outcome) of one bias, from right to left: outcome = bias² (1 - x) / x."""
    square = bias**2
    first = square / (square + reach_y)
    if first >= reach_x:
        return []
    lo, hi = sqrt(first), sqrt(reach_x)
    xs = [(hi + (lo - hi) * i / STEPS) ** 2 for i in range(STEPS + 1)]
    return [(x, min(square * (1 - x) / x, reach_y)) for x in xs]


def _ticks(scale: Scale, reach: float) -> tuple[Tick, ...]:
    kept: list[Tick] = []
    for share in SHARES:
        at = scale.place(sqrt(share))
        if share <= reach and (not kept or abs(at - kept[-1].at) >= LEAST_TICK_GAP):
            kept.append(Tick(at, percent(share)))
    return tuple(kept)


def percent(share: float) -> str:
    """A share as people say it."""
    return f"{share * 100:.2g} %" if share < 0.995 else f"{share * 100:.0f} %"


def name_of(row: Row) -> str:
    """The recorded characteristic in words, with how many times it is taken."""
    benchmark = row["benchmark"]
    level = benchmark.removeprefix("n_severity_")
    name = f"severity level {level} of questions" if level != benchmark else NAMES.get(benchmark, readable(benchmark))
    return name if row["multiple"] == 1 else f"{row['multiple']} times {name}"


def _mark(row: Row, x: float, y: float, frame: Frame, unit: str) -> Mark:
    kind = "naive" if row["is_assignment"] else "primary" if row["is_strongest"] else "other"
    shares = f"{percent(row['r2_broadcast'])} of broadcast, {percent(row['r2_outcome'])} of the outcome"
    title = f"{name_of(row)}: {shares}, Δ {amount(row['delta'], unit)}"
    label = name_of(row) if row["is_assignment"] else f"{row['multiple']}{TIMES}" if row["is_strongest"] and row["multiple"] > 2 else ""
    anchor = "end" if x > (frame.left + frame.right) / 2 else "start"
    return Mark(Point(x, y, title, kind=kind, radius=4.0 if kind != "other" else 3.0), label, anchor)


def _cells(row: Row, unit: str) -> tuple[str, ...]:
    return name_of(row), percent(row["r2_broadcast"]), percent(row["r2_outcome"]), bare_amount(row["delta"], unit, digits=3)


def _words(stands: Row, rows: Sequence[Row], unit: str) -> list[str]:
    now = stands["delta"]
    said = [
        f"Who gets broadcasts was not drawn by lot. A hidden cause of both would have to explain {percent(stands['robustness_value'])} "
        "of what is left unexplained of broadcasts, and as much of the outcome, to bring Δ to zero. In the shaded corner Δ has the "
        "other sign."
    ]
    strongest = {row["multiple"]: row for row in rows if row["is_strongest"]}
    if strongest:
        said.append(_strongest_in_words(strongest, now, unit))
    score = next((row for row in rows if row["is_assignment"] and row["multiple"] == 1), None)
    if score is not None:
        turns = "turn the sign" if score["delta"] * now < 0 else "not turn the sign"
        said.append(
            f"The score by which recipients are chosen is on record and held equal here. Were there a second, unseen one as strong, "
            f"it would {turns}: Δ {amount(score['delta'], unit)}. If you choose recipients by something that is not in the data, "
            "record it, or run a holdout."
        )
    return said


def _strongest_in_words(strongest: dict[int, Row], now: float, unit: str) -> str:
    once = strongest[min(strongest)]
    told = (
        f"The strongest thing on record apart from the targeting score is {name_of(once)}: "
        f"a hidden cause like it would leave Δ at {amount(once['delta'], unit)} instead of {amount(now, unit)}"
    )
    turning = [times for times, row in sorted(strongest.items()) if row["delta"] * now < 0]
    if not turning:
        return f"{told}; {max(strongest)} times as strong, the sign would still stand."
    return f"{told}; {turning[0]} times as strong, it would turn the sign." if turning[0] > 1 else f"{told}: it would turn the sign."
