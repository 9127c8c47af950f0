"""Leaving erased persons out of what is about to be landed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import duckdb

from pipelines.erasure.sieve import Rows, Sieve
from pipelines.erasure.tables import canonical_tables, of_endpoint
from pipelines.erasure.tombstones import Tombstones
from pipelines.sources.kit.endpoints import Endpoint, System
from pipelines.sql import identifier

if TYPE_CHECKING:
    import pyarrow as pa


def sift_tables(connection: duckdb.DuckDBPyConnection, made: Mapping[str, str], tombstones: Tombstones) -> dict[str, int]:
    """Take erased persons out of tables of canonical files.

    Args:
        connection: holds the tables.
        made: name of each table by canonical table.
        tombstones: of the home; what falls with them is added.

    Returns:
        Rows taken out by canonical table.
    """
    sieve = Sieve(connection, tombstones)
    every = {}
    for name, table in made.items():
        personal = canonical_tables()[name]
        every[name] = Rows(personal, f"select * from {table}", frozenset(personal.columns))
    sieve.spread(list(every.values()))
    erased = {}
    for name, rows in every.items():
        before = _count(connection, made[name])
        connection.execute(f"create or replace temp table {made[name]} as {_sifted(sieve, rows)}")
        erased[name] = before - _count(connection, made[name])
    return erased


def _sifted(sieve: Sieve, rows: Rows) -> str:
    cleared = ", ".join(f"{sql} as {identifier(column)}" for column, sql in sieve.cleared(rows).items())
    replaced = f" replace ({cleared})" if cleared else ""
    return f"select *{replaced} from ({rows.query}) where not ({sieve.falls(rows)})"


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select count(*) from {table}").fetchall()[0][0]


class PulledSieve:
    """Leaves erased persons out of the batches of one sync of a source system."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, system: System, source_id: str, tombstones: Tombstones) -> None:
        self.connection = connection
        self.system = system
        self.source_id = source_id
        self.sieve = Sieve(connection, tombstones)

    def sift(self, batch: "pa.Table", endpoint: Endpoint) -> "pa.Table":
        """The rows of a batch that stay, in their order, cleared.

        Args:
            batch: as `rows.batch_of` makes them.
            endpoint: whose.
        """
        import pyarrow as pa

        table = of_endpoint(self.system, endpoint, self.source_id)
        rows = Rows(table, "select * exclude (_position) from pulled_batch", frozenset(table.columns))
        self.connection.register("pulled_batch", batch.append_column("_position", pa.array(range(len(batch)), pa.int64())))
        try:
            self.sieve.spread([rows])
            ordered = Rows(table, "select * from pulled_batch", rows.columns)
            sifted = f"select * exclude (_position) from ({_sifted(self.sieve, ordered)}) order by _position"
            return self.connection.sql(sifted).to_arrow_table().cast(batch.schema)
        finally:
            self.connection.unregister("pulled_batch")
