"""Whether the arms of a trial are as large as they should be (gate G9)."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from pipelines.claim.results import Check

# Below this the arms' sizes did not come about by lot alone.
SRM_ALPHA = 0.001


@dataclass(frozen=True)
class TrialArms:
    """Units of one trial by arm.

    Args:
        source_id, experiment_id: the trial.
        lever: `responsiveness` or `broadcast`.
        unit: `customer`, `ticket` or `shift`.
        n_first, n_other: units that the analysis found, in the arm that the share is of (holdout or priority) and in the other.
        n_assigned_first, n_assigned_other: units as assigned.
        planned_share: of the first arm; None where the plan does not register it.
    """

    source_id: str
    experiment_id: str
    lever: str
    unit: str
    n_first: int
    n_other: int
    n_assigned_first: int
    n_assigned_other: int
    planned_share: float | None = None

    @property
    def expected_share(self) -> float | None:
        """The planned share, else that of the units as assigned; None without units."""
        if self.planned_share is not None:
            return self.planned_share
        assigned = self.n_assigned_first + self.n_assigned_other
        return self.n_assigned_first / assigned if assigned else None


def sample_ratio_p(n_first: int, n_other: int, share: float) -> float | None:
    """Chi-square test, one degree of freedom, of two arms against the first one's share (Pearson 1900).

    Args:
        n_first, n_other: units by arm.
        share: of the first arm, strictly between 0 and 1.

    Returns:
        The p-value; None without units.

    Raises:
        ValueError: a share that leaves an arm empty.
    """
    if not 0 < share < 1:
        raise ValueError("a planned share lies strictly between 0 and 1")
    n = n_first + n_other
    return float(stats.chisquare([n_first, n_other], [n * share, n * (1 - share)]).pvalue) if n else None


def sample_ratio_checks(trials: Sequence[TrialArms], claim: str, used_levers: frozenset[str]) -> list[Check]:
    """G9 by trial; blocking where the claim's design rests on its lever's trial.

    Args:
        trials: the trials whose arms can be compared.
        claim: the claim.
        used_levers: levers whose trial identifies the claim's estimate.
    """
    return [_check(trial, claim, trial.lever in used_levers) for trial in trials]


def _check(trial: TrialArms, claim: str, is_used: bool) -> Check:
    share = trial.expected_share
    p = sample_ratio_p(trial.n_first, trial.n_other, share) if share is not None and 0 < share < 1 else None
    against = "the assignment" if trial.planned_share is None else "the plan"
    expected = "" if share is None else f", {share:.1%} expected by {against}"
    found = f"{trial.n_first} of {trial.n_first + trial.n_other} {trial.unit}s found are in the first arm{expected}"
    return Check(
        check_id=f"{claim}|sample_ratio|{trial.source_id}|{trial.experiment_id}", gate_code="G9", claim_id=claim, estimate_id=None,
        kind="dq", statistic=f"p-value of the sample ratio of trial {trial.experiment_id}", value=p, threshold=SRM_ALPHA,
        passed=p is not None and p >= SRM_ALPHA, blocking=is_used, p=p, detail=f"Trial {trial.experiment_id}: {found}",
    )  # fmt: skip
