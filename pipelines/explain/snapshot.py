"""What the published snapshot says of one ticket or customer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines.errors import ConfigError, TwowayError
from pipelines.explain.timeline import FieldInterval, Message, Span, Timeline

NEEDED_TABLES = ("fct_ticket_history", "dim_open_interval")
SHORTEST_PREFIX = 8
MOST_NEAR_IDS = 5


@dataclass(frozen=True)
class PublishedTicket:
    """One ticket as published.

    Args:
        row: its row of core.fct_tickets, by column.
        zone: the brand's zone, for local times.
        timeline: what happened on it.
        turns: its rows of core.fct_response_turns.
        targets: its rows of core.fct_sla_targets, where the snapshot has them.
        ratings: its rows of core.fct_ratings.
    """

    row: dict[str, Any]
    zone: ZoneInfo
    timeline: Timeline
    turns: list[dict[str, Any]]
    targets: list[dict[str, Any]] = field(default_factory=list)
    ratings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stands_alone(self) -> bool:
        """Whether the ticket was not made from a public post, whose thread answers it too."""
        return self.row.get("social_post_id") is None


@dataclass(frozen=True)
class PublishedCustomer:
    """One customer as published: rows by table, newest first."""

    row: dict[str, Any]
    tickets: list[dict[str, Any]]
    turns: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]


class Published:
    """A read-only look at a snapshot. Instants come back in UTC.

    Raises:
        TwowayError: nothing was published yet, or by a version that did not publish what is needed.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise TwowayError(f"{path} is not there: nothing was published yet. Run `twoway run` first.")
        self._connection = duckdb.connect(str(path), read_only=True)
        self._connection.execute("set TimeZone = 'UTC'")
        listed = self.rows("select table_name as name from information_schema.tables where table_schema = 'core'")
        self.tables = {row["name"] for row in listed}
        missing = [name for name in NEEDED_TABLES if name not in self.tables]
        if missing:
            self.close()
            raise TwowayError(f"{path} lacks core.{missing[0]}: an older version published it. Run `twoway run` again.")

    def __enter__(self) -> "Published":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of a query by column; instants as aware datetimes in UTC."""
        cursor = self._connection.execute(query, list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, map(_in_utc, row), strict=True)) for row in cursor.fetchall()]

    def ticket(self, ticket_id: str, source_id: str | None) -> PublishedTicket | None:
        """One ticket; None where there is none of that id.

        Raises:
            ConfigError: several sources have a ticket of that id.
        """
        found = self.rows("from core.fct_tickets where ticket_id = ? order by source_id", [ticket_id])
        if source_id is not None:
            found = [row for row in found if row["source_id"] == source_id]
        if len(found) > 1:
            sources = ", ".join(row["source_id"] for row in found)
            raise ConfigError(f"Ticket {ticket_id} stands in several sources: {sources}. Say which with --source.")
        return self._ticket(found[0]) if found else None

    def _ticket(self, row: dict[str, Any]) -> PublishedTicket:
        key = [row["source_id"], row["ticket_id"]]
        brand = self.rows("from core.dim_brand where brand_id = ?", [row["brand_id"]])[0]
        history = self.rows("from core.fct_ticket_history where source_id = ? and ticket_id = ? order by field, interval_number", key)
        messages = self.rows("from core.fct_messages where source_id = ? and ticket_id = ? order by sent_at, message_id", key)
        opened = self.rows(
            """
            from core.dim_open_interval
            where source_id = ? and schedule_id in (
                select "value" from core.fct_ticket_history where source_id = ? and ticket_id = ? and field = 'schedule_id'
            )
            order by schedule_id, opens_at
            """,
            [row["source_id"], *key],
        )
        open_intervals: dict[str, list[Span]] = {}
        for each in opened:
            open_intervals.setdefault(each["schedule_id"], []).append(Span(each["opens_at"], each["closes_at"]))
        timeline = Timeline(
            created_at=row["created_at"],
            observed_end_at=brand["observed_end_at"],
            exclusion_reason=row["exclusion_reason"],
            messages=[_message(each) for each in messages],
            history=[
                FieldInterval(
                    each["field"], each["interval_number"], each["value"], each["previous_value"], each["starts_at"], each["ends_at"]
                )
                for each in history
            ],
            open_intervals=open_intervals,
        )
        return PublishedTicket(
            row=row,
            zone=ZoneInfo(brand["time_zone"]),
            timeline=timeline,
            turns=self.rows("from core.fct_response_turns where source_id = ? and ticket_id = ? order by turn_number", key),
            targets=self._of_ticket("fct_sla_targets", key),
            ratings=self._of_ticket("fct_ratings", key),
        )

    def _of_ticket(self, table: str, key: Sequence[str]) -> list[dict[str, Any]]:
        if table not in self.tables:
            return []
        found = self.rows(f"from core.{table} where ticket_id = ? order by all", [key[1]])
        return [row for row in found if row.get("source_id", key[0]) == key[0]]

    def customer(self, customer_id: str) -> PublishedCustomer | None:
        """One customer, by the whole id or at least its first eight characters; None where there is none."""
        if len(customer_id) < SHORTEST_PREFIX:
            return None
        found = self.rows("from core.dim_customer where starts_with(customer_id, ?) order by customer_id limit 2", [customer_id])
        if len(found) > 1 and found[0]["customer_id"] != customer_id:
            raise ConfigError(f"Several customers' ids begin with {customer_id}. Give more of it.")
        if not found:
            return None
        key = [found[0]["customer_id"]]
        return PublishedCustomer(
            row=found[0],
            tickets=self.rows("from core.fct_tickets where customer_id = ? order by created_at desc, source_id, ticket_id", key),
            turns=self.rows("from core.fct_response_turns where customer_id = ? order by asked_at desc, turn_id", key),
            outcomes=self.rows("from core.fct_outcomes where customer_id = ? order by occurred_at desc, source_id, event_id", key),
        )

    def near(self, ticket_id: str, source_id: str | None) -> list[str]:
        """Ids of tickets that look most like the one asked for."""
        found = self.rows(
            f"""
            select ticket_id from core.fct_tickets where ? is null or source_id = ?
            group by ticket_id
            order by not starts_with(ticket_id, ?), levenshtein(ticket_id, ?), length(ticket_id), ticket_id
            limit {MOST_NEAR_IDS}
            """,
            [source_id, source_id, ticket_id, ticket_id],
        )
        return [row["ticket_id"] for row in found]

    def source_ids(self) -> list[str]:
        """Sources that have tickets."""
        return [row["source_id"] for row in self.rows("select distinct source_id from core.fct_tickets order by source_id")]


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _message(row: dict[str, Any]) -> Message:
    return Message(
        message_id=row["message_id"],
        sent_at=row["sent_at"],
        actor_kind=row["actor_kind"],
        asker=row["customer_id"] or row["author_id"],
        is_public=row["is_public"],
        is_observed=not row["is_after_observation"],
    )
