"""Claims C2, C4, C5 and C6: one contrast of one or two levers each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.results import Check
from pipelines.claim.secondary import ClaimAnswer, Lever, Model, Study, Told, estimate_secondary
from pipelines.claim.weekly import weekly_percentiles

ADJUSTED = "adjusted within-customer"


@dataclass(frozen=True)
class WarmthFacts:
    """The frozen scorer's version, and how many replies it scored and could not score (language, length, no text)."""

    scorer_version: str
    n_scored: int
    n_unscored: int


def two_way_over_one_way(study: Study) -> ClaimAnswer:
    """C2: what one more human reply and one broadcast message fewer do, total outbound held fixed."""
    return estimate_secondary(study, "C2", _two_way)


def human_over_bot(study: Study) -> ClaimAnswer:
    """C4: turns first answered by a human instead of a bot alone, at equal time of the first answer."""
    return estimate_secondary(study, "C4", _human_over_bot)


def warmth(study: Study, facts: WarmthFacts | None = None) -> ClaimAnswer:
    """C5: replies by agents one standard deviation warmer to other customers, at equal speed."""
    answer = estimate_secondary(study, "C5", _warmth)
    return ClaimAnswer(answer.estimates, [*answer.checks, *_scored(facts)])


def listening(study: Study, hours: int = 72) -> ClaimAnswer:
    """C6: public mentions answered within `hours`, over those that were not, by the spread of the brands' coverage."""
    return estimate_secondary(study, "C6", lambda each: _listening(each, hours))


def _two_way(study: Study) -> list[Model]:
    replies = study.column("n_human_replies", "human replies")
    kinds = [values for name in ("n_delivered_sends", "n_reachable_posts") if (values := study.panel.column(name)) is not None]
    if not kinds:
        raise NotIdentifiedError("the data hold no broadcasts by customer")
    messages = np.sum([np.nan_to_num(values) for values in kinds], axis=0)
    if not messages.any():
        raise NotIdentifiedError("the data hold no broadcasts by customer")
    grade_b = "A" if study.b_instrument else "C" if varies_within_brand_weeks(study, messages) else "D"
    unit = f"{study.question.outcome_unit}, per message"
    # Staffing and priority make replies faster too, so that what they instrument is never the number of replies alone.
    bundle = " (number and speed together)" if study.r_instrument else ""
    return [
        Model(
            setup=study.setup,
            design=f"replies: {study.choice.responsiveness.label}{bundle}; posts: {study.choice.broadcast.label}",
            grades=("C", grade_b),
            levers=(Lever("human_reply", replies, study.r_instrument), Lever("post", messages, study.b_instrument)),
            told=(
                Told("human_reply", "theta", (1.0, 0.0), unit),
                Told("post", "theta", (0.0, 1.0), unit),
                Told("contrast", "delta", (1.0, -1.0), unit),
            ),
            holds_broadcast=False,
            tested=study.r_instrument,
        )
    ]


def _human_over_bot(study: Study) -> list[Model]:
    human = study.column("n_human_first", "turns first answered by a human")
    bot = study.column("n_bot_first", "turns first answered by a bot alone")
    speed = study.column("total_any_responsiveness", "first answers")
    arms = [Lever("human_first", human), Lever("bot_first", bot)]
    handed_off = study.panel.column("n_handed_off")
    if handed_off is not None and np.any(handed_off > 0):
        arms.append(Lever("handed_off", handed_off))
    others = (0.0,) * (len(arms) - 2)
    rate = float(study.panel.turns.mean())
    unit = study.question.outcome_unit
    told = [
        Told("human_over_bot", "effect", (1.0, -1.0, *others), f"{unit}, per turn"),
        Told("contrast", "delta", (rate, -rate, *others), unit, rate=rate),
    ]
    if others:
        told.append(Told("human_over_hand_off", "effect", (1.0, 0.0, -1.0), f"{unit}, per turn"))
    return [
        Model(
            setup=study.setup,
            design=ADJUSTED,
            grades=("C", "C"),
            levers=tuple(arms),
            told=tuple(told),
            held=(Lever("first_answer_speed", speed, study.r_instrument),),
        )
    ]


