"""The report's sensitivity contour and its event study: places and words of known rows."""

# The minus sign is what the report prints.
# ruff: noqa: RUF001

from dataclasses import replace

import pytest

from pipelines.claim.sensitivity import adjust
from pipelines.report.changes import changes
from pipelines.report.hidden_cause import Contour, contour, curve_of
from pipelines.report.render import render
from pipelines.report.summary import Row, Snapshot
from tests.report_snapshots import around, snapshot


def drawn(rows: Snapshot) -> Contour:
    assert rows.primary is not None
    found = contour(rows, rows.primary)
    assert found is not None
    return found


def with_rows(table: str, rows: list[Row]) -> Snapshot:
    whole = snapshot()
    return replace(whole, more={**whole.more, table: rows})


def test_a_hidden_cause_on_the_line_takes_the_estimate_to_zero() -> None:
    df, se = 900.0, 0.01
    curve = curve_of(abs(0.05) / (se * df**0.5), 0.5, 0.6)
    assert len(curve) > 20
    for x, y in curve:
        assert adjust(0.05, se, df, x, y).estimate == pytest.approx(0.0, abs=1e-12)
    assert (max(x for x, _ in curve), max(y for _, y in curve)) == pytest.approx((0.5, 0.6))
    assert curve_of(30.0, 0.2, 0.2) == []


def test_marks_lie_on_the_side_that_their_sign_says() -> None:
    found = drawn(snapshot())
    assert found.line_kinds == ("interval", "half", "zero")
    zero = next(line for line in found.lines if line.kind == "zero").points
    for mark, (name, *_, delta) in zip(found.marks, found.rows, strict=True):
        at_x = [y for x, y in zero if x <= mark.dot.x]
        is_beyond = bool(at_x) and mark.dot.y < at_x[0]
        assert is_beyond == delta.startswith("−"), name
    # 0.2 * sqrt(0.07 * 0.15 / 0.85) = 0.0222; twice a benchmark that is not the strongest is not shown.
    assert found.rows == (
        ("questions asked the week before", "0.2 %", "1.1 %", "+1.48"),
        ("2 times questions asked the week before", "0.4 %", "2.2 %", "+1.38"),
        ("3 times questions asked the week before", "0.6 %", "3.3 %", "+1.29"),
        ("severity level 2 of questions", "0.01 %", "0.4 %", "+1.56"),
        ("the recorded targeting score", "15 %", "7 %", "−0.65"),
    )
    assert [mark.label for mark in found.marks if mark.label] == ["3×", "the recorded targeting score"]


def test_the_words_say_what_it_would_take() -> None:
    first, strongest, score = drawn(snapshot()).words
    assert "would have to explain 7.5 % of what is left" in first
    assert strongest.endswith("would leave Δ at +1.48 pp instead of +1.57 pp; 3 times as strong, the sign would still stand.")
    assert "as strong, it would turn the sign: Δ −0.65 pp." in score
    weak = [{**row, "delta": -0.01 if row["multiple"] == 2 else row["delta"]} for row in snapshot().more["claim.sensitivity_contour"]]
    assert drawn(with_rows("claim.sensitivity_contour", weak)).words[1].endswith("2 times as strong, it would turn the sign.")


def test_an_interval_that_holds_zero_has_no_line_of_its_own() -> None:
    uncertain = [{**row, "half_width": 0.02} for row in snapshot().more["claim.sensitivity_contour"]]
    assert drawn(with_rows("claim.sensitivity_contour", uncertain)).line_kinds == ("half", "zero")


def test_without_a_contour_the_report_says_why_or_tells_the_gate() -> None:
    rows = with_rows("claim.sensitivity_contour", [])
    assert rows.primary is not None
    assert contour(rows, rows.primary) is None
    assert "The verdict would stand" in render(rows, around())
    nothing = replace(rows, checks=[check for check in rows.checks if check["kind"] != "sensitivity"])
    assert "it needs broadcasts by customer" in render(nothing, around())


def test_weeks_before_the_change_are_left_of_it_and_what_is_beyond_chance_is_counted() -> None:
    found = changes(snapshot())
    assert found is not None
    speed, outcome = found.figures
    assert all((point.x < speed.change) == (point.kind != "primary") for point in speed.points)
    assert [tick.label for tick in speed.x_ticks] == ["−8", "−4", "0", "+4", "+8", "+12"]
    assert speed.sentence == (
        "Before the change none of 8 weeks moved by more than chance, as it should be. Since then 13 of 13 weeks did."
    )
    assert outcome.sentence.endswith("Since then none of 13 weeks did.")
    assert [point.kind for point in outcome.points] == ["other"] * 8 + ["naive"] * 12 + ["primary"] * 13
    assert "compared with brands that never changed" in found.note
    for point, (x, lo, hi) in zip(speed.points, speed.whole, strict=True):
        assert point.lo is not None
        assert point.hi is not None
        # Down is more in a drawing.
        assert (x, lo > point.lo > point.y > point.hi > hi) == (point.x, True)


def test_a_step_before_the_change_is_no_good_sign() -> None:
    moved = [
        {**row, "simultaneous_lo": 0.01} if row["event_time_weeks"] in (-5, -6) and row["measure"] == "responsiveness" else row
        for row in snapshot().more["claim.event_study"]
    ]
    found = changes(with_rows("claim.event_study", moved))
    assert found is not None
    assert found.figures[0].sentence.startswith("Before the change 2 of 8 weeks moved by more than chance, so that brands were not alike")


def test_a_study_that_can_t_be_made_says_why() -> None:
    blank = dict.fromkeys(snapshot().more["claim.event_study"][0])
    rows = [{**blank, "measure": measure, "reason": "no brand's target was tightened"} for measure in ("outcome", "responsiveness")]
    text = render(with_rows("claim.event_study", rows), around())
    assert "Not computed: no brand&#39;s target was tightened." in text
    assert "event-study-1" not in text
    assert changes(with_rows("claim.event_study", [])) is None
