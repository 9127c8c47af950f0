"""Records of an API as Arrow batches: the columns that staging needs, and the rest as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.errors import shorten
from pipelines.sources.kit.endpoints import Endpoint, Field, Record
from pipelines.sources.kit.errors import DriftError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 20_000
EXPECTED = {
    "text": "text", "id": "an id (text or whole number)", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "timestamp": "a time with its zone, like 2026-01-31T09:30:00Z", "json": "JSON",
}  # fmt: skip
DUCKDB_TYPES = {
    "text": "varchar", "id": "varchar", "integer": "bigint", "number": "double", "boolean": "boolean",
    "timestamp": "timestamptz", "json": "json",
}  # fmt: skip


def columns_of(endpoint: Endpoint) -> dict[str, str]:
    """DuckDB type by column of the raw table, without the columns that landing adds."""
    return {each.name: DUCKDB_TYPES[each.type] for each in endpoint.fields} | {"payload": "json", "_is_deleted": "boolean"}


def batch_of(records: Sequence[Record], endpoint: Endpoint, source_id: str) -> "pa.Table":
    """Arrow table of records.

    Args:
        records: as parsed from JSON.
        endpoint: whose columns.
        source_id: for messages.

    Returns:
        One row per record: the endpoint's columns, `payload` (JSON text of every other key) and `_is_deleted`, false.

    Raises:
        DriftError: a required field is missing, or a value is of another type; names endpoint, field and record.
    """
    import pyarrow as pa

    arrays = {each.name: _array(records, each, endpoint, source_id) for each in endpoint.fields}
    taken = {each.keys[0] for each in endpoint.fields if len(each.keys) == 1}
    rest = [orjson.dumps({key: value for key, value in record.items() if key not in taken}).decode() for record in records]
    arrays["payload"] = pa.array(rest, pa.string())
    arrays["_is_deleted"] = pa.repeat(pa.scalar(False), len(records))
    return pa.table(arrays)


def tombstones(keys: "pa.Table", endpoint: Endpoint) -> "pa.Table":
    """Rows that say that records are gone, in the columns of `batch_of`.

    Args:
        keys: one row per record that is gone, with the columns of the key.
        endpoint: whose.
    """
    import pyarrow as pa

    types = {**{each.name: _arrow_type(each) for each in endpoint.fields}, "payload": pa.string()}
    arrays = {name: keys[name].cast(type_) if name in endpoint.key else pa.nulls(len(keys), type_) for name, type_ in types.items()}
    return pa.table(arrays | {"_is_deleted": pa.repeat(pa.scalar(True), len(keys))})


def _arrow_type(each: Field) -> "pa.DataType":
    import pyarrow as pa

    return {
        "text": pa.string(), "id": pa.string(), "json": pa.string(), "integer": pa.int64(), "number": pa.float64(),
        "boolean": pa.bool_(), "timestamp": pa.timestamp("us", "UTC"),
    }[each.type]  # fmt: skip


def _array(records: Sequence[Record], each: Field, endpoint: Endpoint, source_id: str) -> "pa.Array":
    import pyarrow as pa

    values = _values(records, each)
    if each.is_required and None in values:
        record = records[values.index(None)]
        what = f"has a record without {'.'.join(each.keys)}, which it must have{_which(record, endpoint)}. " + _NOTHING_LOST
        raise DriftError(source_id, endpoint.table, what)
    try:
        return _converted(values, each)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise _mistyped(records, values, each, endpoint, source_id) from error


def _converted(values: list[Any], each: Field) -> "pa.Array":
    import pyarrow as pa

    if each.type == "json":
        return pa.array([None if value is None else orjson.dumps(value).decode() for value in values], pa.string())
    if each.type == "id":
        return pa.array([value if value is None or isinstance(value, str) else _whole(value) for value in values], pa.string())
    if each.type == "timestamp":
        return pa.array([value or None for value in values], pa.string()).cast(_arrow_type(each))
    return pa.array(values, _arrow_type(each))


_NOTHING_LOST = "The vendor changed its answers: update Twoway, or report it. What was landed stays."


def _values(records: Sequence[Record], each: Field) -> list[Any]:
    first, *others = each.keys
    values = [record.get(first) for record in records]
    for key in others:
        values = [value.get(key) if isinstance(value, dict) else None for value in values]
    return values


def _whole(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not an id")
    return str(value)


def _mistyped(records: Sequence[Record], values: list[Any], each: Field, endpoint: Endpoint, source_id: str) -> DriftError:
    """Name the first record whose value does not fit."""
    import pyarrow as pa

    for record, value in zip(records, values, strict=True):
        try:
            _converted([value], each)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
            shown = type(value).__name__ if each.type == "text" else shorten(repr(value), 40)
            what = f"says {shown} for {'.'.join(each.keys)}, which is not {EXPECTED[each.type]}{_which(record, endpoint)}. "
            return DriftError(source_id, endpoint.table, what + _NOTHING_LOST)
    return DriftError(source_id, endpoint.table, f"has values for {'.'.join(each.keys)} that do not fit. {_NOTHING_LOST}")


def _which(record: Record, endpoint: Endpoint) -> str:
    """The record's key, for messages: ids only, never a person's words."""
    by_name = {each.name: each for each in endpoint.fields}
    found = [f"{name} {shorten(str(_values([record], by_name[name])[0]), 40)}" for name in endpoint.key if name in by_name]
    return f" ({', '.join(found)})" if found else ""
