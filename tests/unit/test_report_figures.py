"""Places in figures from rows whose places can be told by hand."""

import pytest

from pipelines.report.figures import XY, Estimate, Scale, Specified, fitted_line, interval_figure, round_values, scatter, spec_curve


def name(value: float) -> str:
    return f"{value:g}"


def estimate(value: float | None, lo: float | None, hi: float | None) -> Estimate:
    return Estimate("row", "text", value, (lo, hi))


def test_intervals_stand_round_zero_in_percent_of_the_width() -> None:
    # The farthest end is 50, and the axis goes 8 % farther: 54.
    figure = interval_figure([estimate(25.0, 0.0, 50.0)], 13.5, name)
    (bar,) = figure.bars
    assert figure.zero == 50.0
    assert bar.at == pytest.approx(50 + 50 * 25 / 54, abs=1e-3)
    assert bar.ci95 == pytest.approx((50.0, 50 + 50 * 50 / 54), abs=1e-3)
    assert bar.ci90 is None
    assert figure.band == pytest.approx((37.5, 62.5))
    assert (bar.goes_beyond_left, bar.goes_beyond_right) == (False, False)


def test_the_band_is_never_wider_than_half_of_the_axis() -> None:
    figure = interval_figure([estimate(0.0, -0.001, 0.001)], 1.0, name)
    assert figure.band == pytest.approx((50 - 50 / 2.16, 50 + 50 / 2.16), abs=1e-3)


def test_an_unbounded_end_reaches_the_edge_with_an_arrow() -> None:
    (bar,) = interval_figure([estimate(1.0, None, 2.0)], None, name).bars
    assert bar.ci95 is not None
    assert bar.ci95[0] == 0.0
    assert (bar.goes_beyond_left, bar.goes_beyond_right) == (True, False)


def test_what_lies_beyond_a_shortened_axis_is_an_arrow_and_no_mark() -> None:
    near, far = interval_figure([estimate(1.0, 0.5, 1.5), estimate(-9.0, -10.0, -8.0)], 0.5, name, most=2.0).bars
    assert near.at == pytest.approx(75.0)
    assert (far.is_known, far.at, far.ci95, far.goes_beyond_left) == (True, None, (0.0, 0.0), True)


def test_a_row_without_an_estimate_is_not_drawn() -> None:
    figure = interval_figure([estimate(None, None, None)], 0.5, name)
    (bar,) = figure.bars
    assert (bar.is_known, bar.at, bar.ci95, bar.goes_beyond_left, figure.is_drawn) == (False, None, None, False, False)


@pytest.mark.parametrize(
    ("lo", "hi", "about", "expected"),
    [
        (-5.4, 5.4, 4, [-5.0, 0.0, 5.0]),
        (0.0, 1.0, 5, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.0031, 0.0031, 6, [-0.002, 0.0, 0.002]),
        (1200.0, 2600.0, 3, [1500.0, 2000.0, 2500.0]),
        (2.0, 2.0, 4, [2.0]),
    ],
)
def test_ticks_are_round_and_hold_zero(lo: float, hi: float, about: int, expected: list[float]) -> None:
    assert round_values(lo, hi, about) == pytest.approx(expected)


def specified(value: float, rate: str, is_primary: bool = False) -> Specified:
    return Specified(f"rate {rate}", value, value - 1, value + 1, is_primary, {"rate": rate, "design": "roster"})


def test_specifications_are_sorted_and_the_choices_stand_below_their_dots() -> None:
    figure = spec_curve([specified(3.0, "0.5", is_primary=True), specified(-1.0, "0.9"), specified(2.0, "0")], 0.5, name)
    assert figure is not None
    assert [point.title for point in figure.points] == ["rate 0.9", "rate 0", "rate 0.5"]
    assert [point.kind for point in figure.points] == ["other", "other", "primary"]
    xs = [point.x for point in figure.points]
    assert xs == sorted(xs)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])
    # Higher estimates stand higher, which is a smaller y, and an interval is symmetric about its dot.
    ys = [point.y for point in figure.points]
    assert ys == sorted(ys, reverse=True)
    assert all(
        point.lo is not None and point.hi is not None and point.lo + point.hi == pytest.approx(2 * point.y, abs=2e-3)
        for point in figure.points
    )
    # The design is the same in all, so it is no row; each rate marks the dot of its specification.
    assert [group.label for group in figure.groups] == ["rate"]
    assert {row.label: row.xs for row in figure.choices} == {"0": (xs[1],), "0.5": (xs[2],), "0.9": (xs[0],)}
    assert figure.n_same_sign == 2
    assert all(row.y < figure.frame.height for row in figure.choices)


def test_one_specification_is_no_curve() -> None:
    assert spec_curve([specified(1.0, "0.5")], 0.5, name) is None


def test_dots_keep_order_and_size_and_the_line_goes_through_them() -> None:
    dots = [XY(0.0, 1.0, 100, "a"), XY(1.0, 3.0, 25, "b"), XY(2.0, 5.0, 0, "c")]
    line = fitted_line(dots)
    assert line == pytest.approx((1.0, 2.0))
    figure = scatter(dots, name, name, line)
    assert figure is not None
    assert figure.points[1].x == pytest.approx((figure.points[0].x + figure.points[2].x) / 2)
    assert figure.points[0].radius == 5.0
    assert figure.points[2].radius == 2.5
    assert figure.points[1].radius == pytest.approx(2.5 + 2.5 / 2)
    assert figure.line == pytest.approx((figure.points[0].x, figure.points[0].y, figure.points[2].x, figure.points[2].y))


def test_a_line_weighs_dots_by_their_rows_and_needs_two_places() -> None:
    # Weighted least squares by hand: three rows at (0, 0), one at (0, 4), four at (2, 3).
    assert fitted_line([XY(0, 0, 3, ""), XY(0, 4, 1, ""), XY(2, 3, 4, "")]) == pytest.approx((1.0, 1.0))
    assert fitted_line([XY(1, 0, 3, ""), XY(1, 4, 1, "")]) is None
    assert fitted_line([]) is None


def test_a_scale_puts_what_is_beyond_on_its_edge() -> None:
    scale = Scale(0.0, 10.0, 200.0, 100.0)
    assert [scale.place(value) for value in (-5.0, 0.0, 2.5, 10.0, 99.0)] == [200.0, 200.0, 175.0, 100.0, 100.0]