def _warmth(study: Study) -> list[Model]:
    values = study.column("total_warmth", "scored replies")
    answered = _answered_turns(study)
    spread = _spread_over_turns(study, values, answered)
    rate = float(answered.mean())
    unit = study.question.outcome_unit
    setup = study.setup if study.r_instrument else study.adjusted_setup
    knows_slot = "slot" in setup.effects
    return [
        Model(
            setup=setup,
            design="agents by turn within queue and slot" if knows_slot else ADJUSTED,
            grades=("B", "B") if knows_slot else ("C", "C"),
            levers=(Lever("warmth", values / spread),),
            told=(
                Told("warmth", "effect", (1.0,), f"{unit}, per standard deviation and turn", scale=(0.0, spread)),
                Told("contrast", "delta", (rate,), unit, rate=rate),
            ),
            held=(Lever("responsiveness", study.panel.responsiveness, study.r_instrument),),
            tested="warmth" if knows_slot else None,
            needs_balance=True,
        )
    ]


def _listening(study: Study, hours: int) -> list[Model]:
    mentions = study.column("n_mentions", "public mentions")
    answered = study.column("n_mentions_answered", f"public mentions answered within {hours} hours")
    ends = weekly_percentiles(study.panel, answered, mentions, mentions, study.least_per_week)
    if ends is None:
        raise NotIdentifiedError(f"no brand has a week with {study.least_per_week} mentions for the percentiles of coverage")
    if ends[0] == ends[1]:
        raise NotIdentifiedError("the share of mentions answered has the same 25th and 75th percentile, so there is no shift")
    rate = float(mentions.mean())
    unit = study.question.outcome_unit
    return [
        Model(
            setup=study.adjusted_setup,
            design=ADJUSTED,
            grades=("C", "C"),
            levers=(Lever("mention_answered", answered),),
            told=(
                Told("mention_answered", "effect", (1.0,), f"{unit}, per mention answered within {hours} hours"),
                Told("contrast", "delta", (rate * (ends[1] - ends[0]),), unit, scale=ends, rate=rate),
            ),
            # A mention opens a turn, so its answer is part of the week's responsiveness: that is not held equal.
            held=(Lever("mention", mentions),),
            naive_held=("mention",),
        )
    ]


def varies_within_brand_weeks(study: Study, values: Floats) -> bool:
    """Whether customers of a brand's week differ: what is the same for all of them only time can tell apart."""
    panel = study.panel
    cell = panel.brand * (int(panel.week.max()) + 1) + panel.week
    order = np.argsort(cell, kind="stable")
    same_cell = np.diff(cell[order]) == 0
    return bool(np.any(np.diff(values[order])[same_cell] != 0))


def _answered_turns(study: Study) -> Floats:
    """(n,) turns that a human answered where that is known, else all turns."""
    found = [values for name in ("n_human_first", "n_handed_off") if (values := study.panel.column(name)) is not None]
    return np.sum(found, axis=0) if found else study.panel.turns


def _spread_over_turns(study: Study, values: Floats, answered: Floats) -> float:
    """Standard deviation of a turn's warmth, from weeks with one turn: a week's total of several does not tell it."""
    alone = (study.panel.turns == 1) & (answered == 1) & np.isfinite(values)
    if alone.sum() < 2 or not (spread := float(np.std(values[alone]))) > 0:
        raise NotIdentifiedError("the replies' warmth never differs")
    return spread


def _scored(facts: WarmthFacts | None) -> Iterator[Check]:
    if facts is None:
        return
    n_replies = facts.n_scored + facts.n_unscored
    yield Check(
        check_id="C5|scored_replies", gate_code="G9", claim_id="C5", estimate_id=None, kind="dq",
        statistic="share of human replies that the scorer could read", value=facts.n_scored / n_replies if n_replies else None,
        threshold=None, passed=facts.n_scored > 0, blocking=False,
        detail=f"Scorer {facts.scorer_version}: {facts.n_scored} replies scored, {facts.n_unscored} not.",
    )  # fmt: skip
