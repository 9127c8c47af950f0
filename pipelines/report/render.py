"""The HTML report: one file, no script, nothing from elsewhere."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.files_io import write_text_durably
from pipelines.ingest import last_attempts
from pipelines.paths import Home
from pipelines.plan import load_plan
from pipelines.report.summary import GRADES, HEADLINES, Snapshot, amount, find, interval, read_snapshot
from pipelines.settings import Settings

ROWS = [
    ("Responsiveness, θ_R", "responsiveness", "theta", False),
    ("Broadcast, θ_B", "broadcast", "theta", False),
    ("Difference, Δ", "contrast", "delta", False),
    ("Naive difference", "contrast", "delta", True),
]


def write_report(home: Home, settings: Settings) -> None:
    """Render the published snapshot to `report/index.html`, whole or not at all."""
    write_text_durably(home.report, render(read_snapshot(home.snapshot), settings))


def render(snapshot: Snapshot, settings: Settings) -> str:
    """The report's HTML. Everything that came from data is escaped."""
    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    frozen = load_plan(settings.plan)
    return environment.get_template("report.html.j2").render(
        snapshot=snapshot,
        cards=[_card(snapshot, verdict) for verdict in snapshot.verdicts],
        plan_text=frozen.path.read_text(),
        attempts=last_attempts(settings),
        is_bundled=settings.is_bundled,
        grades=GRADES,
        amount=amount,
        interval=interval,
    )


def _card(snapshot: Snapshot, verdict: dict[str, Any]) -> dict[str, Any]:
    claim_id = verdict["claim_id"]
    rows = [(label, find(snapshot, claim_id, lever, quantity, naive)) for label, lever, quantity, naive in ROWS]
    return {
        "verdict": verdict,
        "claim": snapshot.claims[claim_id],
        "headline": HEADLINES[verdict["reason_code"]],
        "forest": _forest(rows, verdict["sesoi"]),
        "curve": [row for row in snapshot.estimates if row["claim_id"] == claim_id and row["quantity"] == "delta"],
        "betas": [row for row in snapshot.estimates if row["claim_id"] == claim_id and row["quantity"] == "beta" and row["is_primary"]],
        "kappa": find(snapshot, claim_id, "contrast", "kappa_star"),
        "checks": [check for check in snapshot.checks if check["claim_id"] == claim_id],
    }


def _forest(rows: list[tuple[str, dict[str, Any] | None]], sesoi: float) -> dict[str, Any]:
    """Positions of a forest plot, in percent of its width."""
    found = [(label, row) for label, row in rows if row is not None and row["estimate"] is not None]
    ends = [end for _, row in found for end in (row["ci95_lo"], row["ci95_hi"])]
    reach = max([abs(end) for end in ends] + [2 * sesoi]) * 1.1

    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 3)

    return {
        "zero": place(0.0),
        "band": (place(-sesoi), place(sesoi)),
        "rows": [
            {
                "label": label,
                "at": place(row["estimate"]),
                "ci95": (place(row["ci95_lo"]), place(row["ci95_hi"])),
                "ci90": (place(row["ci90_lo"]), place(row["ci90_hi"])),
                "text": interval(row),
                "naive": row["is_naive"],
            }
            for label, row in found
        ],
    }
