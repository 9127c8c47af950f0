"""Every analysis plan that a home published a verdict by, in order: a change after the data were seen stays visible.

The history is a file of the home, not a table of the build database, because everything else there may be built anew.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import yaml

from pipelines.errors import TwowayError
from pipelines.files_io import write_text_durably
from pipelines.paths import Home
from pipelines.plan import FrozenPlan
from pipelines.settings import BUNDLED_SOURCE
from pipelines.sql import literal

ABSENT = "absent"


@dataclass(frozen=True)
class Publication:
    """One publication, a line of `plan_history.jsonl`.

    Args:
        plan_sha: SHA-256 of the plan's file.
        plan_text: its text.
        published_at: when the snapshot was made (UTC).
        data_sha: SHA-256 over the input files.
        sources: ids of the sources in use.
    """

    plan_sha: str
    plan_text: str
    published_at: datetime
    data_sha: str
    sources: tuple[str, ...]

    @property
    def is_of_bundled_data(self) -> bool:
        """The bundled data are another company's: seeing them tells nothing of one's own."""
        return self.sources == (BUNDLED_SOURCE,)

    @property
    def entries(self) -> dict[str, str]:
        """The plan's dotted entries with their values as compact JSON."""
        return dict(_flat(yaml.safe_load(self.plan_text), ""))


@dataclass(frozen=True)
class PlanUse:
    """One plan as the snapshot shows it. Field order is the order of the columns in `meta.plan_history`.

    Nothing in it changes when the same plan and data are run again.
    """

    plan_sha: str
    plan_id: str
    frozen_on: str
    first_published_at: datetime
    first_data_sha: str
    first_sources: list[str]
    is_current: bool
    changed_after_data_seen: bool
    changed_from_plan_sha: str | None
    changes: list[str]
    plan_text: str


COLUMNS = {
    "plan_sha": ("varchar", "SHA-256 of the frozen analysis plan."),
    "plan_id": ("varchar", "The plan's own name."),
    "frozen_on": ("date", "Day on which it says it was frozen."),
    "first_published_at": ("timestamp with time zone", "When this home first published a verdict by it (UTC)."),
    "first_data_sha": ("varchar", "SHA-256 over the input files of that publication."),
    "first_sources": ("varchar[]", "Ids of the sources of that publication."),
    "is_current": ("boolean", "Whether this snapshot's verdicts are by it."),
    "changed_after_data_seen": (
        "boolean",
        "Whether this home had published a verdict by a plan with other entries before. "
        "Verdicts on the bundled data do not count for data of one's own.",
    ),
    "changed_from_plan_sha": ("varchar", "The plan in use before it; null where there was none."),
    "changes": ("varchar[]", "Entries that differ from the plan before it: entry, old value, new value."),
    "plan_text": ("varchar", "The plan's file."),
}


def plan_text(frozen: FrozenPlan, plan_sha: str) -> str:
    """The text of the plan that the run began with.

    Raises:
        TwowayError: the file was changed while the run was under way.
    """
    content = frozen.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != plan_sha:
        raise TwowayError(f"{frozen.path} was changed while the run was under way, so nothing was published. Run again.")
    return content.decode()


def read_history(home: Home) -> list[Publication]:
    """All publications of a home, oldest first; those that its snapshot still shows, where the file is gone.

    Raises:
        TwowayError: a line of the file can't be read.
    """
    if not home.plan_history.exists():
        return _from_snapshot(home)
    lines = home.plan_history.read_text().splitlines()
    texts: dict[str, str] = {}
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            texts.setdefault(entry["plan_sha"], entry.get("plan_text", ""))
            found.append(_publication(entry, texts[entry["plan_sha"]]))
        except (ValueError, KeyError, TypeError) as error:
            raise TwowayError(
                f"{home.plan_history}, line {number} can't be read ({error}). The file tells which plans were used before; "
                "restore it from a backup, or move it away and say so where the verdict is used."
            ) from error
    return found


