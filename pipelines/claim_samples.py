"""The claim marts as the arrays that estimators read."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.claim.marginal_return import WeeklyCosts
from pipelines.claim.sample import NO_AGENT, NO_SHIFT, BroadcastReach, Panel, Turns
from pipelines.claim.sample_ratio import TrialArms

# Functions of the staff whose hours make what a broadcast measure counts.
BROADCAST_FUNCTIONS = {
    "delivered_sends": ("marketing",),
    "reachable_posts": ("communications",),
    "sends_and_posts": ("communications", "marketing"),
}
SEVERITIES = tuple(f"n_severity_{level}" for level in range(1, 6))
PANEL_COLUMNS = (
    "total_shortfall",
    "total_log_arrivals",
    "total_load",
    "total_next_shortfall",
    "total_other_shortfall",
    "is_incident",
    *SEVERITIES,
    "targeting_score",
    "n_trial_treated",
    "n_trial_turns",
    "is_holdout",
    "n_human_replies",
    "n_delivered_sends",
    "n_reachable_posts",
    "log_adstock_touches",
    "log_adstock_posts",
    "automated_share_low",
    "automated_share_high",
    "n_human_first",
    "n_bot_first",
    "n_handed_off",
    "total_any_responsiveness",
    "total_warmth",
    "total_agent_leave_one_out",
    "n_leave_one_out_turns",
    "n_mentions",
    "n_mentions_answered",
)
TURN_COLUMNS = ("shortfall", "log_arrivals", "load", "is_incident", *SEVERITIES, "churned")

# A customer of two brands is two, in the order of brand and customer in both samples.
CODED = """
    everyone as (
        select customer_id, brand_id, true as is_in_panel from claim.panel_customers
        union all
        select customer_id, brand_id, false as is_in_panel from claim.episode_turns
    ),
    customers as (
        select customer_id, brand_id,
            row_number() over (order by bool_or(is_in_panel) desc, brand_id, customer_id) - 1 as customer,
            dense_rank() over (order by brand_id) - 1 as brand
        from everyone
        group by customer_id, brand_id
    ),
    weeks as (
        select week_start, row_number() over (order by week_start) - 1 as week
        from (
            select week_start from claim.panel_customer_week
            union
            select week_start from claim.episode_turns
        )
    ),
    shifts as (select shift_id, row_number() over (order by brand_id, queue, week_start, slot) - 1 as shift from claim.roster_shifts),
    slots as (
        select queue, slot, row_number() over (order by brand_id, queue, slot) as slot_code
        from (select distinct brand_id, queue, slot from claim.roster_shifts)
    ),
    agents as (
        select agent_id, row_number() over (order by agent_id) - 1 as agent
        from (select distinct agent_id from claim.episode_turns where agent_id is not null)
    )
"""


def read_panel(connection: duckdb.DuckDBPyConnection) -> Panel:
    """The panel of the claim marts, in order of brand, customer and week."""
    rates = [rate for (rate,) in connection.execute("select adstock_rate from run.adstock_rates order by 1").fetchall()]
    reach = _broadcast_reach(connection)
    found: dict[str, Any] = connection.execute(
        f"""
        with {CODED},
        {_levers(reach, rates)}
        select customers.customer, customers.brand, weeks.week, shifts.shift, slots.slot_code as slot, agents.agent,
            panel.n_turns, panel.total_responsiveness, panel.outcome, {_list("panel", PANEL_COLUMNS)},
            {", ".join(f"coalesce(levers.broadcast_{i}, 0) as broadcast_{i}" for i in range(len(rates)))}
        from claim.panel_customer_week as panel
        inner join customers using (customer_id, brand_id)
        inner join weeks using (week_start)
        left join shifts using (shift_id)
        left join slots using (queue, slot)
        left join agents on panel.leave_one_out_agent_id = agents.agent_id
        left join levers using ({_lever_key(reach)})
        order by customers.customer, weeks.week
        """
    ).fetchnumpy()
    span = connection.execute("select min(week_start), max(week_start) from claim.panel_customer_week").fetchone()
    first_week, last_week = span or (None, None)
    return Panel(
        customer=_codes(found["customer"]),
        brand=_codes(found["brand"]),
        week=_codes(found["week"]),
        turns=_floats(found["n_turns"]),
        responsiveness=_floats(found["total_responsiveness"]),
        broadcast={rate: _floats(found[f"broadcast_{i}"]) for i, rate in enumerate(rates)},
        broadcast_reach=reach,
        outcome=_floats(found["outcome"]),
        shift=_codes_or_none(found["shift"], missing=NO_SHIFT),
        slot=_codes_or_none(found["slot"], missing=0),
        columns=_known(found, PANEL_COLUMNS),
        first_week=first_week,
        last_week=last_week,
        agent=_codes_or_none(found["agent"], missing=NO_AGENT),
    )


def read_turns(connection: duckdb.DuckDBPyConnection) -> Turns:
    """The turns of the claim marts, in order of brand, customer and time."""
    levels = _n_severity_levels(connection)
    severities = ", ".join(
        f"{f'(coalesce(turns.severity_rank, 0) = {level})' if level < levels else 'null'}::double as n_severity_{level}"
        for level in range(1, len(SEVERITIES) + 1)
    )
    plain = [name for name in TURN_COLUMNS if name not in SEVERITIES]
    found: dict[str, Any] = connection.execute(
        f"""
        with {CODED}
        select customers.customer, customers.brand, weeks.week, shifts.shift, slots.slot_code as slot, agents.agent,
            turns.responsiveness::double as responsiveness, {_list("turns", plain)}, {severities}
        from claim.episode_turns as turns
        inner join customers using (customer_id, brand_id)
        inner join weeks using (week_start)
        left join shifts using (shift_id)
        left join slots using (queue, slot)
        left join agents using (agent_id)
        order by customers.customer, turns.asked_at, turns.turn_id
        """
    ).fetchnumpy()
    return Turns(
        customer=_codes(found["customer"]),
        brand=_codes(found["brand"]),
        week=_codes(found["week"]),
        shift=_codes_or_none(found["shift"], missing=NO_SHIFT),
        slot=_codes_or_none(found["slot"], missing=0),
        agent=_codes(found["agent"], missing=NO_AGENT),
        responsiveness=_floats(found["responsiveness"]),
        columns=_known(found, TURN_COLUMNS),
    )


def read_service_level_weeks(connection: duckdb.DuckDBPyConnection) -> Floats:
    """(n_brands,) code of the first week with a tighter first-reply target, by the panel's code of the brand; infinite for never."""
    rows = connection.execute(
        f"""
        with {CODED}
        select any_value(changes.week_start) is not null,
            (select count(*) from weeks where weeks.week_start < any_value(changes.week_start))
        from customers
        left join claim.service_level_changes as changes using (brand_id)
        group by customers.brand
        order by customers.brand
        """
    ).fetchall()
    return np.array([float(week) if is_changed else np.inf for is_changed, week in rows])


