"""The bundled data's reference numbers, recomputed from the published marts alone.

`communities.json` was computed by its makers from the canonical files with plain SQL and least
squares, not by this project. It holds counts and rates only, no persons.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.formula.api as smf

from pipelines.claim.linear import codes, fit_clustered, keep_without_singletons

GOLDEN: dict[str, Any] = json.loads((Path(__file__).with_name("communities.json")).read_text())
REPLIERS = {"any_other_human": ("customer", "human_agent"), "human_agent": ("human_agent",)}
RETURN_WINDOW = "interval 90 day"

# One row per question that a customer asked, with both reply definitions, what the customer had
# done before, the announcements of the 28 days before, and whether the customer came back.
ASKS = """
    with asks as (
        select tickets.*, opening.author_id, brands.observed_until
        from core.fct_tickets as tickets
        inner join core.fct_messages as opening
            on tickets.source_id = opening.source_id and opening.message_id = tickets.ticket_id || ':o'
        inner join core.dim_brand as brands on tickets.brand_id = brands.brand_id
        where tickets.exclusion_reason is null
    ),
    replies as (
        select
            asks.ticket_id,
            min(messages.sent_at) filter (where messages.actor_kind in ('customer', 'human_agent')) as any_other_human,
            min(messages.sent_at) filter (where messages.actor_kind = 'human_agent') as human_agent
        from asks
        inner join core.fct_messages as messages
            on asks.ticket_id = messages.ticket_id and asks.author_id <> messages.author_id and messages.sent_at > asks.created_at
        group by asks.ticket_id
    ),
    draft_days as (
        select brand_id, min(sent_at) as at_first from core.fct_broadcasts group by brand_id, sent_at::date
    )
    select
        asks.ticket_id, asks.brand_id, asks.customer_id, asks.queue, asks.created_at,
        asks.first_human_reply_calendar_seconds,
        epoch(replies.any_other_human) - epoch(asks.created_at) as any_other_human,
        epoch(replies.human_agent) - epoch(asks.created_at) as human_agent,
        asks.created_at + {window} <= asks.observed_until as is_observed,
        (select count(*) from core.fct_outcomes as o
            where o.brand_id = asks.brand_id and o.customer_id = asks.customer_id and o.occurred_at < asks.created_at) as n_prior_actions,
        (select count(*) from draft_days as d where d.brand_id = asks.brand_id
            and d.at_first >= asks.created_at - interval 28 day and d.at_first < asks.created_at) as n_draft_days,
        {returned} as ret_any,
        {returned_other} as ret_other,
        exists (select 1 from asks as later where later.brand_id = asks.brand_id and later.customer_id = asks.customer_id
            and later.created_at > asks.created_at and later.created_at <= asks.created_at + {window}) as ret_new
    from asks
    left join replies on asks.ticket_id = replies.ticket_id
