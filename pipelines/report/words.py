"""What codes mean, in plain words, for the card and the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADLINES = {
    "strong": "Supported, strongly: answering people does more, by a margin that matters.",
    "supported": "Supported: answering people does more than talking at them.",
    "null": "Contradicted: faster answers change nothing that matters.",
    "reverse": "Contradicted: talking at people does more than answering them.",
    "tie": "Contradicted: the two differ by less than what matters.",
    "identification": "Inconclusive: these data can't tell cause from coincidence.",
    "wide": "Inconclusive: the estimate is too uncertain.",
    "fragile": "Inconclusive: the answer hangs on how it is computed, or on what is counted.",
    "yardstick_conflict": "Inconclusive: effect and cost point in different directions.",
    "data_quality": "Inconclusive: the data do not allow an estimate.",
}
# For any claim, where the headline above speaks of C1.
REASONS = {
    "strong": "the whole interval is beyond what matters",
    "supported": "the interval is above zero and the estimate matters",
    "null": "the first lever does less than what matters",
    "reverse": "the interval lies on the other side, and it matters",
    "tie": "the difference is smaller than what matters",
    "identification": "these data can't tell cause from coincidence",
    "wide": "the estimate is too uncertain",
    "fragile": "the answer hangs on how it is computed, or on what is counted",
    "yardstick_conflict": "effect and cost point in different directions",
    "data_quality": "the data do not allow an estimate",
}
GRADES = {"A": "randomised", "B": "instrument", "C": "adjusted within-customer", "D": "descriptive"}


@dataclass(frozen=True)
class GateWords:
    """A gate as a question, and what a failure would mean."""

    question: str
    failure_means: str


GATES = {
    "G1": GateWords("Does something from outside move the reply time?", "Nothing, or too little, tells speed from what goes with it."),
    "G2": GateWords("Were fast and slow replies given to alike questions?", "Urgent or valuable customers got other reply times."),
    "G3": GateWords("Does the past stay put?", "Replies seem to change what happened before them: something else is at work."),
    "G4": GateWords("Do customers who did not ask then stay unmoved?", "Missing staff goes with trouble that is not the reply's doing."),
    "G5": GateWords("Does staff missing later change nothing before?", "Missing staff goes with bad times, not only with slow replies."),
    "G6": GateWords("Does dealing the shifts out anew agree with the formula?", "The formula's standard error can't be trusted here."),
    "G7": GateWords("Do the other ways to compute it agree in sign?", "The answer hangs on a choice of the analyst."),
    "G8": GateWords("Would a hidden confounder of broadcast overturn it?", "One as strong as the strongest recorded one would."),
    "G9": GateWords(
        "Do the data allow an estimate?",
        "Messages belong to nobody known, a trial's arms are not as large as they should be, or nothing could be computed.",
    ),
}
OTHER_CHECK = GateWords("Further check", "")


@dataclass(frozen=True)
class LadderStep:
    """A step between the naive estimate and the one in use: its name, and what it really measures."""

    name: str
    meaning: str


NAIVE_STEP = LadderStep(
    "Naive",
    "What a dashboard shows: customers with fast replies against customers with slow ones. "
    "Who gets a fast reply, and when the brand posts, is mixed up with what they do.",
)
LADDER_STEPS = {
    "adjusted": LadderStep(
        "Adjusted",
        "Customers against themselves, in the same weeks and hours. Urgent questions are still answered faster and still end worse, "
        "so speed looks worse than it is.",
    ),
    "queue load as instrument": LadderStep(
        "Queue load",
        "Long queues slow the replies, but an outage makes the queue and the harm at once. So speed looks better than it is.",
    ),
    "incidents kept": LadderStep(
        "Incidents kept",
        "Missing staff, the question held equal, but with the incident shifts left in. A few of them carry much of the sample.",
    ),
}
IN_USE_STEP = "The estimate that decides, by the strongest design that the data offer"
HOW_DESIGN_WORKS = {
    "randomised queue priority": "A lot decided who was answered first.",
    "roster instrument": "Who was missing from the roster slowed the replies, whoever asked. "
    "Arrivals are held fixed and incident shifts left out.",
    "agent leave-one-out (a bundle)": "Some got an agent who is faster with everyone else's questions, by turn. "
    "Faster agents may differ in other ways too, and all of that is in the estimate.",
    "adjusted within-customer": "Customers are compared with themselves in other weeks. What changes within a customer is not ruled out.",
}
EFFECT_NAMES = {"customer": "customer", "week": "week", "week_by_contact": "week by contact", "slot": "slot of the week", "pooled": "none"}
NOT_COMPUTED = "not computed"
POINTS_TO = {
    "claim": "the claim",
    "opposite": "its opposite",
    "no_effect": "no effect of faster answers that matters",
    "no_difference": "no difference that matters",
}


def readable(name: str) -> str:
    """A name from code as words."""
    return name.replace("_", " ")


def outcome_in_words(name: str, unit: str | None) -> str:
    """The outcome with what is measured of it: for an outcome that happens or not, its probability."""
    return f"probability of {readable(name)}" if (unit or "").startswith("probability") else readable(name)


def verdict_in_words(verdict: Mapping[str, Any]) -> str:
    """The verdict; where the numbers point somewhere that the design can't carry, where they point."""
    points_to = POINTS_TO.get(verdict.get("consistent_with") or "")
    if verdict["verdict"] != "inconclusive" or points_to is None:
        return verdict["verdict"]
    return f"{verdict['verdict']}, consistent with {points_to}"
