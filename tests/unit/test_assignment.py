"""Random assignment: the same for ever, the same everywhere, and as random as it says."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.experiment.assignment import (
    Candidate,
    Trial,
    arm_of,
    assign,
    assign_stratified,
    coming_slots,
    sample_ratio,
)
from pipelines.experiment.guide import guide

TRIAL = Trial("holdout-1", "broadcast", "customer", 0.05, 7)
KEYS = [f"crm_contacts|crm|{i}" for i in range(20_000)]
# A true assignment fails one of these about once in a hundred thousand seeds; the seed is fixed.
UNLIKELY = 1e-5


def test_another_implementation_of_the_rule_gives_the_same_arms() -> None:
    query = """
        select key,
            case when ('0x' || left(sha256('holdout-1:7:' || key), 8))::bigint < round(0.05 * pow(2, 32)) then 'holdout' else 'contact' end
        from unnest(?::varchar[]) as keys(key)
    """
    with duckdb.connect(":memory:") as connection:
        found = dict(connection.execute(query, [KEYS]).fetchall())
    assert found == assign(TRIAL, KEYS)


def test_the_code_on_the_trials_page_is_the_rule() -> None:
    trial = Trial("queue.2026", "responsiveness", "ticket", 0.3, -12)
    code = re.search(r"```python\n(.*?)```", guide(trial, None), re.DOTALL)
    assert code is not None
    namespace: dict[str, object] = {}
    exec(code[1], namespace)
    page_arm = namespace["arm"]
    assert callable(page_arm)
    assert [page_arm(f"{i}ü") for i in range(500)] == [arm_of(trial, f"{i}ü") for i in range(500)]


@given(st.lists(st.text(), unique=True, max_size=40), st.lists(st.text(), max_size=10), st.randoms())
def test_neither_order_nor_later_units_change_an_arm(keys: list[str], later: list[str], random: object) -> None:
    shuffled = list(keys)
    random.shuffle(shuffled)  # ty: ignore[missing-attribute]
    before, after = assign(TRIAL, keys), assign(TRIAL, [*later, *shuffled])
    assert {key: after[key] for key in keys} == before


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_share_holds_within_binomial_bounds(share: float) -> None:
    arms = Counter(assign(Trial("t", "responsiveness", "ticket", share, 1), KEYS).values())
    assert stats.binomtest(arms["priority"], len(KEYS), share).pvalue > UNLIKELY


@pytest.mark.parametrize(
    "other",
    [Trial("holdout-2", "broadcast", "customer", 0.3, 7), Trial("holdout-1", "broadcast", "customer", 0.3, 8)],
    ids=["another experiment", "another seed"],
)
def test_arms_of_two_trials_are_independent(other: Trial) -> None:
    one, two = assign(Trial("holdout-1", "broadcast", "customer", 0.3, 7), KEYS), assign(other, KEYS)
    table = np.zeros((2, 2))
    for key in KEYS:
        table[one[key] == "holdout", two[key] == "holdout"] += 1
    assert stats.chi2_contingency(table).pvalue > UNLIKELY


@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.floats(0.02, 0.98), st.integers(0, 1000))
def test_a_stratified_share_is_exact_to_one_unit_in_all_and_in_each_stratum(strata: list[int], share: float, seed: int) -> None:
    candidates = [Candidate(f"k{i}", str(stratum)) for i, stratum in enumerate(strata)]
    trial = Trial("t", "responsiveness", "customer", share, seed)
    arms = assign_stratified(trial, candidates)
    assert arms == assign_stratified(trial, candidates[::-1])
    groups = [candidates, *([c for c in candidates if c.stratum == s] for s in {c.stratum for c in candidates})]
    for group in groups:
        n = sum(arms[unit.key] == "priority" for unit in group)
        assert abs(n - share * len(group)) < 1 + 1e-9


def test_every_unit_of_a_small_stratum_has_the_planned_chance() -> None:
    candidates = [Candidate(f"k{i}", str(i // 3)) for i in range(12)]
    draws = 4000
    counts = Counter(
        key
        for seed in range(draws)
        for key, arm in assign_stratified(Trial("t", "broadcast", "customer", 0.2, seed), candidates).items()
        if arm == "holdout"
    )
    for unit in candidates:
        assert stats.binomtest(counts[unit.key], draws, 0.2).pvalue > UNLIKELY, unit


def test_slots_cover_whole_local_weeks_without_gap_over_a_clock_change() -> None:
    # Berlin puts its clocks back on Sunday 2026-10-25 at 03:00.
    slots = coming_slots([("b", "Europe/Berlin", "billing")], datetime(2026, 10, 12, 9, tzinfo=UTC), 2)
    assert len(slots) == 42
    assert slots[0].starts_at == datetime(2026, 10, 18, 22, tzinfo=UTC)
    assert all(one.ends_at == two.starts_at for one, two in pairwise(slots))
    assert slots[-1].ends_at - slots[0].starts_at == timedelta(days=14, hours=1)
    assert {slot.ends_at - slot.starts_at for slot in slots} == {timedelta(hours=8), timedelta(hours=9)}
    assert len({slot.key for slot in slots}) == 42
    assert slots[23].key == "b|2026-10-26|02|billing"


def test_the_sample_ratio_test_gives_a_published_p_value() -> None:
    # Kohavi, Tang and Xu (2020), Trustworthy Online Controlled Experiments, chapter 3: 821,588 against 815,482, p = 1.8e-6.
    ratio = sample_ratio("broadcast", 0.5, ["holdout"] * 821_588 + ["contact"] * 815_482)
    assert ratio.p == pytest.approx(1.8e-6, rel=0.03)
    assert ratio.is_mismatch
    assert not sample_ratio("broadcast", 0.5, ["holdout", "contact"] * 50).is_mismatch
    assert sample_ratio("broadcast", 0.5, []).p is None
    with pytest.raises(ValueError, match="'priority' is no arm of a broadcast trial"):
        sample_ratio("broadcast", 0.5, ["priority"])


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"share": 0.0}, "both arms need units"),
        ({"share": 1.0}, "both arms need units"),
        ({"share": float("nan")}, "both arms need units"),
        ({"lever": "price"}, "'price' is no lever"),
        ({"unit": "agent"}, "'agent' is no unit"),
        ({"unit": "ticket"}, "a broadcast goes to customers"),
        ({"experiment_id": "a:b"}, "is no experiment id"),
    ],
)
def test_a_trial_that_can_not_be_says_why(changed: dict[str, object], what: str) -> None:
    fields = {"experiment_id": "t", "lever": "broadcast", "unit": "customer", "share": 0.5, "seed": 1}
    with pytest.raises(ValueError, match=what):
        Trial(**(fields | changed))  # ty: ignore[invalid-argument-type]
