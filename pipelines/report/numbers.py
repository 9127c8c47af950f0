"""Numbers as people read them."""

from collections.abc import Mapping
from math import isfinite, isinf, isnan
from typing import Any

from pipelines.report.words import NOT_COMPUTED

MINUS = "\u2212"
# Below this many percentage points two decimals would show nothing.
SMALL_POINTS = 0.1
# From here on decimals are noise.
WHOLE_NUMBERS_FROM = 1000


def finite(value: Any) -> float | None:
    """The number, or None for what is none: null, not a number, infinite."""
    if value is None or isinstance(value, str):
        return None
    return float(value) if isfinite(float(value)) else None


def is_points(unit: str | None) -> bool:
    """Whether amounts of this unit are told in percentage points."""
    return unit is not None and unit.startswith("probability")


def amount(value: float | None, unit: str | None) -> str:
    """A signed amount with its unit; probabilities in percentage points."""
    if value is None or isnan(value):
        return NOT_COMPUTED
    return f"{bare_amount(value, unit)} pp" if is_points(unit) else bare_amount(value, unit)


def bare_amount(value: float | None, unit: str | None, digits: int | None = None) -> str:
    """A signed amount without the name of its unit; where `digits` says so, with so many significant ones and no fewer."""
    if value is None or isnan(value):
        return NOT_COMPUTED
    if isinf(value):
        return "+∞" if value > 0 else f"{MINUS}∞"
    if is_points(unit):
        points = value * 100
        if points == 0:
            return "0.00"
        decimals = 3 if abs(points) < SMALL_POINTS else 2
        return f"{points:+.{decimals}f}".replace("-", MINUS)
    short = f"{value:+.4g}" if digits is None else f"{value:+#.{digits}g}".rstrip(".")
    text = f"{value:+,.0f}" if abs(value) >= WHOLE_NUMBERS_FROM else short
    return text.replace("-", MINUS)


def tick_amount(value: float, unit: str | None) -> str:
    """An amount at an axis: the unit stands elsewhere, and round numbers have no decimals to show."""
    if value == 0:
        return "0"
    scaled = round(value * 100, 9) if is_points(unit) else value
    return f"{scaled:+,.6g}".replace("-", MINUS)


def size(value: float | None, unit: str | None) -> str:
    """An amount without its plus sign."""
    return amount(value, unit).lstrip("+")


def value_of(row: Mapping[str, Any] | None) -> float | None:
    """The number of an estimate's or a verdict's row."""
    if row is None:
        return None
    return finite(row.get("estimate", row.get("delta")))


def interval(row: Mapping[str, Any] | None) -> str:
    """An estimate with its 95 % interval."""
    value = value_of(row)
    if row is None or value is None:
        return NOT_COMPUTED
    unit = row["unit"]
    return f"{amount(value, unit)}  [{amount(row['ci95_lo'], unit)}, {amount(row['ci95_hi'], unit)}]"


def short_interval(row: Mapping[str, Any] | None) -> str:
    """An estimate with its 95 % interval, the unit told once; three digits, so that a table's column stays narrow."""
    value = value_of(row)
    if row is None or value is None:
        return NOT_COMPUTED
    unit = row["unit"]
    told, lo, hi = (bare_amount(each, unit, digits=3) for each in (value, row["ci95_lo"], row["ci95_hi"]))
    return f"{told} [{lo}, {hi}]" + (" pp" if is_points(unit) else "")


def plain(value: float | None, digits: int = 3) -> str:
    """A number without unit or plus sign; nothing where there is none."""
    if value is None:
        return ""
    if isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:,.0f}" if abs(value) >= WHOLE_NUMBERS_FROM else f"{value:.{digits}g}"
    return text.replace("-", MINUS)


def count(value: int | None) -> str:
    """A count with thousands set apart; nothing where there is none."""
    return "" if value is None else f"{value:,}"


def counted(value: int | None, name: str) -> str:
    """A count with its noun, in the plural where it is not one."""
    return f"{count(value or 0)} {name}{'' if value == 1 else 's'}"


def probability(p: float | None) -> str:
    """A p-value as printed in tables."""
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"
