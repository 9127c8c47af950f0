"""The frozen analysis plan: what is tested and how, fixed before the data are read."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import ConfigError

Effect = Literal["customer", "week", "week_by_contact"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Outcome(_Part):
    name: str
    kind: str
    horizon_weeks: Annotated[int, Field(ge=1, le=104)]
    unit: str


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


class ServiceOverBroadcast(_Part):
    """The entry of claim C1."""

    hypothesis: str
    outcome: Outcome
    smallest_effect_of_interest: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    responsiveness: Responsiveness
    broadcast: Broadcast
    policy_shift: PolicyShift
    panel: Panel
    primary_specification: Specification
    specification_curve: SpecificationCurve
    customer_unit: Literal["person", "account"]
    join_coverage: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _primary_rate_is_on_the_curve(self) -> "ServiceOverBroadcast":
        if self.broadcast.adstock_rate not in self.specification_curve.adstock_rates:
            raise ValueError("broadcast.adstock_rate must be one of specification_curve.adstock_rates")
        return self


class Claims(_Part):
    C1: ServiceOverBroadcast


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


def load_plan(path: Path) -> FrozenPlan:
    """Read and check a plan.

    Raises:
        ConfigError: the file is missing, is not YAML or does not fit; names the entry.
    """
    try:
        content = path.read_bytes()
        parsed: Any = yaml.safe_load(content)
        return FrozenPlan(Plan.model_validate(parsed), hashlib.sha256(content).hexdigest(), path)
    except OSError as error:
        raise ConfigError(f"{path}: the analysis plan can't be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: the analysis plan is not YAML. {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: the analysis plan does not fit. {wrong}") from error
