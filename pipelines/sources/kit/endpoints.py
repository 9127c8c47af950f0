"""What a connector declares: its endpoints as data, its settings, and how to reach it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic import Field as Setting

from pipelines.sources.kit.http import Api
from pipelines.sources.kit.people import NOBODYS, People

FieldType = Literal["text", "id", "integer", "number", "boolean", "timestamp", "json"]
Record = dict[str, Any]
Cursor = Any
"""Anything that JSON can hold: where the next pull goes on."""


@dataclass(frozen=True)
class Field:
    """One column that staging needs; everything else a record holds is kept in `payload`.

    Args:
        name: of the column.
        type: `id` takes numbers and text and stores text; `timestamp` is ISO 8601 with a zone; `json` stores JSON text.
        path: keys from the record to the value, with dots between; the column's name unless given.
        is_required: whether a record without it stops the source.
        may_be_future: whether a timestamp may lie after the run's as_of.
    """

    name: str
    type: FieldType = "text"
    path: str = ""
    is_required: bool = False
    may_be_future: bool = False

    @property
    def keys(self) -> list[str]:
        return (self.path or self.name).split(".")


@dataclass(frozen=True)
class Page:
    """Records of one answer.

    Args:
        records: in the order of the answer.
        resume: where a later pull goes on if this page is the last one landed; None where it can't stop here.
        gone: keys of records that the vendor no longer has, as dictionaries; those that are not known are left out.
    """

    records: list[Record]
    resume: Cursor = None
    gone: list[Record] = field(default_factory=list)


@dataclass
class Pull:
    """What an endpoint's generator works with.

    Args:
        api: to call.
        settings: the source's settings.
        cursor: of the last landed page that had one; None at first.
        until: the instant at which this sync began; half-open windows end here.
        changed: rows that this load lands in the table named, which must be the endpoint's parent, as dictionaries of its columns.
        known: rows that were ever landed in a table and not deleted since, newest version of each key.
        known_keys: the same rows' keys alone, of those with the values given in columns of the key; what this load lands may
            be missing.
    """

    api: Api
    settings: Any
    cursor: Cursor
    until: datetime
    changed: Callable[[str], list[Record]]
    known: Callable[[str], list[Record]]
    known_keys: Callable[[str, Mapping[str, str]], list[Record]]


@dataclass(frozen=True)
class Endpoint:
    """One kind of record.

    Args:
        table: of the raw layer, without the system's name.
        key: columns that name a record within the source.
        fields: columns.
        pull: yields pages from the cursor on. It may yield what is known already: that is left out by content. The
            cursor that is stored is the last page's that has one.
        lists_all: whether a pull that ends has listed every record there is, so that those missing were deleted.
        parent: the table, named before, whose changed rows this pull asks for; such an endpoint is pulled in every load.
        version: the column that says which of two versions of a record is newer; the later pulled where None.
        people: whose the records are, for `twoway erase`.
    """

    table: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    pull: Callable[[Pull], Iterator[Page]]
    lists_all: bool = False
    parent: str | None = None
    version: str | None = None
    people: People = NOBODYS


class SystemSettings(BaseModel):
    """Settings that every `[[systems]]` entry of `twoway.toml` has. A system's own settings come with its subclass.

    `look_back_days` is how many days before a window its second reading begins, for clocks that disagree and late arrivals.
    """

    model_config = {"extra": "forbid"}

    id: Annotated[str, Setting(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    system: str
    base_url: str
    backfill_from: AwareDatetime | None = None
    look_back_days: Annotated[int, Setting(ge=0, le=366)] = 2


@dataclass(frozen=True)
class Secret:
    """A value that only the environment may hold: `<SYSTEM>_<NAME>`, e.g. ZENDESK_TOKEN."""

    name: str
    meaning: str
    is_required: bool = True


@dataclass(frozen=True)
class System:
    """A source system that Twoway can read.

    Args:
        name: lower case, as in `system = "…"`.
        title: for readers.
        family: which part of the company it tells of.
        settings: class of its entry in `twoway.toml`.
        secrets: what the environment must hold.
        endpoints: in the order in which they are pulled; children after their parents.
        connect: makes the API from settings and secrets.
        probe: one cheap call that shows that credentials and scopes are right; says what was seen in a line.
        asks: what `twoway init` asks for, by setting.
        proven: how the connector was tested: against the vendor's own software, or a fake of public documentation.
    """

    name: str
    title: str
    family: Literal["support", "crm", "social"]
    settings: type[SystemSettings]
    endpoints: tuple[Endpoint, ...]
    connect: Callable[[Any, Mapping[str, SecretStr]], Api]
    probe: Callable[[Api, Any], str]
    secrets: tuple[Secret, ...] = ()
    proven: Literal["real server", "fake"] = "fake"
    asks: Mapping[str, str] = field(default_factory=dict)
    docs: str = ""

    def raw_table(self, endpoint: Endpoint) -> str:
        """Name of the endpoint's table in the raw layer and of its folder in landing."""
        return f"{self.name}__{endpoint.table}"

    def variables(self, secret: Secret, source_id: str) -> tuple[str, str]:
        """Environment variables that may hold a secret: of this source, then of all sources of this system."""
        of_source, of_system = (re.sub(r"[^A-Z0-9]+", "_", f"{prefix}_{secret.name}".upper()) for prefix in (source_id, self.name))
        return of_source, of_system

    @property
    def parents(self) -> set[str]:
        """Tables whose changed rows later endpoints ask for."""
        return {endpoint.parent for endpoint in self.endpoints if endpoint.parent is not None}