"""
RETURNED = """exists (select 1 from core.fct_outcomes as o where o.brand_id = asks.brand_id and o.customer_id = asks.customer_id
    and o.occurred_at > asks.created_at and o.occurred_at <= asks.created_at + {window} {other})"""


@pytest.fixture(scope="module")
def asks(snapshot: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    returned = RETURNED.format(window=RETURN_WINDOW, other="")
    returned_other = RETURNED.format(window=RETURN_WINDOW, other="and o.ticket_id <> asks.ticket_id")
    return snapshot.execute(ASKS.format(window=RETURN_WINDOW, returned=returned, returned_other=returned_other)).df()


def test_counts_are_the_reference_counts(snapshot: duckdb.DuckDBPyConnection, asks: pd.DataFrame) -> None:
    def count(query: str) -> int:
        row = snapshot.execute(query).fetchone()
        assert row is not None
        return row[0]

    assert count("select count(*) from core.dim_brand where is_declared") == GOLDEN["projects"]
    assert count("select count(*) from core.fct_tickets") == GOLDEN["tickets"]
    assert count("select count(*) from core.fct_messages") == GOLDEN["messages"]
    assert count("select count(*) from core.fct_broadcasts") == GOLDEN["broadcasts"]
    assert len(asks) == GOLDEN["customer_asks"]
    assert asks.customer_id.nunique() == GOLDEN["customer_persons"]
    assert asks.is_observed.sum() == GOLDEN["customer_asks_observed_90d"]


@pytest.mark.parametrize("definition", REPLIERS)
@pytest.mark.parametrize("queue", ["issue", "pr"])
def test_reply_times_are_the_reference_reply_times(asks: pd.DataFrame, queue: str, definition: str) -> None:
    seconds = asks.loc[asks.queue == queue, definition]
    expected = GOLDEN[queue][definition]
    assert len(seconds) == GOLDEN[queue]["n"]
    assert round(seconds.notna().mean(), 4) == expected["replied"]
    assert round((seconds <= 24 * 3600).mean(), 4) == expected["replied_within_24h"]
    assert seconds.median() / 3600 == pytest.approx(expected["median_first_reply_hours"], abs=0.01)


def test_the_published_first_human_reply_is_the_one_recomputed_from_messages(asks: pd.DataFrame) -> None:
    published, recomputed = asks.first_human_reply_calendar_seconds, asks.human_agent
    assert (published.isna() == recomputed.isna()).all()
    assert (published.dropna() == recomputed.dropna()).all()


@pytest.mark.parametrize(("name", "first_ever"), [("return_90d", False), ("return_90d_first_ever", True)])
def test_returns_are_the_reference_returns(asks: pd.DataFrame, name: str, first_ever: bool) -> None:
    observed = asks[asks.is_observed & ((asks.n_prior_actions == 0) | (not first_ever))]
    assert len(observed) == GOLDEN[name]["n"]
    for outcome in ("ret_any", "ret_other", "ret_new"):
        assert round(observed[outcome].mean(), 4) == GOLDEN[name][outcome], outcome


@pytest.mark.parametrize("announced", ["False", "True"])
def test_returns_by_announcement_are_the_reference_returns(asks: pd.DataFrame, announced: str) -> None:
    observed = asks[asks.is_observed & ((asks.n_draft_days > 0) == (announced == "True"))]
    expected = GOLDEN["return_other_by_draft_prev28d"][announced]
    assert len(observed) == expected["n"]
    assert round(observed.ret_other.mean(), 4) == expected["share"]


REGRESSORS = ["log_reply_hours", "log1p_draft_days_28d", "log1p_prior_actions", "pr"]


def _model_sample(asks: pd.DataFrame, definition: str) -> pd.DataFrame:
    sample = asks[asks.is_observed & (asks[definition] <= 2160 * 3600)].copy()
    sample["log_reply_hours"] = np.log(sample[definition] / 3600 + 1 / 60)
    sample["log1p_draft_days_28d"] = np.log1p(sample.n_draft_days)
    sample["log1p_prior_actions"] = np.log1p(sample.n_prior_actions)
    sample["pr"] = (sample.queue == "pr").astype(float)
    sample["quarter"] = sample.created_at.dt.tz_convert("UTC").dt.tz_localize(None).dt.to_period("Q").astype(str)
    sample["y"] = sample.ret_other.astype(float)
    kept = keep_without_singletons([codes(sample[effect].to_numpy().astype(str)) for effect in ("brand_id", "quarter")])
    return sample[kept]


@pytest.mark.parametrize("definition", REPLIERS)
def test_the_linear_probability_model_is_the_reference_one(asks: pd.DataFrame, definition: str) -> None:
    expected = GOLDEN["lpm_ret_other"][definition]
    sample = _model_sample(asks, definition)
    brand, quarter = (codes(sample[effect].to_numpy().astype(str)) for effect in ("brand_id", "quarter"))
    fit = fit_clustered(sample.y.to_numpy(), sample[REGRESSORS].to_numpy(dtype=float), [brand, quarter], brand)
    assert (fit.n_rows, fit.n_clusters, fit.n_parameters) == (expected["n"], expected["clusters"], expected["k"])
    errors = np.sqrt(np.diag(fit.covariance))
    for position, name in enumerate(REGRESSORS):
        assert fit.coefficients[position] == pytest.approx(expected[name]["b"], abs=1e-5), name
        assert errors[position] == pytest.approx(expected[name]["se"], abs=1e-5), name


@pytest.mark.parametrize("definition", REPLIERS)
def test_pyfixest_and_statsmodels_find_the_same(asks: pd.DataFrame, definition: str) -> None:
    expected = GOLDEN["lpm_ret_other"][definition]
    sample = _model_sample(asks, definition)
    formula = "y ~ " + " + ".join(REGRESSORS)
    # Only G/(G-1) on both sides, then the reference's own factor.
    oracle = pf.feols(
        f"{formula} | brand_id + quarter",
        sample,
        vcov={"CRV1": "brand_id"},
        ssc=pf.ssc(k_adj=False, G_adj=True),
    )
    dummies = smf.ols(f"{formula} + C(brand_id) + C(quarter)", sample).fit()
    n, k = expected["n"], expected["k"]
    factor = np.sqrt((n - 1) / (n - k))
    for name in REGRESSORS:
        assert oracle.coef()[name] == pytest.approx(expected[name]["b"], abs=1e-5), name
        assert dummies.params[name] == pytest.approx(expected[name]["b"], abs=1e-5), name
        assert oracle.se()[name] * factor == pytest.approx(expected[name]["se"], abs=1e-5), name
