"""Exports of planned and actual activities made into `support_shifts`: no hour is lost, made up or moved."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import ConfigError, SourceError
from pipelines.paths import PACKAGE
from pipelines.roster.convert import DEFAULT_SHAPE, TEMPLATE, Span, convert, load_shape, united, working_spans
from pipelines.sources.files import FilesSource

EXAMPLE = PACKAGE / "templates" / "iex_example"
PLANNED, ACTUAL = EXAMPLE / "agentScheduleDetail.txt", EXAMPLE / "agentActivityDetail.txt"
START = datetime(2026, 3, 2, tzinfo=UTC)


def landed(folder: Path) -> list[tuple[str, ...]]:
    """Rows of support_shifts as the `files` source reads them, as text."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        FilesSource("acme", folder, None).read(connection)
        return connection.execute(
            "select agent_id, queue, strftime(planned_start_at, '%d %H:%M'), strftime(planned_end_at, '%d %H:%M'),"
            " strftime(actual_start_at, '%d %H:%M'), strftime(actual_end_at, '%d %H:%M') from support_shifts order by all"
        ).fetchall()


def test_the_worked_export_becomes_a_roster_that_the_files_source_takes(tmp_path: Path) -> None:
    out = tmp_path / "support_shifts.csv"
    result = CliRunner().invoke(app, ["roster", "convert", str(PLANNED), str(ACTUAL), "--out", str(out)])
    assert result.exit_code == 0, result.exception
    assert "planned 30.0 h, actual 21.3 h" in result.output
    assert "1.0 h of work touched no planned time" in result.output
    assert landed(tmp_path) == [
        # Berlin put its clocks back that night: 00:00 to 06:00 were seven hours.
        ("ana", "billing", "24 22:00", "25 05:00", "24 22:00", "25 05:00"),
        # One night shift, in two rows of the export of what was done.
        ("ana", "billing", "26 21:00", "27 05:00", "26 21:00", "27 05:00"),
        # Half an hour late, lunch as planned, away for half an hour, twenty minutes more at the end.
        ("ben", "billing", "25 08:00", "25 08:30", None, None),
        ("ben", "billing", "25 08:30", "25 11:00", "25 08:30", "25 11:00"),
        ("ben", "billing", "25 12:00", "25 14:00", "25 12:00", "25 14:00"),
        ("ben", "billing", "25 14:00", "25 14:30", None, None),
        ("ben", "billing", "25 14:30", "25 16:00", "25 14:30", "25 16:20"),
        # Absent all day.
        ("cem", "billing", "25 08:00", "25 16:00", None, None),
    ]


def test_the_template_is_a_file_that_the_files_source_takes(tmp_path: Path) -> None:
    out = tmp_path / "support_shifts.csv"
    assert CliRunner().invoke(app, ["roster", "template", "--out", str(out)]).exit_code == 0
    assert out.read_bytes() == TEMPLATE.read_bytes()
    assert [row[4] for row in landed(tmp_path)] == ["23 08:00", "23 08:45", None]
    again = CliRunner().invoke(app, ["roster", "template", "--out", str(out)])
    assert isinstance(again.exception, ConfigError)


minutes = st.integers(0, 300)
spans = st.lists(st.tuples(minutes, st.integers(1, 60)), max_size=8)


def timeline(pairs: Iterable[tuple[int, int]]) -> list[Span]:
    return united(Span(START + timedelta(minutes=at), START + timedelta(minutes=at + length)) for at, length in pairs)


