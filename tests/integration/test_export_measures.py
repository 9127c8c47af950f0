"""What an export without API rights is for: reply times, from the sample files to the fact table."""

import duckdb
import polars as pl
import pytest

from pipelines.contract import tables
from pipelines.paths import PROJECT
from pipelines.sources.files import FilesSource
from tests.unit.test_exports import at
from tests.warehouse import CompiledProject, Warehouse


@pytest.fixture(scope="module")
def exported() -> dict[str, pl.DataFrame]:
    """Canonical rows of the sample of Zendesk's JSON export."""
    found = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        folder = PROJECT / "tests" / "fixtures" / "exports" / "zendesk"
        for name in FilesSource("desk", folder, None, "zendesk_export").read(connection):
            columns = ", ".join(column.name for column in tables()[name].columns)
            frame = pl.from_arrow(connection.sql(f"select {columns} from {name} order by _file_number, _row_number").to_arrow_table())
            assert isinstance(frame, pl.DataFrame)
            found[name] = frame
    return found


def test_replies_are_timed_from_a_json_export_of_zendesk(compiled_project: CompiledProject, exported: dict[str, pl.DataFrame]) -> None:
    with Warehouse(compiled_project, "fct_tickets") as warehouse:
        warehouse.fill(exported, as_of=at(6, 0))
        query = """
            select ticket_id, first_human_reply_calendar_seconds as human, first_any_reply_calendar_seconds as any_reply, is_censored,
                exclusion_reason
            from core.fct_tickets order by ticket_id
        """
        rows = warehouse.frame(query).rows()
    # Ada answered after 75 minutes, a rule after five seconds; who answered ticket 2 is unknown, so nobody did.
    assert rows == [("1", 4500.0, 5.0, False, None), ("2", None, None, True, None), ("3", None, None, False, "deleted")]
