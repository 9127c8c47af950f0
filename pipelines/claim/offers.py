"""Which designs were considered for each claim's levers, and what to record for a stronger one: rows for the report."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.claim.designs import Choice, Offer
from pipelines.claim.results import DesignOffer, EffectEstimate

# Designs that no input table tells of yet: what they would take.
UNRECORDED: dict[str, tuple[tuple[str, str, str, str, str, str], ...]] = {
    "C3": (
        ("automated_share", "experiment", "randomised campaigns", "A", "no trial of how posts are published is recorded",
         "A trial that publishes some brands' or weeks' posts by schedule and others by hand, by lot."),
    ),
    "C4": (
        ("first_answer", "experiment", "random bot routing", "A", "who answered first was not drawn by lot",
         "A trial that routes turns to bot or human by lot (table experiments, unit ticket)."),
        ("first_answer", "outage", "bot outages as instrument", "B", "times at which the bot was off are not recorded",
         "Times at which the bot was switched off or failed, for reasons that no customer caused."),
    ),
    "C6": (
        ("mention_answered", "roster", "staffing of the social desk as instrument", "B", "no roster of the social desk is recorded",
         "The roster of the social desk: planned and actual hours in support_shifts, with its queue on the mentions' threads."),
    ),
    "C7": (
        ("communications", "experiment", "randomised posts", "A", "no trial of posts is recorded",
         "A trial that publishes posts in some regions or accounts and not in others, by lot."),
        ("sales", "experiment", "randomised touches", "A", "no trial of sales touches is recorded",
         "A trial that gives sales touches to some customers and not to others, by lot."),
    ),
}  # fmt: skip
ADJUSTED_LEVERS = {
    "C3": ("automated_share",),
    "C4": ("first_answer",),
    "C5": ("warmth",),
    "C6": ("mention_answered",),
    "C7": ("communications", "sales"),
}
WARMTH_TO_RECORD = (
    "Queue, roster (support_shifts) and severity of tickets, with agents who take a queue's tickets in turn within the shift."
)


def design_offers(claim: str, choice: Choice, estimates: list[EffectEstimate]) -> list[DesignOffer]:
    """Every design considered for a claim, strongest first within each lever.

    Args:
        claim: its id.
        choice: C1's designs.
        estimates: of the claim; the primary delta tells what was used.
    """
    primary = next((row for row in estimates if row.is_primary and row.quantity == "delta"), None)
    rows = list(_rows(claim, choice, primary if primary is not None and primary.estimate is not None else None))
    return [replace(row, position=position) for position, row in enumerate(rows, start=1)]


def _rows(claim: str, choice: Choice, primary: EffectEstimate | None) -> Iterator[DesignOffer]:
    responsiveness = [offer for offer in choice.considered if offer.lever == "responsiveness"]
    broadcast = [offer for offer in choice.considered if offer.lever == "broadcast"]
    levers = {
        "C1": {"responsiveness": responsiveness, "broadcast": broadcast},
        "C2": {"human_reply": responsiveness, "post": broadcast},
        "C7": {"service": responsiveness, "marketing": broadcast},
    }
    for lever, offers in levers.get(claim, {}).items():
        yield from _as_in_c1(claim, lever, offers, choice, primary is not None)
    if claim == "C5":
        yield _by_turn(primary)
    for lever, design, label, grade, reason, to_record in UNRECORDED.get(claim, ()):
        yield DesignOffer(claim, 0, lever, design, label, grade, False, False, reason, to_record)
    is_adjusted = primary is not None and primary.evidence_grade_r == "C"
    for lever in ADJUSTED_LEVERS.get(claim, ()):
        used = primary is not None if claim == "C7" else is_adjusted
        yield DesignOffer(
            claim, 0, lever, "adjusted", "adjusted within-customer", "C", primary is not None, used, "the same customers' other weeks", ""
        )


def _as_in_c1(claim: str, lever: str, offers: Iterable[Offer], choice: Choice, is_estimated: bool) -> Iterator[DesignOffer]:
    for offer in offers:
        used = offer in (choice.responsiveness, choice.broadcast) and (is_estimated or claim == "C1")
        to_record = "" if offer.is_offered else offer.to_record
        yield DesignOffer(
            claim, 0, lever, offer.design, offer.label, offer.grade, offer.is_offered, used, offer.reason, to_record
        )  # fmt: skip


def _by_turn(primary: EffectEstimate | None) -> DesignOffer:
    is_used = primary is not None and primary.evidence_grade_r == "B"
    reason = (
        "within queue and slot, severity does not go with who replied"
        if is_used
        else "it can't be shown that severity does not go with who replied, within queue and slot"
    )
    to_record = "" if is_used else WARMTH_TO_RECORD
    return DesignOffer("C5", 0, "warmth", "agent", "agents by turn within queue and slot", "B", is_used, is_used, reason, to_record)
