"""What landing holds already, so that only what changed is landed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.sources.kit.endpoints import Endpoint, Record
from pipelines.sources.kit.rows import columns_of
from pipelines.sql import identifier, literal

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class KnownRows:
    """Newest landed version of every record of one endpoint, by a hash of its content.

    Args:
        connection: an in-memory database of the sync's.
        endpoint: whose records.
        files: its landed Parquet files in the order in which they were landed.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, endpoint: Endpoint, files: list["Path"]) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._files = files
        self._table = identifier(f"known_{endpoint.table}")
        self._keys = ", ".join(identifier(name) for name in endpoint.key)
        self._batch_keys = ", ".join(f"batch.{identifier(name)}" for name in endpoint.key)
        self._version = identifier(endpoint.version) if endpoint.version is not None else "null"
        self._same_key = " and ".join(f"known.{identifier(name)} = batch.{identifier(name)}" for name in endpoint.key)
        columns = columns_of(endpoint)
        self._content = f"hash({', '.join(f'batch.{identifier(name)}' for name in columns)})"
        typed = ", ".join(f"{identifier(name)} {columns[name]}" for name in endpoint.key)
        typed += f", version {columns.get(endpoint.version or '', 'integer')}"
        connection.execute(f"create or replace temp table {self._table} ({typed}, content ubigint, is_deleted boolean, is_seen boolean)")
        for file in files:
            # File by file: a later load's version replaces an earlier one's.
            rows = landed_query(connection, endpoint, file)
            connection.execute(
                f"create or replace temp table batch as select file_row_number as _position, {self._keys},"
                f" {self._version} as version, {self._content} as content, _is_deleted as is_deleted from ({rows}) as batch"
            )
            self._replace("batch", is_seen=False)
        self.landed: list[Record] = []

    def only_changed(self, batch: "pa.Table") -> "pa.Table":
        """The rows of a batch that are new or not as landed; of two with one key and content, one.

        Where the endpoint has a version, what is older than what is known, or than what stands before it in the batch, is left
        out: a page that comes late, or from a cache, never replaces what is newer. So the last landed row is the newest.

        Args:
            batch: as `rows.batch_of` makes them; marked as seen.
        """
        import pyarrow as pa

        connection = self._connection
        connection.register("pulled", batch.append_column("_position", pa.array(range(len(batch)), pa.int64())))
        try:
            # Every value is hashed once; what follows works on keys and hashes.
            connection.execute(
                f"create or replace temp table batch as select _position, {self._keys}, {self._version} as version,"
                f" {self._content} as content, _is_deleted as is_deleted from pulled as batch"
            )
        finally:
            connection.unregister("pulled")
        if self._endpoint.lists_all:
            connection.execute(f"update {self._table} as known set is_seen = true from batch where {self._same_key} and not known.is_seen")
        older = "false" if self._endpoint.version is None else "coalesce(known.version > batch.version, false)"
        connection.execute(
            f"""
            create or replace temp table news as
            select batch.*
            from batch left join {self._table} as known on {self._same_key}
            where known.content is distinct from batch.content and not {older}
            qualify row_number() over (partition by {self._batch_keys}, batch.content order by batch._position) = 1
            """
        )
        if self._endpoint.version is not None:
            self._drop_older()
        self._replace("news", is_seen=True)
        positions = _arrow(connection, "select _position from news order by _position")["_position"]
        return batch if len(positions) == len(batch) else batch.take(positions)

    def _drop_older(self) -> None:
        self._connection.execute(
            f"""
            create or replace temp table news as
            select * from news
            qualify version is null or version >= max(version) over (partition by {self._keys} order by _position)
            """
        )

    def has_missing(self) -> bool:
        """Whether a record is known, not deleted, and was not pulled since this object was made."""
        query = f"select count(*) > 0 from {self._table} where not is_seen and not is_deleted"
        # All rows: a result that is still open keeps the next batch from being registered.
        return self._connection.execute(query).fetchall()[0][0]

    def missing(self) -> "pa.Table":
        """Keys of the records that are known, not deleted, and were not pulled since this object was made; now deleted."""
        gone = _arrow(self._connection, f"select {self._keys} from {self._table} where not is_seen and not is_deleted order by all")
        self._connection.execute(f"update {self._table} set is_deleted = true where not is_seen and not is_deleted")
        return gone

    def keys(self, within: Mapping[str, str]) -> list[Record]:
        """Keys of the records that are known and not deleted, of those with the values given in columns of the key."""
        where = " and ".join(f"{identifier(name)} = ?" for name in within) or "true"
        query = f"select {self._keys} from {self._table} where not is_deleted and {where} order by all"
        rows = self._connection.execute(query, list(within.values())).fetchall()
        return [dict(zip(self._endpoint.key, row, strict=True)) for row in rows]

    def gone(self, keys: list[Record]) -> "pa.Table":
        """Of the keys named, those of records that are known and not deleted; now deleted. One that comes back is landed again."""
        import pyarrow as pa

        named = pa.Table.from_pylist([{name: key[name] for name in self._endpoint.key} for key in keys])
        self._connection.register("named", named)
        try:
            self._connection.execute(f"create or replace temp table batch as select distinct {self._keys} from named")
        finally:
            self._connection.unregister("named")
        known = f"{self._table} as known where not known.is_deleted and exists (from batch where {self._same_key})"
        gone = _arrow(self._connection, f"select {self._keys} from {known} order by all")
        self._connection.execute(f"update {self._table} as known set is_deleted = true, content = null from batch where {self._same_key}")
        return gone

    def remember(self, rows: "pa.Table") -> None:
        """Note what this load lands, none of it deleted, for endpoints that ask for the children of what changed."""
        self.landed += rows.select([each.name for each in self._endpoint.fields]).to_pylist()

    def rows(self) -> list[Record]:
        """Newest landed version of every record that is not deleted, without payload."""
        if not self._files and not self.landed:
            return []
        columns = ", ".join(identifier(each.name) for each in self._endpoint.fields)
        columns = f"{columns}, _is_deleted"
        found: dict[tuple[Any, ...], Record] = {}
        for file in self._files:
            self._collect(
                found,
                _arrow(self._connection, f"select {columns} from ({landed_query(self._connection, self._endpoint, file)})").to_pylist(),
            )
        self._collect(found, [{**row, "_is_deleted": False} for row in self.landed])
        return [{name: value for name, value in row.items() if name != "_is_deleted"} for row in found.values() if not row["_is_deleted"]]

    def _collect(self, found: dict[tuple[Any, ...], Record], rows: list[Record]) -> None:
        for row in rows:
            found[tuple(row[name] for name in self._endpoint.key)] = row

    def _replace(self, table: str, *, is_seen: bool) -> None:
        """Put the last version of each key of a table in the place of what was known."""
        self._connection.execute(f"delete from {self._table} as known using {table} as batch where {self._same_key}")
        self._connection.execute(
            f"insert into {self._table} select {self._keys}, version, content, is_deleted, {str(is_seen).lower()} from {table}"
            f" qualify row_number() over (partition by {self._keys} order by _position desc) = 1"
        )


def landed_query(connection: duckdb.DuckDBPyConnection, endpoint: Endpoint, file: "Path") -> str:
    """SQL for the rows of a landed file, typed, with `file_row_number`; a column that was not known when it was landed is null."""
    parquet = f"read_parquet({literal(file)}, hive_partitioning = false, file_row_number = true)"
    present = {name for (name,) in connection.execute(f"select column_name from (describe from {parquet})").fetchall()}
    columns = [
        f"{identifier(name) if name in present else 'null'}::{type_} as {identifier(name)}" for name, type_ in columns_of(endpoint).items()
    ]
    return f"select {', '.join(columns)}, file_row_number from {parquet}"


def _arrow(connection: duckdb.DuckDBPyConnection, query: str) -> "pa.Table":
    return connection.sql(query).to_arrow_table()
