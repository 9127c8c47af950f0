"""Input that can tell nothing, from the raw layer to the verdict: inconclusive with a reason."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.estimation import estimate_claims
from pipelines.paths import DEFAULT_PLAN
from pipelines.plan import load_plan
from tests.warehouse import CompiledProject, Warehouse

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
VERDICTS = ("effect_estimates", "robustness_checks", "design_offers", "claim_verdict")
Rows = dict[str, list[Mapping[str, Any]]]


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject) -> Iterator[Warehouse]:
    marts = [model for model in compiled_project.models.values() if model.schema == "claim" and model.name not in VERDICTS]
    read = [model.name for model in marts if '"estimates".' not in model.sql]
    with Warehouse(compiled_project, "fct_messages", *read) as warehouse:
        yield warehouse


def conversations(n_customers: int, n_weeks: int, answer_after: timedelta | None) -> Rows:
    """Each customer asks once a week; an answer comes after so long, or never."""
    users: list[Mapping[str, Any]] = [{"user_id": "agent", "role": "agent"}]
    tickets: list[Mapping[str, Any]] = []
    messages: list[Mapping[str, Any]] = []
    for customer in range(n_customers):
        users.append({"user_id": f"c{customer}", "role": "customer"})
        for week in range(n_weeks):
            asked, ticket = START + timedelta(weeks=week, hours=customer), f"t{customer}-{week}"
            tickets.append({"ticket_id": ticket, "requester_id": f"c{customer}", "channel": "email", "created_at": asked})
            said = {"ticket_id": ticket, "is_public": True, "channel": "email"}
            messages.append(said | {"message_id": f"{ticket}-q", "author_id": f"c{customer}", "sent_at": asked})
            if answer_after is not None:
                messages.append(said | {"message_id": f"{ticket}-a", "author_id": "agent", "sent_at": asked + answer_after})
    return {"support_users": users, "support_tickets": tickets, "support_messages": messages}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param({}, id="nothing at all"),
        pytest.param(conversations(1, 30, None), id="one customer, never answered"),
        pytest.param(conversations(8, 40, timedelta(seconds=1)), id="all answered in a second"),
    ],
)
def test_input_that_can_tell_nothing_is_inconclusive_with_a_reason(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.fill(rows, as_of=START + timedelta(weeks=60))
    connection = warehouse.connection
    connection.execute("create schema if not exists estimates")
    estimate_claims(connection, load_plan(DEFAULT_PLAN).plan)
    for name in VERDICTS:
        model = warehouse.project.models[name]
        connection.execute(f'create or replace table "{model.schema}"."{name}" as {model.sql}')
    schema = warehouse.project.models["claim_verdict"].schema
    found = connection.execute(f'select verdict, reason_code, delta, what_would_settle_it from "{schema}".claim_verdict').fetchall()
    assert found
    for verdict, reason, delta, settle in found:
        assert (verdict, delta) == ("inconclusive", None)
        assert reason == "data_quality"
        assert settle
    n_turns = connection.execute("select count(*) from claim.dose_turns").fetchall()
    assert (n_turns == [(0,)]) == (not rows)
