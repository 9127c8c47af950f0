"""The verdict card for the terminal."""

import unicodedata
from pathlib import Path
from textwrap import wrap

from rich.cells import cell_len, chop_cells

from pipelines.paths import shown
from pipelines.report.numbers import counted, interval, short_interval, size
from pipelines.report.plan_notice import plan_notice
from pipelines.report.sections import is_exploratory
from pipelines.report.summary import Row, Snapshot, find
from pipelines.report.words import GRADES, HEADLINES, outcome_in_words, readable

WIDTH = 96
INNER = WIDTH - 4


def verdict_card(snapshot: Snapshot, verdict: Row) -> str:
    """The verdicts as plain text, at most 96 columns wide: one claim in full, the others in a line each."""
    claim_id = verdict["claim_id"]
    lines = [
        "Does answering people beat talking at them?",
        "",
        HEADLINES[verdict["reason_code"]],
        f"verdict {verdict['verdict']}, reason {verdict['reason_code']}",
        "",
        _row("responsiveness", interval(find(snapshot, claim_id, "responsiveness", "theta")), _grade(verdict["evidence_grade_r"])),
        _row("broadcast", interval(find(snapshot, claim_id, "broadcast", "theta")), _grade(verdict["evidence_grade_b"])),
        _row("difference (Δ)", interval(verdict), f"matters from ±{size(verdict['sesoi'], verdict['unit'])}"),
        _row("naive difference", interval(find(snapshot, claim_id, "contrast", "delta", naive=True)), "what a dashboard would show"),
        "",
        *_wrapped(_basis(verdict)),
        *_wrapped(f"Design: {verdict['design'] or 'none'}."),
    ]
    if verdict["what_would_settle_it"]:
        lines += ["", *_wrapped(f"What would settle it: {verdict['what_would_settle_it']}")]
    if snapshot.others:
        lines += ["", *(_claim_line(snapshot, other) for other in snapshot.others)]
        if any(is_exploratory(other) for other in snapshot.others):
            lines.append("* exploratory")
    notice = plan_notice(snapshot)
    if notice is not None:
        lines += ["", *_wrapped(f"{notice} (the report shows them)")]
    return _boxed(f"{claim_id} {snapshot.claims[claim_id]['name']}", lines)


def whole_output(snapshot: Snapshot, report: Path, database: Path) -> str:
    """The card, and where the report and the database are."""
    cards = [verdict_card(snapshot, snapshot.primary)] if snapshot.primary is not None else ["No claim was tested."]
    return "\n".join([*cards, f"report    {shown(report)}", f"database  {shown(database)}"])


def _basis(verdict: Row) -> str:
    return (
        f"Each lever moved from its 25th to its 75th percentile; change in the {outcome_in_words(verdict['outcome'], verdict['unit'])}, "
        f"per customer-week over the whole base, with 95 % intervals. {counted(verdict['n_customers'], 'customer')}, "
        f"{counted(verdict['n_tickets'], 'ticket')}, {verdict['gates_passed']} of {verdict['gates_total']} gates passed."
    )


def _claim_line(snapshot: Snapshot, verdict: Row) -> str:
    claim_id, mark = verdict["claim_id"], "*" if is_exploratory(verdict) else ""
    name = readable(snapshot.claims.get(claim_id, {}).get("name", "")) + mark
    told = verdict["verdict"]
    reason = readable(verdict["reason_code"]) if verdict["reason_code"] != told else ""
    return f"{claim_id} {name:<23} {told:<12} {reason:<18} {short_interval(verdict)}".rstrip()


def _row(name: str, value: str, note: str) -> str:
    return f"{name:<17} {value:<36} {note}"


def _grade(grade: str | None) -> str:
    return f"grade {grade}: {GRADES.get(grade, '')}" if grade is not None else "no grade"


def _wrapped(text: str) -> list[str]:
    return wrap(text, INNER)


def _boxed(title: str, lines: list[str]) -> str:
    """A box of the card's width, whatever stands in it: control characters are shown, long lines go on below."""
    head = chop_cells(_visible(title), WIDTH - 6)[0]
    top = f"╭─ {head} {'─' * (WIDTH - 5 - cell_len(head))}╮"
    body = [part for line in lines for part in (chop_cells(_visible(line), INNER) or [""])]
    return "\n".join([top, *(f"│ {line}{' ' * (INNER - cell_len(line))} │" for line in body), f"╰{'─' * (WIDTH - 2)}╯"])


def _visible(text: str) -> str:
    """Text without characters that would steer a terminal."""
    return "".join("�" if unicodedata.category(character).startswith("C") else character for character in text)
