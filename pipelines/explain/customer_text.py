"""A customer's conversations, waits and outcomes as text for a terminal."""

from collections import Counter
from datetime import UTC, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.explain.snapshot import PublishedCustomer
from pipelines.explain.words import clock_time, day, duration, printable

MOST_LINES = 20
ZONE = ZoneInfo("UTC")


def explain_customer(customer: PublishedCustomer) -> str:
    """Who the customer is to Twoway, and what happened; times in UTC, because brands have zones and customers none."""
    blocks = [
        _header(customer),
        ["Tickets as the requester", *_limited([_ticket(row) for row in customer.tickets], "core.fct_tickets")],
        ["Turns", *_turns(customer.turns)],
        ["Outcomes", *_outcomes(customer.outcomes)],
        ["One of the tickets line by line: twoway explain TICKET [--source ID]"] if customer.tickets else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _header(customer: PublishedCustomer) -> list[str]:
    row = customer.row
    seen = row["first_seen_at"]
    facts = {
        "company": row["account_id"],
        "first seen": _at(seen) if seen is not None else "never, but for an identity without a date",
        "identities": row["n_identities"],
        "tied by": row["match_rule"],
        "times": "UTC",
    }
    title = f"Customer {printable(row['customer_id'])}"
    return [title, *(f"  {name:<12}{printable(value)}" for name, value in facts.items() if value is not None)]


def _ticket(row: dict[str, Any]) -> str:
    reply = row["first_human_reply_calendar_seconds"]
    if row["exclusion_reason"] is not None:
        answer = f"not in reply times ({row['exclusion_reason']})"
    elif reply is None:
        answer = "no human reply by the end of observation"
    else:
        answer = f"first human reply after {duration(timedelta(seconds=reply))}"
    name = f"{row['source_id']} {row['ticket_id']}"
    return f"  {_at(row['created_at'])}  {printable(name):<28}  {printable(row['status'] or ''):<8}  {answer}"


def _turns(turns: list[dict[str, Any]]) -> list[str]:
    if not turns:
        return ["  none"]
    waits = [row["human_wait_calendar_seconds"] for row in turns if row["human_wait_calendar_seconds"] is not None]
    n_conversations = len({row["conversation_id"] for row in turns})
    summary = f"  {len(turns)} in {n_conversations} conversation{'s' if n_conversations > 1 else ''}, {len(waits)} answered by a human"
    if waits:
        summary += f", median wait {duration(timedelta(seconds=median(waits)))}"
    return [summary, *_limited([_turn(row) for row in turns], "core.fct_response_turns")]


def _turn(row: dict[str, Any]) -> str:
    where = f"ticket {row['ticket_id']}" if row["ticket_id"] is not None else f"post {row['post_id']}"
    wait = row["human_wait_calendar_seconds"]
    answer = "unanswered" if wait is None else f"waited {duration(timedelta(seconds=wait))}"
    return f"  {_at(row['asked_at'])}  {printable(where):<28}  {answer}"


def _outcomes(outcomes: list[dict[str, Any]]) -> list[str]:
    if not outcomes:
        return ["  none"]
    kinds = ", ".join(f"{count:,} {printable(kind)}" for kind, count in sorted(Counter(row["kind"] for row in outcomes).items()))
    return [f"  {kinds}", *_limited([_outcome(row) for row in outcomes], "core.fct_outcomes")]


def _outcome(row: dict[str, Any]) -> str:
    size = "" if row["value"] is None else f"{row['value']:g} {row['unit'] or ''}".strip()
    return f"  {_at(row['occurred_at'])}  {printable(row['kind']):<28}  {printable(size)}".rstrip()


def _limited(lines: list[str], table: str) -> list[str]:
    if not lines:
        return ["  none"]
    hidden = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"  and {hidden:,} earlier ones, in {table}"] if hidden > 0 else [])]


def _at(instant: Any) -> str:
    return f"{day(instant, ZONE)} {clock_time(instant.astimezone(UTC), ZONE)}"
