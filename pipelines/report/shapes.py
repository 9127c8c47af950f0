"""The report's sections with a shape to look at: specifications, first stage, dose and response, automation, four levers."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.claim.gates import BALANCE_BAND
from pipelines.claim.results import t_interval
from pipelines.report.figures import (
    XY,
    Estimate,
    IntervalFigure,
    Scatter,
    SpecCurve,
    Specified,
    fitted_line,
    interval_figure,
    scatter,
    spec_curve,
)
from pipelines.report.numbers import count, finite, is_points, plain, short_interval, tick_amount, value_of
from pipelines.report.sections import as_estimate
from pipelines.report.summary import Row, Snapshot, find
from pipelines.report.words import EFFECT_NAMES, NOT_COMPUTED, readable

EFFECTS, CARRY_OVER, DESIGN = "effects absorbed", "carry-over a week", "design"
CURVE_STEPS = 40
EN_DASH = "\u2013"


@dataclass(frozen=True)
class SpecRow:
    """One specification in the table beside the curve."""

    name: str
    estimate: str
    is_primary: bool
    n_obs: str
    n_customers: str
    n_clusters: str


def specifications(snapshot: Snapshot, verdict: Row) -> tuple[SpecCurve | None, list[SpecRow]]:
    """The pre-registered ways to compute the difference, drawn and as a table."""
    unit = verdict["unit"]
    rows = [row for row in snapshot.estimates if row["claim_id"] == verdict["claim_id"] and _is_on_curve(row)]
    specs = []
    for row in rows:
        value, lo, hi = value_of(row), finite(row["ci95_lo"]), finite(row["ci95_hi"])
        if value is not None and lo is not None and hi is not None:
            specs.append(
                Specified(f"{_spec_name(row)}: {short_interval(row)}", value, lo, hi, row["is_primary"], choices_of(row["spec_id"]))
            )
    curve = spec_curve(specs, verdict["sesoi"], lambda value: tick_amount(value, unit))
    table = [
        SpecRow(_spec_name(row), short_interval(row), row["is_primary"], count(row["n_obs"]), count(row["n_customers"]), _clusters(row))
        for row in rows
    ]
    return curve, table


def _is_on_curve(row: Row) -> bool:
    spec_id = row["spec_id"]
    return row["quantity"] == "delta" and not row["is_naive"] and not spec_id.startswith("ladder: ") and not spec_id.endswith("|CRV3")


def choices_of(spec_id: str) -> dict[str, str]:
    """The choices that a specification's id names: `roster|customer+week|adstock 0.5`."""
    found = {}
    for part in spec_id.split("|"):
        names = part.split("+")
        if part.startswith("adstock "):
            found[CARRY_OVER] = part.removeprefix("adstock ")
        elif all(name in EFFECT_NAMES for name in names):
            found[EFFECTS] = ", ".join(EFFECT_NAMES[name] for name in names)
        else:
            found[DESIGN] = readable(part)
    return found


def _spec_name(row: Row) -> str:
    choices = choices_of(row["spec_id"])
    return "; ".join(f"{name} {value}" if name == CARRY_OVER else value for name, value in choices.items())


def _clusters(row: Row) -> str:
    return " by ".join(count(row.get(name)) for name in ("n_clusters_1", "n_clusters_2") if row.get(name) is not None)


@dataclass(frozen=True)
class Shape:
    """A drawing with its table: header and cells as text."""

    figure: Scatter
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def first_stage(snapshot: Snapshot) -> Shape | None:
    """Responsiveness against the roster's shortfall in bins, the slot's and the week's level taken out of both."""
    dots, table = [], []
    for row in snapshot.more.get("claim.first_stage_bins", []):
        x, y, n = finite(row["mean_shortfall"]), finite(row["mean_responsiveness"]), row["n_turns"]
        if x is not None and y is not None:
            lo, hi = _ends(y, finite(row["se_responsiveness"]), row["n_shifts"])
            dots.append(XY(x, y, n, f"shortfall {plain(x)}: responsiveness {plain(y)}, {count(n)} turns", lo, hi, "primary"))
            table.append((plain(x), _between(y, lo, hi, plain), count(n), count(row["n_shifts"])))
    figure = scatter(dots, lambda value: plain(value) or "0", lambda value: plain(value) or "0", fitted_line(dots))
    return None if figure is None else Shape(figure, ("shortfall", "responsiveness, 95 % interval", "turns", "shifts"), table)


def dose_response(snapshot: Snapshot, verdict: Row) -> Shape | None:
    """The outcome by how long the human reply took, raw and less customer and week means, with the turns in each bin."""
    unit = verdict["unit"]

    def level(value: float) -> str:
        return f"{plain(round(value * 100, 6))} %" if is_points(unit) else plain(value)

    dots, table, labels = [], [], []
    for i, row in enumerate(snapshot.more.get("claim.dose_response", [])):
        name, n = row["reply_time"], row["n_turns"]
        labels.append(name.replace("under ", "<").replace(" to ", EN_DASH).replace(" and later", "+"))
        cells = [name]
        for step, series, measure in ((-0.12, "naive", "outcome"), (0.12, "primary", "adjusted_outcome")):
            value = finite(row[f"mean_{measure}"])
            lo, hi = _ends(value, finite(row[f"se_{measure}"]), row["n_customers"])
            cells.append(_between(value, lo, hi, level))
            if value is not None:
                dots.append(XY(i + step, value, n, f"{name}: {cells[-1]}, {count(n)} turns", lo, hi, series))
        table.append((*cells, count(n), count(row["n_customers"])))
    figure = scatter(dots, str, level, x_labels=labels)
    header = ("human reply after", "raw, 95 % interval", "adjusted, 95 % interval", "turns", "customers")
    return None if figure is None else Shape(figure, header, table)


