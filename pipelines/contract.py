"""The canonical contract of input files, read from the dbt models that enforce it."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from pipelines.paths import DBT_PROJECT

INPUT_MODELS = DBT_PROJECT / "models" / "input"


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Args:
        name: its name.
        data_type: DuckDB type, lower case.
        is_required: whether a file must bring it.
        is_filled: whether every row must fill it.
        is_key: whether it is part of the table's key.
        may_be_future: whether a timestamp may lie after the run's as_of.
        format: a further form of text: `local_time` or `iana_time_zone`.
    """

    name: str
    data_type: str
    is_required: bool
    is_filled: bool
    is_key: bool
    may_be_future: bool
    format: str | None

    @property
    def is_timestamp(self) -> bool:
        return self.data_type == "timestamp with time zone"


@dataclass(frozen=True)
class Table:
    """One canonical table: `name` is also the name of its file."""

    name: str
    model: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.is_key)

    @property
    def raw_name(self) -> str:
        return f"files__{self.name}"


def _column(spec: dict[str, Any], grain: list[str]) -> Column:
    meta = spec.get("config", {}).get("meta", {})
    constraints = {constraint["type"] for constraint in spec.get("constraints", [])}
    return Column(
        name=spec["name"],
        data_type=spec["data_type"],
        is_required=("not_null" in constraints or bool(meta.get("file_must_have"))) and spec["name"] != "source_id",
        is_filled="not_null" in constraints and spec["name"] != "source_id",
        is_key=spec["name"] in grain and spec["name"] != "source_id",
        may_be_future=bool(meta.get("may_be_future")),
        format=meta.get("format"),
    )


@cache
def tables() -> dict[str, Table]:
    """All canonical tables by file name, in the order of the contract."""
    found: dict[str, Table] = {}
    for path in sorted(INPUT_MODELS.glob("_input_*__models.yml")):
        for model in yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["models"]:
            meta = model["config"]["meta"]
            found[meta["file"]] = Table(
                name=meta["file"],
                model=model["name"],
                columns=tuple(_column(spec, meta["grain"]) for spec in model["columns"]),
            )
    return found


@cache
def contract_sha() -> str:
    """SHA-256 of the contract: a landed file is reused only under the contract it was read with."""
    return hashlib.sha256(repr(tables()).encode()).hexdigest()
