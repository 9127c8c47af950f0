"""Great Expectations on DuckDB, in SQL.

Great Expectations closes its connection before it reads the cursor, and with DuckDB the result goes
with the connection. Holding one connection open, as it does for SQLite itself, makes it work.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import sqlalchemy
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """An engine that opens one connection and yields it every time."""

    _held: sqlalchemy.Connection | None = None

    @contextmanager
    def get_connection(self) -> Generator[sqlalchemy.Connection, None, None]:
        if self._held is None:
            self._held = self.engine.connect()
        yield self._held

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        super().close()


# The field `type` below hides the builtin of that name.
EngineType = type[DuckDBExecutionEngine]


class DuckDBDatasource(SQLDatasource):
    """Makes `context.data_sources.add_duckdb(name=..., connection_string="duckdb:///...")` available."""

    # Great Expectations registers a data source under the literal of its own `type`.
    type: Literal["duckdb"] = "duckdb"  # ty: ignore[incompatible-attribute-override]

    @property
    def execution_engine_type(self) -> EngineType:
        return DuckDBExecutionEngine
