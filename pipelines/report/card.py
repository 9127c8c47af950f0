"""The verdict card for the terminal."""

from pathlib import Path
from textwrap import wrap
from typing import Any

from pipelines.paths import shown
from pipelines.report.summary import GRADES, HEADLINES, Snapshot, amount, find, interval

WIDTH = 92


def verdict_card(snapshot: Snapshot, verdict: dict[str, Any]) -> str:
    """One claim's verdict as plain text, at most 92 columns wide."""
    claim_id = verdict["claim_id"]
    unit = verdict["unit"]
    lines = [
        "Does answering people beat talking at them?",
        "",
        HEADLINES[verdict["reason_code"]],
        f"verdict {verdict['verdict']}, reason {verdict['reason_code']}",
        "",
        _row("responsiveness", interval(find(snapshot, claim_id, "responsiveness", "theta")), _grade(verdict["evidence_grade_r"])),
        _row("broadcast", interval(find(snapshot, claim_id, "broadcast", "theta")), _grade(verdict["evidence_grade_b"])),
        _row("difference (Δ)", interval(verdict), f"matters from ±{amount(verdict['sesoi'], unit).lstrip('+')}"),
        _row("naive difference", interval(find(snapshot, claim_id, "contrast", "delta", naive=True)), "what a dashboard would show"),
        "",
        *wrap(
            f"Each lever moved from its 25th to its 75th percentile; change in the {_readable(verdict['outcome'])}, "
            f"per customer-week over the whole base, with 95 % intervals. {verdict['n_customers']:,} customers, "
            f"{verdict['n_tickets']:,} tickets, {verdict['gates_passed']} of {verdict['gates_total']} gates passed.",
            WIDTH - 4,
        ),
    ]
    if verdict["what_would_settle_it"]:
        lines += ["", *wrap(f"What would settle it: {verdict['what_would_settle_it']}", WIDTH - 4)]
    return _boxed(f"{claim_id} {snapshot.claims[claim_id]['name']}", lines)


def whole_output(snapshot: Snapshot, report: Path, database: Path) -> str:
    """All cards, and where the report and the database are."""
    cards = [verdict_card(snapshot, verdict) for verdict in snapshot.verdicts]
    return "\n".join([*cards, f"report    {shown(report)}", f"database  {shown(database)}"])


def _row(name: str, value: str, note: str) -> str:
    return f"{name:<17} {value:<36} {note}"


def _grade(grade: str) -> str:
    return f"grade {grade}: {GRADES[grade]}"


def _readable(name: str) -> str:
    return "probability of " + name.replace("_", " ")


def _boxed(title: str, lines: list[str]) -> str:
    inner = WIDTH - 4
    top = f"╭─ {title} {'─' * (WIDTH - 5 - len(title))}╮"
    return "\n".join([top, *(f"│ {line:<{inner}} │" for line in lines), f"╰{'─' * (WIDTH - 2)}╯"])