def append_publication(home: Home, present: Publication) -> None:
    """Add one line to the history; the plan's text stands in the first line of its plan only."""
    earlier = read_history(home)
    if home.plan_history.exists():
        kept = home.plan_history.read_text()
    else:
        kept = "".join(_line(each, earlier[:at]) for at, each in enumerate(earlier))
    write_text_durably(home.plan_history, kept + _line(present, earlier))


def plan_uses(publications: list[Publication]) -> list[PlanUse]:
    """One row per plan, in order of first use; the last publication is the present one."""
    uses: dict[str, PlanUse] = {}
    for at, publication in enumerate(publications):
        if publication.plan_sha in uses:
            continue
        before = _plan_before(publications[:at], publication)
        changes = _changes(before, publication) if before is not None else []
        uses[publication.plan_sha] = PlanUse(
            plan_sha=publication.plan_sha,
            plan_id=_head(publication, "plan_id"),
            frozen_on=_head(publication, "frozen_on"),
            first_published_at=publication.published_at,
            first_data_sha=publication.data_sha,
            first_sources=list(publication.sources),
            is_current=publication.plan_sha == publications[-1].plan_sha,
            changed_after_data_seen=bool(changes),
            changed_from_plan_sha=before.plan_sha if before is not None else None,
            changes=changes,
            plan_text=publication.plan_text,
        )
    return list(uses.values())


def write_plan_history(connection: duckdb.DuckDBPyConnection, table: str, uses: list[PlanUse]) -> None:
    """Write `meta.plan_history` with its descriptions."""
    columns = ", ".join(f"{name} {data_type}" for name, (data_type, _) in COLUMNS.items())
    connection.execute(f"create table {table} ({columns})")
    marks = ", ".join("?" for _ in COLUMNS)
    for use in sorted(uses, key=lambda each: each.plan_sha):
        connection.execute(f"insert into {table} values ({marks})", [getattr(use, name) for name in COLUMNS])
    connection.execute(
        f"comment on table {table} is 'One row per analysis plan that this home published a verdict by, with what changed and when.'"
    )
    for name, (_, description) in COLUMNS.items():
        connection.execute(f"comment on column {table}.{name} is {literal(description)}")


def _line(publication: Publication, earlier: list[Publication]) -> str:
    entry: dict[str, Any] = {
        "plan_sha": publication.plan_sha,
        "published_at": publication.published_at.astimezone(UTC).isoformat(),
        "data_sha": publication.data_sha,
        "sources": list(publication.sources),
    }
    if all(each.plan_sha != publication.plan_sha for each in earlier):
        entry["plan_text"] = publication.plan_text
    return json.dumps(entry) + "\n"


def _publication(entry: dict[str, Any], text: str) -> Publication:
    at = datetime.fromisoformat(entry["published_at"])
    return Publication(entry["plan_sha"], text, at, entry["data_sha"], tuple(entry["sources"]))


def _from_snapshot(home: Home) -> list[Publication]:
    """What the published snapshot still tells."""
    if not home.snapshot.exists():
        return []
    with duckdb.connect(str(home.snapshot), read_only=True) as connection:
        try:
            rows = connection.execute(
                """
                select plan_sha, plan_text, first_published_at, first_data_sha, first_sources from meta.plan_history
                order by first_published_at, plan_sha
                """
            ).fetchall()
        except duckdb.CatalogException:
            return []
    return [Publication(sha, text, at.astimezone(UTC), data_sha, tuple(sources)) for sha, text, at, data_sha, sources in rows]


def _plan_before(earlier: list[Publication], present: Publication) -> Publication | None:
    """The last publication by another plan on data that are comparable."""
    for each in reversed(earlier):
        if each.is_of_bundled_data == present.is_of_bundled_data:
            return each
    return None


def _changes(before: Publication, after: Publication) -> list[str]:
    old, new = before.entries, after.entries
    names = sorted(old.keys() | new.keys())
    return [f"{name}: {old.get(name, ABSENT)} → {new.get(name, ABSENT)}" for name in names if old.get(name) != new.get(name)]


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    else:
        text = value.strip() if isinstance(value, str) else value
        yield path, json.dumps(text, ensure_ascii=False, default=str)


def _head(publication: Publication, name: str) -> str:
    return str(yaml.safe_load(publication.plan_text)[name])
