"""The frozen analysis plan: what is tested and how, fixed before the data are read."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from yaml.constructor import ConstructorError

from pipelines.errors import ConfigError

Effect = Literal["customer", "week", "week_by_contact"]
BROADCAST_MEASURES = {
    "days with a broadcast, per brand and week": "brand_days",
    "delivered sends, per customer and week": "delivered_sends",
    "reachable posts, per customer and week": "reachable_posts",
    "delivered sends and reachable posts, per customer and week": "sends_and_posts",
}
DESIGNS = ("experiment", "roster", "agent", "adjusted")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Outcome(_Part):
    """What is counted in the weeks t+1 to t+horizon: whether an event of a kind happened, or the sum of the values."""

    name: str
    kind: str | None = None
    kinds: list[str] = []
    measure: Literal["any", "sum"] = "any"
    winsorize_quantile: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    horizon_weeks: Annotated[int, Field(ge=1, le=104)]
    unit: str

    @property
    def all_kinds(self) -> list[str]:
        return self.kinds or [self.kind or ""]

    @model_validator(mode="after")
    def _names_kinds_once(self) -> "Outcome":
        if (self.kind is None) == (not self.kinds):
            raise ValueError("give either kind or kinds")
        return self


class Responsiveness(_Part):
    cap_hours: Annotated[float, Field(gt=0)]
    # Turns that a frozen filter of inbound text leaves out of the dose; none unless named.
    inbound_filter: Literal["courtesy-1"] | None = None
    floor_minutes: Annotated[float, Field(gt=0)]


class Broadcast(_Part):
    measure: str
    adstock_rate: Annotated[float, Field(ge=0, lt=1)]
    adstock_lags_weeks: Annotated[int, Field(ge=0, le=104)]
    reach: str

    @field_validator("measure")
    @classmethod
    def _is_a_measure(cls, value: str) -> str:
        if value not in BROADCAST_MEASURES:
            raise ValueError("must be one of: " + "; ".join(BROADCAST_MEASURES))
        return value

    @property
    def measure_code(self) -> str:
        return BROADCAST_MEASURES[self.measure]


class PolicyShift(_Part):
    min_turns_per_week: Annotated[int, Field(ge=1)]


class Panel(_Part):
    unit: str
    starts: str
    ends: str


class Specification(_Part):
    effects: Annotated[list[Effect], Field(min_length=1)]
    controls: list[Literal["any_turn", "turns"]]
    clusters: Literal["brand"]


class SpecificationCurve(_Part):
    adstock_rates: Annotated[list[float], Field(min_length=1)]
    effects: Annotated[list[Annotated[list[Effect], Field(min_length=1)]], Field(min_length=1)]
    same_sign_share: Annotated[float, Field(gt=0, le=1)]


class Roster(_Part):
    """How shifts are told from planned and actual hours: 8-hour slots of the brand's local week."""

    # A shift with more arrivals than this many times its slot's median is an incident, and left out.
    incident_multiple: Annotated[float, Field(gt=1)] = 3.0


class Churn(_Part):
    """The landmark: whether a subscriber who asks leaves within the horizon."""

    horizon_weeks: Annotated[int, Field(ge=1, le=104)] = 13


class Gates(_Part):
    """Thresholds of the gates; each failure is a row of `claim.robustness_checks`."""

    effective_f: Annotated[float, Field(gt=0)] = 23.1
    placebo_family_alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    permutation_draws: Annotated[int, Field(ge=99)] = 999


class SmallestEffect(_Part):
    """m, the smallest effect of interest: an amount, or a share of the panel's mean outcome, fixed before that is known."""

    smallest_effect_of_interest: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    smallest_effect_share_of_mean: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "SmallestEffect":
        if (self.smallest_effect_of_interest is None) == (self.smallest_effect_share_of_mean is None):
            raise ValueError("give either smallest_effect_of_interest or smallest_effect_share_of_mean")
        return self

    @property
    def smallest_effect(self) -> float:
        """m as an amount.

        Raises:
            ConfigError: it is a share, and the mean outcome was not looked at.
        """
        if self.smallest_effect_of_interest is None:
            raise ConfigError("The plan gives the smallest effect of interest as a share of the mean outcome, which is not known here.")
        return self.smallest_effect_of_interest

    def settled(self, mean_outcome: float) -> Self:
        """The same entry with m as an amount; where the mean is zero the share itself is taken."""
        if self.smallest_effect_share_of_mean is None:
            return self
        amount = self.smallest_effect_share_of_mean * (abs(mean_outcome) or 1.0)
        return self.model_copy(update={"smallest_effect_of_interest": amount, "smallest_effect_share_of_mean": None})


