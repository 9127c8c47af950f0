"""The company of the worked examples: as canonical files for the models, and as a timeline for the page."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from pipelines.explain.snapshot import PublishedTicket
from pipelines.explain.timeline import FieldInterval, Message, Span, Timeline, joined
from pipelines.paths import PROJECT

COMPANY = PROJECT / "docs" / "examples" / "company.yml"
TRACKED_FIELDS = ("status", "priority", "assignee_id", "group_id", "queue", "schedule_id", "sla_policy_id")
LOCAL = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class Company:
    """Rows by canonical table; instants as local text of `zone`."""

    zone: ZoneInfo
    as_of: datetime
    tables: dict[str, list[dict[str, Any]]]

    def write(self, folder: Path) -> None:
        """Write one JSONL file per table, instants in UTC, as `twoway run --input` takes them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            lines = (json.dumps({column: self._portable(column, value) for column, value in row.items()}) for row in rows)
            (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")

    def _portable(self, column: str, value: Any) -> Any:
        is_instant = column.endswith("_at") and isinstance(value, str) and len(value) == len("2026-01-01 00:00")
        return self.instant(value).isoformat() if is_instant else value

    def instant(self, local: str) -> datetime:
        return datetime.strptime(local, LOCAL).replace(tzinfo=self.zone)

    def ticket(self, ticket_id: str) -> PublishedTicket:
        """One ticket of the company with its timeline. Only the rules of reading rows are here, none of measuring."""
        row = next(each for each in self.tables["support_tickets"] if each["ticket_id"] == ticket_id)
        history = [interval for name in TRACKED_FIELDS for interval in self._history(row, name)]
        schedules = {each.value for each in history if each.field == "schedule_id" and each.value is not None}
        timeline = Timeline(
            created_at=self.instant(row["created_at"]),
            observed_end_at=self.as_of,
            exclusion_reason=None,
            messages=sorted((self._message(each) for each in self._of("support_messages", ticket_id)), key=lambda each: each.order),
            history=history,
            open_intervals={schedule: list(self._open(schedule)) for schedule in schedules},
        )
        return PublishedTicket(row={"exclusion_reason": None, **row}, zone=self.zone, timeline=timeline, turns=[])

    def _of(self, table: str, ticket_id: str) -> list[dict[str, Any]]:
        return [each for each in self.tables[table] if each["ticket_id"] == ticket_id]

    def _message(self, row: dict[str, Any]) -> Message:
        author = next(each for each in self.tables["support_users"] if each["user_id"] == row["author_id"])
        kind = "bot" if author.get("is_bot") else "customer" if author["role"] == "customer" else "human_agent"
        return Message(row["message_id"], self.instant(row["sent_at"]), kind, row["author_id"], row["is_public"])

    def _history(self, row: dict[str, Any], name: str) -> Iterator[FieldInterval]:
        changes = [each for each in self._of("support_ticket_changes", row["ticket_id"]) if each["field"] == name]
        starts = [self.instant(row["created_at"]), *(self.instant(each["changed_at"]) for each in changes)]
        values = [changes[0]["old_value"] if changes else row.get(name), *(each["new_value"] for each in changes)]
        for number, (starts_at, value) in enumerate(zip(starts, values, strict=True), start=1):
            before = values[number - 2] if number > 1 else None
            if value is not None or before is not None:
                yield FieldInterval(name, number, value, before, starts_at, starts[number] if number < len(starts) else None)

    def _open(self, schedule_id: str) -> Iterator[Span]:
        rows = [each for each in self.tables["support_schedules"] if each["schedule_id"] == schedule_id]
        day, spans = date(self.as_of.year, 1, 1), []
        while day <= self.as_of.date():
            for row in rows:
                if row["weekday"] == str(day.isoweekday()):
                    opens, closes = (self.instant(f"{day} {row[name]}") for name in ("opens_at", "closes_at"))
                    spans.append(Span(opens, closes))
            day += timedelta(days=1)
        yield from joined(sorted(spans, key=lambda span: span.start))


def load_company() -> Company:
    """Read docs/examples/company.yml."""
    content = yaml.load(COMPANY.read_text(), Loader=yaml.BaseLoader)
    zone = ZoneInfo(content["time_zone"])
    as_of = datetime.strptime(content["as_of"], LOCAL).replace(tzinfo=zone)
    tables = {name: [{column: _plain(value) for column, value in row.items()} for row in rows] for name, rows in content["tables"].items()}
    return Company(zone, as_of, tables)


def _plain(value: Any) -> Any:
    """YAML's words for truth and nothing; all else stays text, which files of a source may bring too."""
    return value if isinstance(value, list) else {"true": True, "false": False, "null": None}.get(value, value)
