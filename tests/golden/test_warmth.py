"""What the frozen scorer of warmth can tell and what it can't, on replies written for it, and that it stays frozen."""

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from pipelines.warmth.scorer import SCORER_VERSION, acts, fingerprint, score

FOLDER = Path(__file__).with_name("warmth")
FROZEN = {"warmth-1": "0fab2cd6c3d91f3c9cd30c21b57866dcf2eebbffff2f0d835a3736245e42ab87"}
# docs/warmth.md prints these: held-out replies first, then those that the lexicon was written with.
EXPECTED_AUC = {
    ("held_out", "warm", "cold"): 0.9975,
    ("held_out", "warm", "neutral"): 1.0,
    ("held_out", "neutral", "cold"): 0.6575,
    ("implicit", "warm", "cold"): 1.0,
    ("dev", "warm", "cold"): 1.0,
}
# What it can't tell: it sees words, not what is meant by them, and not deeds.
NOT_TOLD = {"sarcasm-2", "sarcasm-3", "negation-1", "negation-3", "negation-7", "template-3", "plain-kind-2", "cold-polite-1"}
LEAST_WARM = 0.2
LEAST_COLD = -0.05
# Average politeness that people gave to requests with a strategy, and the paper's example of it: Danescu-Niculescu-Mizil
# et al. (2013), Table 3. A request is no reply, but its courtesies are the same.
PUBLISHED = {
    "I really appreciate that you've done them.": 0.87,
    "Nice work so far on your rewrite.": 0.78,
    "Hey, I just tried to change the page.": 0.43,
    "Sorry to bother you with this page.": 0.36,
    "Could you please say more about it?": 0.49,
    "In fact you did link the page here.": -0.38,
}


def _rows(name: str) -> list[dict[str, str | None]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def _scores(name: str, label: str) -> list[float]:
    found = [score(str(row["text"])) for row in _rows(name) if row["label"] == label]
    assert {one.status for one in found} == {"scored"}
    return [one.warmth for one in found if one.warmth is not None]


def test_a_change_of_lexicon_rules_or_language_model_needs_a_new_version() -> None:
    assert fingerprint() == FROZEN[SCORER_VERSION]


@pytest.mark.parametrize(("name", "higher", "lower"), EXPECTED_AUC)
def test_the_share_of_pairs_told_right_is_as_documented(name: str, higher: str, lower: str) -> None:
    high, low = _scores(name, higher), _scores(name, lower)
    assert len(high) == len(low) == 20
    auc = mannwhitneyu(high, low).statistic / (len(high) * len(low))
    assert auc == pytest.approx(EXPECTED_AUC[name, higher, lower], abs=1e-9)


@pytest.mark.parametrize("name", ["held_out", "implicit", "dev"])
def test_of_two_replies_on_one_topic_the_warm_one_scores_higher_than_the_cold_one(name: str) -> None:
    assert all(warm > cold for warm, cold in zip(_scores(name, "warm"), _scores(name, "cold"), strict=True))


def test_labels_differ_in_tone_and_hardly_in_length() -> None:
    for name in ("held_out", "implicit", "dev"):
        lengths = {
            label: [len(str(row["text"]).split()) for row in _rows(name) if row["label"] == label] for label in ("warm", "neutral", "cold")
        }
        means = [statistics.mean(found) for found in lengths.values()]
        assert max(means) / min(means) < 1.4, (name, means)


def test_warmth_is_no_measure_of_length() -> None:
    rows = [row for name in ("held_out", "implicit", "dev") for row in _rows(name)]
    words = [len(str(row["text"]).split()) for row in rows]
    within = [(score(str(row["text"])).warmth, length) for row, length in zip(rows, words, strict=True) if row["label"] == "warm"]
    assert abs(np.corrcoef(np.array(within, dtype=float).T)[0, 1]) < 0.25


@pytest.mark.parametrize("row", _rows("hard"), ids=lambda row: row["id"])
def test_hard_cases_are_told_or_known_not_to_be(row: dict[str, str | None]) -> None:
    found = score(str(row["text"]))
    if row["kind"] == "language":
        assert (found.status, found.warmth) == ("language_not_scored", None)
        return
    assert found.warmth is not None
    is_told = found.warmth > LEAST_WARM if row["label"] == "warm" else found.warmth < LEAST_COLD
    assert is_told == (row["id"] not in NOT_TOLD)


def test_strategies_have_the_sign_and_the_order_that_people_gave_them() -> None:
    ours = [score(text).warmth for text in PUBLISHED]
    assert None not in ours
    assert np.array_equal(np.sign(np.array(ours, dtype=float)), np.sign(list(PUBLISHED.values())))
    single = [text for text in PUBLISHED if len(acts(text)) == 1]
    assert len(single) >= 3
    assert sorted(single, key=lambda text: PUBLISHED[text]) == sorted(single, key=lambda text: score(text).warmth or 0)
