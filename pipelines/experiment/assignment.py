"""Who gets which arm: a keyed hash of the unit, so that any system can compute it and no order matters. Pure."""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Literal
from zoneinfo import ZoneInfo

from pipelines.claim.sample_ratio import SRM_ALPHA, sample_ratio_p

Lever = Literal["responsiveness", "broadcast"]
Unit = Literal["customer", "ticket", "shift"]

# The arm that the share is of, and the other one.
ARMS: Mapping[str, tuple[str, str]] = {"broadcast": ("holdout", "contact"), "responsiveness": ("priority", "usual")}
UNITS: Mapping[str, tuple[str, ...]] = {"broadcast": ("customer",), "responsiveness": ("customer", "ticket", "shift")}

HASH_DIGITS = 8
HASH_RANGE = 16**HASH_DIGITS
SLOT_HOURS = 8
SLOTS_PER_WEEK = 7 * 24 // SLOT_HOURS


@dataclass(frozen=True)
class Trial:
    """What decides every arm.

    Args:
        experiment_id: letters, digits, dots, dashes and underscores.
        lever: what the arms move.
        unit: what is randomised.
        share: share of the units in the first arm of `ARMS[lever]`, strictly between 0 and 1.
        seed: any whole number; another seed gives another independent assignment.

    Raises:
        ValueError: something does not fit; says what.
    """

    experiment_id: str
    lever: str
    unit: str
    share: float
    seed: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", self.experiment_id):
            raise ValueError(f"{self.experiment_id!r} is no experiment id: use up to 64 letters, digits, dots, dashes and underscores.")
        if self.lever not in ARMS:
            raise ValueError(f"{self.lever!r} is no lever: use {' or '.join(ARMS)}.")
        known = UNITS["responsiveness"]
        if self.unit not in known:
            raise ValueError(f"{self.unit!r} is no unit: use {', '.join(known[:-1])} or {known[-1]}.")
        if self.unit not in UNITS[self.lever]:
            raise ValueError(f"A {self.lever} trial can't be by {self.unit}: a broadcast goes to customers. Use --unit customer.")
        if not 0 < self.share < 1:
            raise ValueError(f"The share must lie between 0 and 1, not be {self.share:g}: both arms need units.")

    @property
    def threshold(self) -> int:
        """Units whose hash is below it are in the first arm."""
        return round(self.share * HASH_RANGE)

    @property
    def rule(self) -> str:
        """The rule in words, for whoever computes it in another system."""
        first, other = ARMS[self.lever]
        return (
            f"'{first}' if the first {HASH_DIGITS} hexadecimal digits of the SHA-256 of '{self.experiment_id}:{self.seed}:' "
            f"followed by the {self.unit} id (UTF-8), read as a whole number, are below {self.threshold}; else '{other}'"
        )


@dataclass(frozen=True)
class Candidate:
    """A unit that may be randomised.

    Args:
        key: its lasting name, which the hash is of.
        stratum: units of one stratum are split as evenly as their number allows; used only if asked for.
    """

    key: str
    stratum: str = ""


def hash_of(trial: Trial, key: str) -> int:
    """A whole number in [0, 2^32), even over keys, and independent from trial to trial and seed to seed."""
    text = f"{trial.experiment_id}:{trial.seed}:{key}"
    return int(hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS], 16)


def arm_of(trial: Trial, key: str) -> str:
    """The arm of one unit by its hash alone: the same whenever, wherever and in whatever order it is asked for."""
    first, other = ARMS[trial.lever]
    return first if hash_of(trial, key) < trial.threshold else other


def assign(trial: Trial, keys: Iterable[str]) -> dict[str, str]:
    """Arms by key, each by its own hash: a Bernoulli trial per unit, so that the share holds on average."""
    return {key: arm_of(trial, key) for key in keys}


