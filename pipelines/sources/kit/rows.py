"""Records of an API as Arrow batches: the columns that staging needs, and the rest as JSON."""

import json
import re
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

    _check_objects(records, endpoint, source_id)
    arrays = {each.name: _array(records, each, endpoint, source_id) for each in endpoint.fields}
    taken = {each.keys[0] for each in endpoint.fields if len(each.keys) == 1}
    rest = [_json({key: value for key, value in record.items() if key not in taken}) for record in records]
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

    values = _values(records, each, endpoint, source_id)
    # A record without its key can't be told from another one.
    if each.is_required or each.name in endpoint.key:
        _check_present(records, values, each, endpoint, source_id)
    try:
        return _converted(values, each)
    except _UNFIT:
        pass
    return pa.concat_arrays([_alone(record, value, each, endpoint, source_id) for record, value in zip(records, values, strict=True)])


def _alone(record: Record, value: Any, each: Field, endpoint: Endpoint, source_id: str) -> "pa.Array":
    """One value's array, to name the record that does not fit; some values fit alone and not together, such as 1.5 and 2**60 + 1."""
    try:
        return _converted([value], each)
    except _UNFIT:
        what = f"says {_shape(value)} for {_dotted(each)}, which is not {EXPECTED[each.type]}"
    raise _drift(record, what, endpoint, source_id)


def _converted(values: list[Any], each: Field) -> "pa.Array":
    """Raises one of _UNFIT where a value is not of the field's type; nothing is guessed from text, nothing is cut off a number."""
    import pyarrow as pa

    if each.type == "json":
        return pa.array([None if value is None else _json(value) for value in values], pa.string())
    if each.type == "id":
        return _ids(values)
    if each.type == "timestamp":
        return _timestamps(pa.array(values, pa.string()))
    if each.type in ("integer", "number"):
        found = pa.array(values)
        if not (pa.types.is_integer(found.type) or pa.types.is_floating(found.type) or pa.types.is_null(found.type)):
            raise TypeError("not a number")
        return found.cast(_arrow_type(each), safe=each.type == "integer")
    return pa.array(values, _arrow_type(each))


def _ids(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        found = pa.array(values)
    except _UNFIT:
        return pa.array([value if value is None or isinstance(value, str) else _whole(value) for value in values], pa.string())
    if not (pa.types.is_string(found.type) or pa.types.is_integer(found.type) or pa.types.is_null(found.type)):
        raise TypeError("not an id")
    return found.cast(pa.string())


def _whole(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not an id")
    return str(value)


def _timestamps(texts: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = pa.timestamp("us", "UTC")
    try:
        return texts.cast(type_)
    except pa.ArrowInvalid:
        pass
    present = pc.call_function("if_else", [pc.call_function("equal", [texts, ""]), pa.scalar(None, pa.string()), texts])
    # Some vendors say nanoseconds, which Arrow won't cut.
    cut = pc.call_function("replace_substring_regex", [present], pc.ReplaceSubstringOptions(r"(\.\d{6})\d+", r"\1"))
    return cut.cast(type_)


# Of pyarrow's errors all are among these; large whole numbers overflow.
_UNFIT = (ValueError, TypeError, OverflowError)
_NOTHING_LOST = "The vendor changed its answers: update Twoway, or report it. What was landed stays."


def _check_objects(records: Sequence[Any], endpoint: Endpoint, source_id: str) -> None:
    for type_ in set(map(type, records)) - {dict}:
        first = next(record for record in records if type(record) is type_)
        raise _drift({}, f"has {_shape(first)} among its records, which must be objects", endpoint, source_id)


def _check_present(records: Sequence[Record], values: list[Any], each: Field, endpoint: Endpoint, source_id: str) -> None:
    missing = [None, ""] if each.type in ("id", "timestamp") else [None]
    for value in missing:
        if value in values:
            record = records[values.index(value)]
            raise _drift(record, f"has a record without {_dotted(each)}, which it must have", endpoint, source_id)


def _values(records: Sequence[Record], each: Field, endpoint: Endpoint, source_id: str) -> list[Any]:
    values: list[Any] = list(records)
    for key in each.keys:
        try:
            # Some vendors write an object without keys as an empty list or text.
            values = [value.get(key) if value else None for value in values]
        except AttributeError:
            record, value = next(pair for pair in zip(records, values, strict=True) if pair[1] and not isinstance(pair[1], dict))
            what = f"says {_shape(value)} on the way to {_dotted(each)}, which is not an object"
            raise _drift(record, what, endpoint, source_id) from None
    return values


def _json(value: Any) -> bytes | str:
    """JSON with its keys in order, so that one content is one text; Arrow takes it as UTF-8."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Objects in objects deeper than orjson goes, which reads more of them than it writes.
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _drift(record: Record, what: str, endpoint: Endpoint, source_id: str) -> DriftError:
    return DriftError(source_id, endpoint.table, f"{what}{_which(record, endpoint)}. {_NOTHING_LOST}")


def _dotted(each: Field) -> str:
    return ".".join(each.keys)


def _shape(value: Any) -> str:
    """What a value looks like, without what it says: it can be a person's words or a secret."""
    if isinstance(value, str):
        without_digits = re.sub(r"[0-9]", "9", value[:1000])
        return f"text like {shorten(re.sub('[^0-9 .:,+/_-]', 'x', without_digits), 40)!r}"
    names = {type(None): "null", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _which(record: Record, endpoint: Endpoint) -> str:
    """The record's key, for messages: ids only, never a person's words."""
    by_name = {each.name: each for each in endpoint.fields}
    found = []
    for name in endpoint.key:
        value: Any = record
        for key in by_name[name].keys if name in by_name else [name]:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and isinstance(value, str | int):
            found.append(f"{name} {shorten(str(value), 40)}")
    return f" ({', '.join(found)})" if found else ""