def minute_set(found: Iterable[Span]) -> set[int]:
    """The oracle: time as a set of minutes."""
    return {
        minute
        for span in found
        for minute in range(int((span.start - START).total_seconds()) // 60, int((span.end - START).total_seconds()) // 60)
    }


@given(spans, spans)
def test_planned_and_actual_minutes_are_exactly_those_of_the_exports(
    planned_pairs: list[tuple[int, int]], actual_pairs: list[tuple[int, int]]
) -> None:
    # A colleague who works throughout, so that the exports cover the same time.
    everything = timeline([(0, 400)])
    planned, actual = timeline(planned_pairs), timeline(actual_pairs)
    found = convert({("a", "q"): planned, ("z", "q"): everything}, {("a", "q"): actual, ("z", "q"): everything})
    rows = [shift for shift in found.shifts if shift.agent_id == "a"]
    worked = [shift.actual for shift in rows if shift.actual is not None]
    assert minute_set(shift.planned for shift in rows) == minute_set(planned)
    assert sum(len(minute_set([shift.planned])) for shift in rows) == len(minute_set(planned))
    assert minute_set(worked) <= minute_set(actual)
    assert minute_set(worked) >= minute_set(actual) & minute_set(planned)
    assert sum(len(minute_set([span])) for span in worked) == len(minute_set(worked))
    assert len(minute_set(worked)) == len(minute_set(actual)) - found.unplanned.total_seconds() / 60
    assert minute_set(shift.planned for shift in rows if shift.actual is None) == minute_set(planned) - minute_set(actual)


def test_work_that_touches_planned_work_lengthens_its_row_at_either_end() -> None:
    found = convert({("a", "q"): timeline([(60, 60)])}, {("a", "q"): timeline([(40, 100)])})
    (shift,) = found.shifts
    assert shift.planned == timeline([(60, 60)])[0]
    assert shift.actual == timeline([(40, 100)])[0]
    early = convert({("a", "q"): timeline([(60, 60)])}, {("a", "q"): timeline([(40, 80)])})
    assert early.shifts[0].actual == timeline([(40, 80)])[0]
    assert early.unplanned == timedelta()


def test_nobody_is_absent_from_time_that_the_actual_export_does_not_reach() -> None:
    found = convert({("a", "q"): timeline([(0, 60), (200, 60)])}, {("a", "q"): timeline([(0, 60)])})
    assert [(shift.planned, shift.actual) for shift in found.shifts] == [(Span(START, START + timedelta(hours=1)),) * 2]
    assert found.unwatched == timedelta(hours=1)


def read(tmp_path: Path, rows: str) -> list[Span]:
    path = tmp_path / "planned.txt"
    path.write_text("excdate|TZ|muID|tvID|excName|startTime|stopTime\n" + rows)
    shape = load_shape(DEFAULT_SHAPE)
    found = working_spans(path, shape, shape.planned, shape.working.planned)
    return found.get(("a", "billing"), [])


@pytest.mark.parametrize(
    ("row", "start", "end"),
    [
        # 02:30 does not exist: the clock goes from 02:00 to 03:00, so it is 03:30, 01:30 UTC.
        ("03292026|Europe/Berlin|100|a|Open|02:30|06:00", "2026-03-29T01:30Z", "2026-03-29T04:00Z"),
        # 02:30 is there twice: work starts at the first and ends at the last.
        ("10252026|Europe/Berlin|100|a|Open|02:30|06:00", "2026-10-25T00:30Z", "2026-10-25T05:00Z"),
        ("10242026|CET|100|a|open|22:00|02:30", "2026-10-24T20:00Z", "2026-10-25T01:30Z"),
        ("01152026|EST|100|a|Open|18:00|24:00", "2026-01-15T23:00Z", "2026-01-16T05:00Z"),
    ],
)
def test_local_times_over_clock_changes(tmp_path: Path, row: str, start: str, end: str) -> None:
    assert read(tmp_path, row) == [Span(datetime.fromisoformat(start), datetime.fromisoformat(end))]


def test_breaks_and_training_are_no_hours(tmp_path: Path) -> None:
    assert read(tmp_path, "01152026|CET|100|a|Break|18:00|19:00\n01152026|CET|100|a|Training|19:00|20:00") == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("13152026|CET|100|a|Open|18:00|19:00", "planned.txt, column excdate, row 1: '13152026' is no date like %m%d%Y."),
        ("01152026|Mars|100|a|Open|18:00|19:00", "column TZ, row 1: 'Mars' is no IANA time zone"),
        ("01152026|CET|100|a|Open|18:00|7pm", "column stopTime, row 1: '7pm' is no time like %H:%M or %H:%M:%S."),
    ],
)
def test_a_row_that_can_not_be_read_is_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, row)
    assert message in str(caught.value)


def test_an_export_of_another_shape_is_told_which_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("who,when\na,b\n")
    result = CliRunner().invoke(app, ["roster", "convert", str(path), str(ACTUAL), "--out", str(tmp_path / "o.csv")])
    assert isinstance(result.exception, ConfigError)
    assert "has no column tvID, excdate" in str(result.exception)
    assert not (tmp_path / "o.csv").exists()