def assign_stratified(trial: Trial, candidates: Iterable[Candidate]) -> dict[str, str]:
    """Arms by key, with the share exact to one unit in all and to one unit in each stratum.

    Within a stratum units are ranked by hash. Strata are laid end to end and every 1/share-th unit is
    counted from a random start (systematic sampling, Cochran 1977, ch. 8), so each unit's chance is the share.

    Returns:
        Arms by key. They depend on the whole list: a longer list is another assignment.
    """
    first, other = ARMS[trial.lever]
    start = hash_of(trial, "") / HASH_RANGE
    ranked = sorted(candidates, key=lambda unit: (unit.stratum, hash_of(trial, unit.key), unit.key))
    arms: dict[str, str] = {}
    before = 0
    for _, members in groupby(ranked, key=lambda unit: unit.stratum):
        units = list(members)
        n_first = math.floor(trial.share * (before + len(units)) + start) - math.floor(trial.share * before + start)
        arms |= {unit.key: first if rank < n_first else other for rank, unit in enumerate(units)}
        before += len(units)
    return arms


@dataclass(frozen=True)
class SampleRatio:
    """How the arms' sizes compare with the plan.

    Args:
        counts: units by arm.
        expected: units expected by arm.
        p: chi-square test with one degree of freedom; None without units.
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p: float | None

    @property
    def is_mismatch(self) -> bool:
        return self.p is not None and self.p < SRM_ALPHA


def sample_ratio(lever: str, share: float, arms: Iterable[str]) -> SampleRatio:
    """Chi-square test of the arms' sizes against the planned share (Pearson 1900).

    Raises:
        ValueError: an arm is none of the lever's.
    """
    first, other = ARMS[lever]
    counts = {first: 0, other: 0}
    for arm in arms:
        if arm not in counts:
            raise ValueError(f"{arm!r} is no arm of a {lever} trial: they are {first} and {other}.")
        counts[arm] += 1
    n = sum(counts.values())
    expected = {first: n * share, other: n * (1 - share)}
    return SampleRatio(counts, expected, sample_ratio_p(counts[first], counts[other], share))


@dataclass(frozen=True)
class Slot:
    """Eight hours of a brand's local week, for one queue.

    Args:
        week_start: the Monday, local.
        number: 0 to 20 within the week.
        starts_at: start (UTC); local times that a clock change skips move forward.
        ends_at: end (UTC), exclusive.
    """

    brand_id: str
    queue: str
    week_start: date
    number: int
    starts_at: datetime
    ends_at: datetime

    @property
    def key(self) -> str:
        """`brand|Monday|slot|queue`."""
        return f"{self.brand_id}|{self.week_start}|{self.number:02d}|{self.queue}"

    @property
    def stratum(self) -> str:
        """Same queue and same slot of the week."""
        return f"{self.brand_id}|{self.queue}|{self.number:02d}"


def coming_slots(desks: Sequence[tuple[str, str, str]], as_of: datetime, weeks: int) -> list[Slot]:
    """Slots of the whole local weeks after an instant.

    Args:
        desks: brand, its IANA time zone, queue.
        as_of: the instant; the first week starts on the first local Monday after it.
        weeks: how many.
    """
    slots: list[Slot] = []
    for brand_id, zone_name, queue in desks:
        zone = ZoneInfo(zone_name)
        local = as_of.astimezone(zone)
        monday = local.date() + timedelta(days=7 - local.weekday())
        for week in range(weeks):
            week_start = monday + timedelta(weeks=week)
            edges = [_local(week_start, number * SLOT_HOURS, zone) for number in range(SLOTS_PER_WEEK + 1)]
            slots += [Slot(brand_id, queue, week_start, number, edges[number], edges[number + 1]) for number in range(SLOTS_PER_WEEK)]
    return slots


def _local(day: date, hours: int, zone: ZoneInfo) -> datetime:
    """The instant at which the local clock first shows so many hours after the day's start."""
    shown = datetime.combine(day + timedelta(days=hours // 24), time(hours % 24), tzinfo=zone)
    return shown.astimezone(UTC)
