"""Dagster's run history in one SQLite file, through one engine.

Dagster's own SQLite event logs make a new engine, and with it several start-up queries, for every
event. A small run has some 750 events; keeping the engine takes most of that work away.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from sqlalchemy.pool import NullPool

BUSY_TIMEOUT_SECONDS = 10


class OneEngineEventLog(ConsolidatedSqliteEventLogStorage):
    """The consolidated event log; connections still open and close one by one, so processes can share the file."""

    @cached_property
    def _engine(self) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(self._conn_string, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @contextmanager
    def _connect(self) -> Generator[sqlalchemy.Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection
