"""The terminal card keeps its width whatever stands in it, and numbers read the same everywhere."""

# The minus sign is what the card prints.
# ruff: noqa: RUF001

from dataclasses import replace

import pytest
from rich.cells import cell_len

from pipelines.report.card import WIDTH, verdict_card
from pipelines.report.numbers import amount, bare_amount, interval, plain, probability, short_interval, tick_amount
from pipelines.report.summary import Row, Snapshot
from tests.report_snapshots import CHANGES, HOSTILE, KINDS, NO_NUMBERS, Kind, snapshot


def _card(rows: Snapshot) -> str:
    assert rows.primary is not None
    return verdict_card(rows, rows.primary)


def _is_a_box(card: str) -> bool:
    lines = card.splitlines()
    return {cell_len(line) for line in lines} == {WIDTH} and all(line[0] in "╭│╰" and line[-1] in "╮│╯" for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_tells_every_claim_within_its_width(kind: Kind) -> None:
    card = _card(snapshot(kind, CHANGES))
    assert _is_a_box(card)
    assert "│ C4 human over bot          inconclusive identification     +0.92 [+0.57, +1.27] pp" in card
    assert "│ C5 warmth*                 contradicted tie                +0.040 [−0.20, +0.28] pp" in card
    assert "│ C6 listening               inconclusive data quality       not computed" in card
    assert "* exploratory" in card
    assert "Design: roster instrument; broadcast: adjusted within-customer." in card
    assert "plan changed after data were seen: 2 entries" in card
    assert ("What would settle it" in card) == (kind == "inconclusive")


@pytest.mark.parametrize(
    ("value", "ends", "told"),
    [
        (0.003785, (0.0001153, 0.007456), "+0.00379 [+0.000115, +0.00746]"),
        (-0.00037851, (-0.0011534, -0.00010009), "−0.000379 [−0.00115, −0.000100]"),
        (-0.00037851, (-0.00091534, -0.00011534), "−0.000379 [−0.000915, −0.000115]"),
        (-123.456, (-234.567, 345.678), "−123 [−235, +346]"),
    ],
)
def test_a_claims_line_does_not_wrap(value: float, ends: tuple[float, float], told: str) -> None:
    rows = snapshot()
    wide = {
        "delta": value,
        "ci95_lo": ends[0],
        "ci95_hi": ends[1],
        "unit": "EUR",
        "reason_code": "yardstick_conflict",
        "is_exploratory": True,
    }
    verdicts = [rows.verdicts[0], *({**row, **wide, "verdict": "inconclusive"} for row in rows.verdicts[1:])]
    lines = _card(replace(rows, verdicts=verdicts)).splitlines()
    found = [line for line in lines if line.startswith(tuple(f"│ C{n} " for n in range(2, 8)))]
    assert WIDTH <= 96
    assert len(found) == 6
    for line in found:
        assert line.removesuffix("│").rstrip().endswith(f" {told}"), line


def test_long_wide_and_hostile_words_do_not_break_the_card() -> None:
    rows = snapshot("inconclusive")
    long = {
        "outcome": "net_revenue_" * 20,
        "design": "x" * 300,
        "unit": "EUR per customer-quarter",
        "delta": -1234567.891,
        "ci95_lo": float("-inf"),
    }
    for more in (long, {"design": "日本語" * 60}, {"what_would_settle_it": HOSTILE * 4}):
        card = _card(replace(rows, verdicts=[{**rows.verdicts[0], **more}, *rows.verdicts[1:]]))
        assert _is_a_box(card), card
        assert "\u001b" not in card
    assert "net revenue" in _card(replace(rows, verdicts=[{**rows.verdicts[0], **long}]))


def test_a_verdict_without_any_number_has_a_card() -> None:
    rows = snapshot()
    empty: Row = {**rows.verdicts[0], **NO_NUMBERS}
    card = _card(replace(rows, verdicts=[empty], estimates=[], checks=[], more={}, plans=[]))
    assert _is_a_box(card)
    assert "None" not in card


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.0052, "probability per customer-week", "+0.52 pp"),
        (-0.00004, "probability", "−0.004 pp"),
        (0.0, "probability", "0.00 pp"),
        (12.345678, "EUR", "+12.35"),
        (-1234567.8, "EUR", "−1,234,568"),
        (float("inf"), "EUR", "+∞"),
        (float("nan"), "EUR", "not computed"),
        (None, None, "not computed"),
    ],
)
def test_amounts_are_signed_and_carry_their_unit(value: float | None, unit: str | None, expected: str) -> None:
    assert amount(value, unit) == expected


def test_numbers_in_tables() -> None:
    row = {"estimate": 0.01, "ci95_lo": -0.002, "ci95_hi": float("inf"), "unit": "probability"}
    assert short_interval(row) == "+1.00 [−0.20, +∞] pp"
    assert interval(row) == "+1.00 pp  [−0.20 pp, +∞ pp]"
    assert (bare_amount(0.5, "EUR"), tick_amount(-0.02, "probability"), tick_amount(0.0, "EUR")) == ("+0.5", "−2", "0")
    assert [plain(value) for value in (None, 12345.6, 0.98123, float("inf"))] == ["", "12,346", "0.981", "∞"]
    assert [probability(p) for p in (None, 0.0001, 0.05, 1.0)] == ["", "< .001", ".050", "1"]


def test_the_same_rows_make_the_same_card() -> None:
    assert _card(snapshot("supported", CHANGES)) == _card(snapshot("supported", CHANGES))