class SecondaryClaim(SmallestEffect):
    """The entry of a claim C2 to C7: same panel and outcome as C1, its own hypothesis and smallest effect."""

    hypothesis: str
    exploratory: bool = False


class AutomationMix(SecondaryClaim):
    """The entry of claim C3; its smallest effect is the margin of non-inferiority."""

    # Shares of scheduled posts that count as mixed.
    mixed_share: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2, max_length=2)] = [0.2, 0.8]

    @field_validator("mixed_share")
    @classmethod
    def _is_a_range(cls, value: list[float]) -> list[float]:
        if not value[0] < value[1]:
            raise ValueError("must be a range: the lower share first")
        return value


class Warmth(SecondaryClaim):
    """The entry of claim C5."""

    scorer_version: Literal["warmth-1"] = "warmth-1"


class Listening(SecondaryClaim):
    """The entry of claim C6."""

    # The marts count mentions answered within three days.
    answered_within_hours: Literal[72] = 72


class ServiceOverBroadcast(SmallestEffect):
    """The entry of claim C1."""

    hypothesis: str
    outcome: Outcome
    responsiveness: Responsiveness
    broadcast: Broadcast
    policy_shift: PolicyShift
    panel: Panel
    primary_specification: Specification
    specification_curve: SpecificationCurve
    customer_unit: Literal["person", "account"]
    join_coverage: Annotated[float, Field(gt=0, le=1)]
    # Strongest first; the first that the data offer is used.
    designs: Annotated[list[Literal["experiment", "roster", "agent", "adjusted"]], Field(min_length=1)] = list(DESIGNS)
    roster: Roster = Roster()
    churn: Churn = Churn()
    gates: Gates = Gates()
    # Share of the first arm (holdout, or priority) by experiment id; without it the arms are held against the assignment.
    planned_shares: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}

    @model_validator(mode="after")
    def _primary_rate_is_on_the_curve(self) -> "ServiceOverBroadcast":
        if self.broadcast.adstock_rate not in self.specification_curve.adstock_rates:
            raise ValueError("broadcast.adstock_rate must be one of specification_curve.adstock_rates")
        return self


class Claims(_Part):
    C1: ServiceOverBroadcast
    C2: SecondaryClaim | None = None
    C3: AutomationMix | None = None
    C4: SecondaryClaim | None = None
    C5: Warmth | None = None
    C6: Listening | None = None
    C7: SecondaryClaim | None = None

    def entries(self) -> dict[str, ServiceOverBroadcast | SecondaryClaim]:
        """The claims that the plan registers, by id."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: entry for name, entry in found.items() if entry is not None}

    def settled(self, mean_outcome: float) -> "Claims":
        """The same entries with every smallest effect as an amount."""
        return self.model_copy(update={name: entry.settled(mean_outcome) for name, entry in self.entries().items()})


class Plan(_Part):
    plan_id: str
    frozen_on: date
    claims: Claims
    seed: int


@dataclass(frozen=True)
class FrozenPlan:
    """A plan with the SHA-256 of the file it was read from."""

    plan: Plan
    sha256: str
    path: Path


class _OneOfEachKey(yaml.SafeLoader):
    """YAML in which no key of a mapping stands twice: the last would count, and the first be read by people."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                where = key_node.start_mark
                raise ConstructorError(None, None, f"{key!r} stands twice in one place. Keep one of them.", where)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_plan(path: Path) -> FrozenPlan:
    """Read and check a plan.

    Raises:
        ConfigError: the file is missing, is not YAML or does not fit; names the entry.
    """
    try:
        content = path.read_bytes()
        parsed: Any = yaml.load(content, Loader=_OneOfEachKey)
        return FrozenPlan(Plan.model_validate(parsed), hashlib.sha256(content).hexdigest(), path)
    except OSError as error:
        raise ConfigError(f"{path}: the analysis plan can't be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: the analysis plan is not YAML. {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: the analysis plan does not fit. {wrong}") from error
