"""Back to the landed files, row by row."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.contract import tables
from pipelines.explain.words import printable
from pipelines.landing import LandedFile, Landing, landed_rows
from pipelines.paths import Home, shown
from pipelines.sql import identifier

MOST_RANGES_SHOWN = 5


@dataclass(frozen=True)
class LandedRows:
    """Rows of one landed table that concern a ticket.

    Args:
        table: canonical table.
        origin: name of the file that the source brought.
        landed: the immutable copy in landing, as a user would type it.
        rows: data rows in the file, counted from 1; None where the copy can't be read.
    """

    table: str
    origin: str
    landed: str
    rows: list[int] | None


def rows_of_ticket(home: Home, source_id: str, ticket_id: str) -> list[LandedRows]:
    """Rows of every landed table that names the ticket, in the newest load of each configured source."""
    found: list[LandedRows] = []
    landing = Landing(home.landing)
    for folder in sorted(path for path in home.landing.glob("*") if path.is_dir()):
        load = landing.newest(folder.name)
        if load is None:
            continue
        for name, table in tables().items():
            if name in load.tables and "ticket_id" in {column.name for column in table.columns}:
                found += _rows(home.landing, name, load.tables[name], source_id, ticket_id)
    return found


def _rows(landing: Path, table: str, landed: LandedFile, source_id: str, ticket_id: str) -> list[LandedRows]:
    path = landing / landed.path
    try:
        with duckdb.connect(":memory:") as connection:
            query = (
                f"select _file, list(_row_number order by _row_number) from ({landed_rows(connection, path, landed.origin)})"
                f" where {identifier('source_id')} = ? and {identifier('ticket_id')} = ? group by all order by max(_file_number)"
            )
            found = connection.execute(query, [source_id, ticket_id]).fetchall()
    except (duckdb.Error, OSError):
        return [LandedRows(table, landed.origin, shown(path), None)]
    return [LandedRows(table, file, shown(path), rows) for file, rows in found]


def origin_lines(found: list[LandedRows]) -> list[str]:
    """Where the rows stand, one table a line."""
    if not found:
        return ["  none: landing has no newest load with this ticket; it may have been landed elsewhere, or erased"]
    widths = [max(len(each.table) for each in found), max(len(_numbers(each)) for each in found)]
    return [f"  {each.table:<{widths[0]}}  {_numbers(each):<{widths[1]}}  {printable(each.landed)}" for each in found]


def _numbers(each: LandedRows) -> str:
    origin = printable(each.origin)
    if each.rows is None:
        return f"{origin} (the landed copy is gone or can't be read)"
    ranges = _ranges(each.rows)
    more = f" and {len(ranges) - MOST_RANGES_SHOWN:,} more" if len(ranges) > MOST_RANGES_SHOWN else ""
    return f"{origin} {'row' if len(each.rows) == 1 else 'rows'} {', '.join(ranges[:MOST_RANGES_SHOWN])}{more}"


def _ranges(rows: list[int]) -> list[str]:
    """Row numbers in order, runs of them as one range."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return [f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in runs]
