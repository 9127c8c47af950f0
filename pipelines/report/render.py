"""The HTML report: one file, no script, nothing from elsewhere."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.files_io import write_text_durably
from pipelines.ingest import Attempt, last_attempts
from pipelines.paths import Home
from pipelines.report import sections, shapes
from pipelines.report.changes import changes
from pipelines.report.hidden_cause import contour
from pipelines.report.markdown import Block, blocks, spans
from pipelines.report.numbers import count, counted, plain, short_interval, size
from pipelines.report.plan_notice import plan_notice
from pipelines.report.summary import Row, Snapshot, read_snapshot
from pipelines.report.words import GRADES, HEADLINES, outcome_in_words, verdict_in_words
from pipelines.settings import Settings

HELPERS: dict[str, Any] = {
    "size": size,
    "plain": plain,
    "count": count,
    "counted": counted,
    "short_interval": short_interval,
    "outcome_in_words": outcome_in_words,
    "spans_of": spans,
}


@dataclass(frozen=True)
class Surroundings:
    """What the report tells that is not in the snapshot.

    Args:
        attempts: how the last landing of each source went.
        is_bundled: whether the data are the bundled ones.
        coverage: the coverage certificate in Markdown; empty where none was made.
    """

    attempts: list[Attempt]
    is_bundled: bool
    coverage: str


def write_report(home: Home, settings: Settings) -> None:
    """Render the published snapshot to `report/index.html`, whole or not at all."""
    around = Surroundings(last_attempts(settings), settings.is_bundled, _coverage(home.coverage))
    write_text_durably(home.report, render(read_snapshot(home.snapshot), around))


def render(snapshot: Snapshot, around: Surroundings) -> str:
    """The report's HTML. Everything that came from data is escaped."""
    claims, claims_figure = sections.other_claims(snapshot)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            **HELPERS,
            snapshot=snapshot,
            around=around,
            grades=GRADES,
            main=_main(snapshot, snapshot.primary) if snapshot.primary is not None else None,
            claims=claims,
            claims_figure=claims_figure,
            details=_details(snapshot),
            automation=shapes.automation(snapshot),
            four_levers=shapes.four_levers(snapshot),
            changes=changes(snapshot),
            first_stage=shapes.first_stage(snapshot),
            certificate=_certificate(around),
            plan_notice=plan_notice(snapshot),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pipelines.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _main(snapshot: Snapshot, verdict: Row) -> dict[str, Any]:
    """All that the report tells of the claim that decides."""
    claim_id = verdict["claim_id"]
    curve, specs = shapes.specifications(snapshot, verdict)
    checks = [row for row in snapshot.checks if row["claim_id"] == claim_id]
    return {
        "verdict": verdict,
        "claim": snapshot.claims[claim_id],
        "headline": HEADLINES[verdict["reason_code"]],
        "verdict_words": verdict_in_words(verdict),
        "forest": sections.forest(snapshot, verdict),
        "kappa": sections.kappa_in_words(snapshot, verdict),
        "change_of_mind": sections.change_of_mind(verdict),
        "ladder": sections.ladder(snapshot, verdict),
        "designs": sections.designs(snapshot, verdict),
        "gates": sections.gate_lines(checks, verdict["unit"]),
        "placebos": sections.placebo_panel(snapshot, verdict),
        "sensitivity": sections.sensitivity(snapshot, verdict),
        "contour": contour(snapshot, verdict),
        "curve": curve,
        "specs": specs,
        "dose": shapes.dose_response(snapshot, verdict),
        "balance": shapes.balance(snapshot),
    }


def _details(snapshot: Snapshot) -> list[dict[str, Any]]:
    """What else is known of the other claims."""
    return [
        {
            "verdict": verdict,
            "claim": snapshot.claims.get(verdict["claim_id"], {}),
            "designs": sections.designs(snapshot, verdict),
            "gates": sections.gate_lines([row for row in snapshot.checks if row["claim_id"] == verdict["claim_id"]], verdict["unit"]),
        }
        for verdict in snapshot.others
    ]


def _certificate(around: Surroundings) -> list[Block]:
    return blocks(around.coverage)


def _coverage(path: Path) -> str:
    return path.read_text() if path.exists() else ""