def _ends(value: float | None, se: float | None, n_clusters: int) -> tuple[float | None, float | None]:
    if value is None or se is None or n_clusters < 2:
        return None, None
    found = t_interval(value, se, n_clusters - 1)
    return found.ci95_lo, found.ci95_hi


def _between(value: float | None, lo: float | None, hi: float | None, name: Callable[[float], str]) -> str:
    if value is None:
        return NOT_COMPUTED
    return name(value) if lo is None or hi is None else f"{name(value)} [{name(lo)}, {name(hi)}]"


def balance(snapshot: Snapshot) -> IntervalFigure | None:
    """Standardised differences between shifts that lack staff and shifts that do not; None without a roster."""
    rows = snapshot.more.get("claim.instrument_balance", [])
    estimates = []
    for row in rows:
        value = finite(row["standardised_mean_difference"])
        text = NOT_COMPUTED if value is None else f"{plain(value)}, {count(row['n_turns_below'])} and {count(row['n_turns_above'])} turns"
        estimates.append(Estimate(readable(row["covariate"]), text, value, (value, value), kind="primary"))
    return interval_figure(estimates, BALANCE_BAND, lambda value: plain(value) or "0") if rows else None


@dataclass(frozen=True)
class Automation:
    """The curve of the automated share, and its turning point in words by reading of unknown programs."""

    figure: Scatter | None
    lines: list[str]


def automation(snapshot: Snapshot) -> Automation | None:
    """C3's quadratic and its peaks; None where it was not estimated."""
    rows = [row for row in snapshot.estimates if row["claim_id"] == "C3" and not row["is_naive"]]
    peaks = [row for row in rows if row["quantity"] == "peak" and not row["lever"].endswith("_fieller")]
    dots = [dot for spec_id in dict.fromkeys(row["spec_id"] for row in peaks) for dot in _parabola(rows, spec_id)]
    lines = [_peak_line(row) for row in peaks if value_of(row) is not None]
    checks = [check for check in snapshot.checks if check["claim_id"] == "C3" and check["check_id"].startswith("C3|inverted_u")]
    lines += [f"{check['detail']} Lind and Mehlum's p {plain(finite(check['value']))}." for check in checks if check["value"] is not None]
    if not lines:
        return None
    unit = peaks[0]["unit"] if peaks else ""
    outcome_unit = next((row["unit"] for row in rows if row["quantity"] == "delta"), unit)
    return Automation(scatter(dots, lambda value: plain(value) or "0", lambda value: tick_amount(value, outcome_unit)), lines)


def _parabola(rows: list[Row], spec_id: str) -> list[XY]:
    """The curve over no automation, at even shares."""
    of_spec = [row for row in rows if row["spec_id"] == spec_id and row["quantity"] == "beta"]
    slopes = {row["lever"]: value_of(row) for row in of_spec}
    straight, squared = slopes.get("automated_share"), slopes.get("automated_share_squared")
    if straight is None or squared is None:
        return []
    series = "primary" if "organic" in spec_id else "naive"
    shares = [i / CURVE_STEPS for i in range(CURVE_STEPS + 1)]
    return [XY(share, straight * share + squared * share**2, 0.0, f"share {share:.2f}", series=series) for share in shares]


def _peak_line(row: Row) -> str:
    reading = row["spec_id"].rpartition("|")[2]
    word = "best" if row["lever"] == "optimum" else "worst"
    ends = f"{plain(finite(row['ci95_lo']))} to {plain(finite(row['ci95_hi']))}"
    return f"Counting {reading}: {word} at a share of {plain(value_of(row))} (95 % interval {ends})."


def four_levers(snapshot: Snapshot) -> IntervalFigure | None:
    """C7's levers, each moved by its own policy shift; None where it was not estimated."""
    rows = [row for row in snapshot.estimates if row["claim_id"] == "C7" and row["quantity"] == "theta" and row["is_primary"]]
    verdict = next((row for row in snapshot.verdicts if row["claim_id"] == "C7"), None)
    if verdict is None or not rows:
        return None
    estimates = [as_estimate(row, readable(row["lever"]), "primary" if row["lever"] == "service" else "other") for row in rows]
    contrast = find(snapshot, "C7", "contrast", "delta")
    if contrast is not None:
        estimates.append(as_estimate(contrast, "service over the best other", "primary", "simultaneous 95 % interval (Hsu 1984)"))
    return interval_figure(estimates, verdict["sesoi"], lambda value: tick_amount(value, verdict["unit"]))
