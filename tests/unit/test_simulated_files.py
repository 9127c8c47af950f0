"""The simulated company's files: they fit the contract, and what they say is what its arrays say."""

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from pipelines.errors import ConfigError
from pipelines.files_io import sha256_of
from pipelines.landing import Landing
from pipelines.plan import load_plan
from pipelines.simulate.arrays import panel_of, shift_facts
from pipelines.simulate.canonical import write_company
from pipelines.simulate.command import simulate_into
from pipelines.simulate.company import Company, simulate
from pipelines.simulate.worlds import WORLDS
from pipelines.sources.files import FilesSource

N_CUSTOMERS, N_WEEKS = 200, 12


@pytest.fixture(scope="module", params=["true", "holdout", "staggered"])
def company(request: pytest.FixtureRequest) -> Company:
    return simulate(replace(WORLDS[request.param], outage_rate=0.05, n_queues=2), 5, N_CUSTOMERS, N_WEEKS)


@pytest.fixture(scope="module")
def folder(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company")
    write_company(company, path)
    return path


@pytest.fixture(scope="module")
def files(folder: Path) -> duckdb.DuckDBPyConnection:
    """Views of the files, and what tells the week and the panel row of an instant."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for path in folder.glob("*.parquet"):
        connection.execute(f"create view {path.stem} as from '{path}'")
    connection.execute("create macro week_of(t) as (epoch_us(t) - epoch_us(timestamptz '2024-01-01 00:00:00+00')) // 604800000000")
    connection.execute(f"create macro panel_row(key, t) as (substr(key, 2)::int - 1) * {N_WEEKS} + week_of(t)")
    return connection


def summed(files: duckdb.DuckDBPyConnection, sql: str) -> np.ndarray:
    """A column of the panel from a query of (row, value)."""
    column = np.zeros(N_CUSTOMERS * N_WEEKS)
    for row, value in files.execute(f"select r, sum(v)::double from ({sql}) as t(r, v) where r is not null group by r").fetchall():
        column[row] = value
    return column


def test_the_files_fit_the_contract(folder: Path, tmp_path: Path) -> None:
    load = Landing(tmp_path / "landing").land(FilesSource("files", folder), tmp_path)
    assert {"support_tickets", "support_shifts", "social_posts", "crm_campaign_sends"} <= load.tables.keys()
    assert load_plan(folder / "plan.yml").plan.claims.entries().keys() == {"C1", "C2", "C3", "C4", "C5", "C6", "C7"}


def test_the_same_seed_writes_the_same_bytes(company: Company, folder: Path, tmp_path: Path) -> None:
    write_company(simulate(company.world, company.seed, N_CUSTOMERS, N_WEEKS), tmp_path)
    assert {path.name: sha256_of(path) for path in tmp_path.iterdir()} == {path.name: sha256_of(path) for path in folder.iterdir()}


def test_spans_of_the_roster_add_up_to_the_shifts_hours(company: Company, files: duckdb.DuckDBPyConnection) -> None:
    rows = files.execute(
        """
        select queue, week_of(planned_start_at) as week, epoch_us(planned_start_at) // 28800000000 as slot,
            ln(sum(epoch_us(planned_end_at) - epoch_us(planned_start_at)) / 3.6e9)
            - ln(sum(coalesce(epoch_us(actual_end_at) - epoch_us(actual_start_at), 0)) / 3.6e9),
            bool_and(planned_end_at - planned_start_at <= interval 8 hours
                and epoch_us(planned_start_at) % 28800000000 = 0 and coalesce(actual_end_at <= planned_end_at, true))
        from support_shifts group by all order by queue, week, slot
        """
    ).fetchall()
    assert len(rows) == 3 * (N_WEEKS + 1) * 21
    assert all(row[4] for row in rows)
    np.testing.assert_allclose([row[3] for row in rows], company.roster.shortfall.ravel(), atol=1e-9)


REPLIES = """
    select t.ticket_id, t.requester_id, t.created_at, t.queue, t.severity_tag, t.brand_id,
        min(m.sent_at) filter (where m.author_id like 'a%' and m.is_public) as human_at,
        min(m.sent_at) filter (where m.author_id = 'bot') as bot_at,
        min(m.sent_at) filter (where m.author_id like 'u%') as asked_at,
        max(m.sent_at) filter (where m.author_id like 'u%') as last_asked_at
    from support_tickets as t inner join support_messages as m using (ticket_id) group by all
    union all
    select p.post_id, p.account_id, p.created_at, 'social', null, null, a.created_at, null, p.created_at, p.created_at
    from social_posts as p left join social_posts as a on a.in_reply_to_post_id = p.post_id
    where p.account_id like 'f%'
"""
CAPPED = "coalesce(case when {0} - asked_at < interval 72 hours then epoch_us({0}) - epoch_us(asked_at) end, 72 * 3.6e9)"


def test_what_the_files_say_is_what_the_arrays_say(company: Company, files: duckdb.DuckDBPyConnection) -> None:
    panel = panel_of(company)
    files.execute(f"create or replace temp table replies as {REPLIES}")
    responsiveness, any_responsiveness = (
        f"select panel_row(requester_id, asked_at), -log2(greatest({CAPPED.format(reply)}, 6e7) / 3.6e9) from replies"
        for reply in ("human_at", "least(human_at, bot_at)")
    )
    revenue = "crm_revenue" if company.world.n_brands == 1 else "outcome_events"
    amount = "amount" if company.world.n_brands == 1 else "value"
    expected = {
        "turns": (panel.turns, "select panel_row(requester_id, asked_at), 1 from replies"),
        "responsiveness": (panel.responsiveness, responsiveness),
        "outcome": (
            panel.outcome,
            f"select panel_row(contact_id, occurred_at - interval 7 days), {amount} from {revenue} where week_of(occurred_at) > 0",
        ),
        "total_any_responsiveness": (panel.columns["total_any_responsiveness"], any_responsiveness),
        "n_handed_off": (
            panel.columns["n_handed_off"],
            "select panel_row(requester_id, asked_at), 1 from replies where bot_at < human_at",
        ),
        "n_bot_first": (
            panel.columns["n_bot_first"],
            "select panel_row(requester_id, asked_at), 1 from replies where bot_at is not null and human_at is null",
        ),
        "n_human_replies": (
            panel.columns["n_human_replies"],
            f"select panel_row(requester_id, human_at), 1 from replies where week_of(human_at) < {N_WEEKS}",
        ),
        "n_mentions_answered": (
            panel.columns["n_mentions_answered"],
            "select panel_row(requester_id, asked_at), 1 from replies where queue = 'social' and human_at is not null",
        ),
        "n_delivered_sends": (
            panel.columns["n_delivered_sends"],
            "select panel_row(contact_id, delivered_at), 1 from crm_campaign_sends where not is_holdout",
        ),
        "n_reachable_posts": (
            panel.columns["n_reachable_posts"],
            "select panel_row(f.account_id, p.created_at), 1 from social_follows as f"
            " inner join social_posts as p on f.brand_account_id = p.account_id",
        ),
        "automated_share_high": (
            panel.columns["automated_share_high"] * panel.columns["n_reachable_posts"],
            "select panel_row(f.account_id, p.created_at), 1 from social_follows as f inner join social_posts as p"
            " on f.brand_account_id = p.account_id where coalesce(p.is_scheduled, true)",
        ),
    }
    for name, (column, sql) in expected.items():
        np.testing.assert_allclose(summed(files, sql), column, atol=1e-6, err_msg=name)
    ordered = "select bool_and(asked_at = created_at and coalesce(human_at > last_asked_at, true)) from replies"
    assert files.execute(ordered).fetchone() == (True,)
    if company.world.trial_share:
        treated = "select panel_row(t.requester_id, t.created_at), (e.arm = 'priority')::int from experiments as e" + (
            " inner join support_tickets as t on e.unit_id = t.ticket_id where e.unit = 'ticket'"
        )
        np.testing.assert_array_equal(summed(files, treated), panel.columns["n_trial_treated"])


def test_arrivals_and_incidents_are_those_of_the_tickets(company: Company, files: duckdb.DuckDBPyConnection) -> None:
    counted = files.execute(
        "select queue, week_of(created_at), (epoch_us(created_at) - 345600000000) % 604800000000 // 28800000000, count(*)"
        " from support_tickets group by all"
    ).fetchall()
    arrivals = np.zeros((3, N_WEEKS + 1, 21))
    for queue, week, slot, count in counted:
        arrivals[int(queue[1:]) - 1, week, slot] = count
    facts = shift_facts(company)
    np.testing.assert_allclose(facts.log_arrivals, np.log(np.maximum(arrivals, 1)).ravel())
    usual = [[max(3, np.median(arrivals[queue, :, slot])) for slot in range(21)] for queue in range(3)]
    incident = [arrivals[q, w, s] > 3 * usual[q][s] for q in range(3) for w in range(N_WEEKS + 1) for s in range(21)]
    np.testing.assert_array_equal(facts.is_incident, incident)


def test_subscriptions_end_when_the_arrays_say(company: Company, files: duckdb.DuckDBPyConnection) -> None:
    rows = files.execute("select substr(contact_id, 2)::int - 1, epoch_us(ended_at) from crm_subscriptions").fetchall()
    assert {who for who, _ in rows} == set(np.flatnonzero(company.customers.is_subscriber).tolist())
    ended = {who: at for who, at in rows if at is not None}
    assert ended
    assert all(company.churn.ended_at[who] == at for who, at in ended.items())


def test_the_command_says_what_it_wrote_and_spares_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "company"
    assert "twoway run --input" in simulate_into(out, "holdout", 1, 50, 8, force=False)
    assert (out / "experiments.parquet").exists()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"not empty.*--force"):
        simulate_into(out, "true", 1, 50, 8, force=False)
    simulate_into(out, "true", 1, 50, 8, force=True)
    assert not (out / "experiments.parquet").exists()
    assert (out / "notes.txt").read_text() == "mine"
    with pytest.raises(ConfigError, match="Worlds: true, false, null"):
        simulate_into(tmp_path / "other", "nope", 1, 50, 8, force=False)
    assert not (tmp_path / "other").exists()
    with pytest.raises(ConfigError, match="is a file"):
        simulate_into(out / "notes.txt", "true", 1, 50, 8, force=True)


def test_waits_can_be_told_to_come_from_a_queue(tmp_path: Path) -> None:
    said = {}
    for waits in (None, "law", "queue"):
        simulate_into(tmp_path / str(waits), "true", 1, 60, 8, force=False, waits=waits)
        said[waits] = json.loads((tmp_path / str(waits) / "truth.json").read_text())["waits"]
    assert said == {None: "law", "law": "law", "queue": "queue"}
    files = {waits: sha256_of(tmp_path / str(waits) / "support_messages.parquet") for waits in said}
    assert files[None] == files["law"] != files["queue"]
    with pytest.raises(ConfigError, match=r"no waits 'tea'\. Waits: law, queue"):
        simulate_into(tmp_path / "other", "true", 1, 60, 8, force=False, waits="tea")
