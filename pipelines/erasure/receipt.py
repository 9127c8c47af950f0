"""The receipt of an erasure: what was removed where, without a word of the person's."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.landing import Landing

COLUMNS = ("source", "table", "rows removed", "rows redacted")


@dataclass(frozen=True)
class Counts:
    """Rows of one table of one source, over all its loads."""

    source: str
    table: str
    removed: int
    redacted: int


def receipt_of(landing: Landing, pending: dict[str, Any], finished_at: str) -> dict[str, Any]:
    """A receipt, put together from the manifests: it is the same whether the erasure was killed in between or not.

    Args:
        landing: the home's landing folder.
        pending: what was written down when the erasure began.
        finished_at: when all was done.
    """
    files = []
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for source_id in landing.source_ids():
        for load in landing.loads(source_id):
            for note in load.erasures:
                if note["receipt"] != pending["receipt"]:
                    continue
                for table, change in note["tables"].items():
                    counts[source_id, table][0] += change["rows_removed"]
                    counts[source_id, table][1] += change["rows_redacted"]
                    files.append({"file": load.tables[table].path, **change})
    rows = [
        {"source": source, "table": table, "rows_removed": removed, "rows_redacted": redacted}
        for (source, table), (removed, redacted) in sorted(counts.items())
    ]
    return {**pending, "finished_at": finished_at, "rows": rows, "files": files}


def counts_of(receipt: dict[str, Any]) -> list[Counts]:
    """The receipt's rows."""
    return [Counts(row["source"], row["table"], row["rows_removed"], row["rows_redacted"]) for row in receipt["rows"]]


def receipt_text(receipt: dict[str, Any], path: str) -> str:
    """The receipt for people."""
    shared = receipt["identifiers_shared_with_others"]
    lines = [
        f"Erased. Receipt {receipt['receipt']}, {receipt['finished_at']}",
        "",
        table_text(counts_of(receipt)),
        "",
        f"{_n(len(receipt['files']), 'landed file')} rewritten, each with a new sha256 and a line in its manifest.",
        f"{_n(receipt['identities'], 'identity', 'identities')} of the person will be left out of whatever is pulled or read later:"
        " kept are keyed hashes only.",
    ]
    if shared:
        lines.append(f"{_n(shared, 'identifier')} also names others (a shared mailbox or phone) and stays in their rows.")
    lines.append(f"Kept in {path}. Backups of this folder are yours to clean.")
    return "\n".join(lines)


def table_text(counts: list[Counts]) -> str:
    """Counts as a table in plain text."""
    if not counts:
        return "No landed row holds anything of the person."
    rows = [(each.source, each.table, f"{each.removed:,}", f"{each.redacted:,}") for each in counts]
    total = ("all", "", f"{sum(each.removed for each in counts):,}", f"{sum(each.redacted for each in counts):,}")
    widths = [max(len(row[at]) for row in [COLUMNS, *rows, total]) for at in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in [COLUMNS, *rows, total]
    ]
    return "\n".join(line.rstrip() for line in lines)


def _n(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def read_pending(folder: Path) -> dict[str, Any] | None:
    """The erasure that is under way, or was when it was killed."""
    path = folder / "pending.json"
    return json.loads(path.read_text()) if path.exists() else None