def read_trial_arms(connection: duckdb.DuckDBPyConnection, planned_shares: Mapping[str, float]) -> list[TrialArms]:
    """The trials whose arms can be compared, in order of source and experiment.

    Args:
        connection: to the build.
        planned_shares: of the first arm, by experiment id; may lack some.
    """
    rows = connection.execute(
        """
        select source_id, experiment_id, lever, unit,
            if(lever = 'broadcast', n_found_control_units, n_found_treated_units),
            if(lever = 'broadcast', n_found_treated_units, n_found_control_units),
            if(lever = 'broadcast', n_control_units, n_treated_units),
            if(lever = 'broadcast', n_treated_units, n_control_units)
        from claim.trials
        where problem is null
        order by source_id, experiment_id
        """
    ).fetchall()
    return [TrialArms(*row, planned_share=planned_shares.get(row[1])) for row in rows]


def read_weekly_costs(connection: duckdb.DuckDBPyConnection, panel: Panel, broadcast_measure: str) -> WeeklyCosts | None:
    """Mean weekly staff costs of both levers, over the panel's weeks in which all of their functions have some.

    Args:
        connection: to the build.
        panel: whose weeks count.
        broadcast_measure: code of what the broadcast lever counts; its senders' costs are taken.

    Returns:
        None without such weeks, in several currencies, or where days per brand are counted, which hours do not scale.
    """
    senders = BROADCAST_FUNCTIONS.get(broadcast_measure)
    if senders is None or panel.first_week is None or panel.last_week is None:
        return None
    rows = connection.execute(
        """
        with costs as (
            select week, function = 'service' as is_service, cost, function, currency
            from input.input_shared__staff_costs
            where deleted_at is null and cost is not null and week between $first and $last
                and (function = 'service' or list_contains($senders, function))
        ),
        whole_weeks as (
            select week from costs group by week having count(distinct function) = 1 + len($senders)
        )
        select
            (sum(cost) filter (where is_service) / count(distinct week))::double,
            (sum(cost) filter (where not is_service) / count(distinct week))::double,
            min(currency),
            count(distinct currency) + count_if(currency is null)
        from costs
        where week in (select week from whole_weeks)
        """,
        {"first": panel.first_week, "last": panel.last_week, "senders": list(senders)},
    ).fetchall()
    service, broadcast, currency, n_currencies = rows[0]
    return WeeklyCosts(service, broadcast, currency) if n_currencies == 1 else None


def _broadcast_reach(connection: duckdb.DuckDBPyConnection) -> BroadcastReach:
    measures = connection.execute("select broadcast_measure from run.analysis_plan").fetchall()
    return "brand" if measures == [("brand_days",)] else "customer"


def _lever_key(reach: BroadcastReach) -> str:
    return "brand_id, week_start" if reach == "brand" else "customer_id, brand_id, week_start"


def _levers(reach: BroadcastReach, rates: list[float]) -> str:
    """CTE with one column per rate; a customer's week without a row had no broadcast."""
    table = "claim.broadcast_weeks" if reach == "brand" else "claim.exposure_customer_week"
    levers = (f"max(log_adstock_broadcast) filter (where adstock_rate = {rate!r}::double) as broadcast_{i}" for i, rate in enumerate(rates))
    return f"levers as (select {_lever_key(reach)}, {', '.join(levers)} from {table} group by {_lever_key(reach)})"


def _n_severity_levels(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select coalesce(max(severity_rank), -1) + 1 from claim.episode_turns").fetchone()
    return row[0] if row else 0


def _list(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"{table}.{name}::double as {name}" for name in names)


def _known(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Floats]:
    """Columns by name, without those that are null everywhere."""
    columns = {name: _floats(found[name]) for name in names}
    return {name: values for name, values in columns.items() if not np.isnan(values).all()}


def _floats(values: Any) -> Floats:
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)


def _codes(values: Any, missing: int = 0) -> Integers:
    return np.ma.filled(np.ma.asarray(values), missing).astype(np.int64)


def _codes_or_none(values: Any, missing: int) -> Integers | None:
    """Codes, or None where no row has one."""
    return None if np.ma.getmaskarray(np.ma.asarray(values)).all() else _codes(values, missing)
