"""Whom a trial can be about: units of the private build database with the ids that the company's systems know."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.errors import ConfigError, LockedError
from pipelines.paths import Home, shown

# The systems of a person's ids, the one that campaigns and help desks act on first.
SYSTEMS = ("crm_contacts", "support_users", "social_accounts")
NO_QUEUE = "(none)"
RECENT_DAYS = 91
CLOSED = ("solved", "closed")


@dataclass(frozen=True)
class SourceId:
    """One id of a unit as its source knows it; `system` is the canonical table."""

    system: str
    source_id: str
    id: str


@dataclass(frozen=True)
class Customer:
    """A resolved customer unit (person or, where the plan says so, company) with all ids that reach it.

    Args:
        key: its smallest identity, or its company where that is the unit; the hash is of it.
        ids: in the order of `SYSTEMS`, then by source and id.
        brands: brands it has dealt with, comma-separated; empty where unknown.
        account: its company, empty where unknown.
    """

    key: str
    ids: tuple[SourceId, ...]
    brands: str = ""
    account: str = ""


@dataclass(frozen=True)
class Ticket:
    """A ticket that may be randomised."""

    source_id: str
    ticket_id: str
    created_at: datetime


@dataclass(frozen=True)
class BuildFacts:
    """Which build was read."""

    run_id: str
    as_of: datetime


@contextmanager
def open_build(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    """The build database, for reading only.

    Raises:
        ConfigError: there is no finished build yet.
        LockedError: a run is writing to it.
    """
    missing = f"{shown(home.build)} holds no build yet, so nobody is known who could be assigned. Run `twoway run` first."
    if not home.build.exists():
        raise ConfigError(missing)
    try:
        connection = duckdb.connect(str(home.build), read_only=True)
    except duckdb.IOException as error:
        raise LockedError(f"{shown(home.build)} is being written by a run. Wait for it to end. ({str(error).splitlines()[0]})") from error
    with connection:
        connection.execute("set TimeZone = 'UTC'")
        needed = {("intermediate", "int_identity__clusters"), ("intermediate", "int_identity__customer_units"), ("core", "fct_tickets")}
        found = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
        if needed - set(found):
            raise ConfigError(missing)
        yield connection


def build_facts(connection: duckdb.DuckDBPyConnection) -> BuildFacts:
    """Run and instant of the build."""
    row = connection.execute("select run_id, as_of from run.context").fetchone()
    assert row is not None
    return BuildFacts(*row)


def customers(connection: duckdb.DuckDBPyConnection) -> list[Customer]:
    """Every customer unit in order of its key. Ids merged away in the CRM are left out where others remain."""
    rows = connection.execute(
        """
        with members as (
            select
                units.customer_unit_id,
                clusters.*
            from intermediate.int_identity__clusters as clusters
            inner join intermediate.int_identity__customer_units as units on clusters.customer_id = units.customer_id
        ),
        persons as (select customer_id from members group by customer_id having bool_or(is_customer)),
        brands as (
            select units.customer_unit_id, string_agg(distinct tickets.brand_id, ',' order by tickets.brand_id) as brands
            from core.fct_tickets as tickets
            inner join intermediate.int_identity__customer_units as units on tickets.customer_id = units.customer_id
            group by all
        ),
        accounts as (
            select units.customer_unit_id, min(accounts.account_source_id || '|' || accounts.account_id) as account
            from intermediate.int_identity__customer_accounts as accounts
            inner join intermediate.int_identity__customer_units as units on accounts.customer_id = units.customer_id
            group by all
        )
        select
            case
                when bool_or(members.customer_unit_id <> members.customer_id)
                    then 'crm_accounts|' || any_value(accounts.account)
                else min(members.node)
            end as key,
            list({'system': members.system, 'source_id': members.source_id, 'id': members.id}
                order by list_position(?, members.system), members.source_id, members.id)
                filter (where not members.is_merged_away or members.n_alive = 0) as ids,
            coalesce(any_value(brands.brands), '') as brands,
            coalesce(any_value(accounts.account), '') as account
        from (
            select *, count(*) filter (where not is_merged_away) over (partition by customer_unit_id) as n_alive
            from members semi join persons on members.customer_id = persons.customer_id
        ) as members
        left join brands on members.customer_unit_id = brands.customer_unit_id
        left join accounts on members.customer_unit_id = accounts.customer_unit_id
        group by members.customer_unit_id
        order by key
        """,
        [list(SYSTEMS)],
    ).fetchall()
    return [Customer(key, tuple(SourceId(**each) for each in ids), brands, account) for key, ids, brands, account in rows]


def open_tickets(connection: duckdb.DuckDBPyConnection) -> list[Ticket]:
    """Tickets that are neither solved nor closed and that count, in order of their ids."""
    return _tickets(connection, f"exclusion_reason is null and coalesce(status, 'open') not in {CLOSED}", [])


def tickets_since(connection: duckdb.DuckDBPyConnection, since: datetime) -> list[Ticket]:
    """All tickets created from an instant on, in order of their ids; whether one counts is for the analysis to say."""
    return _tickets(connection, "created_at >= ?", [since])


def _tickets(connection: duckdb.DuckDBPyConnection, condition: str, parameters: list[object]) -> list[Ticket]:
    rows = connection.execute(
        f"select source_id, ticket_id, created_at from core.fct_tickets where {condition} order by source_id, ticket_id", parameters
    ).fetchall()
    return [Ticket(*row) for row in rows]


def desks(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Brand, its time zone and queue of the desks that had tickets in the build's last 13 weeks."""
    return connection.execute(
        """
        select distinct tickets.brand_id, brands.time_zone, coalesce(tickets.queue, ?) as queue
        from core.fct_tickets as tickets
        inner join core.dim_brand as brands on tickets.brand_id = brands.brand_id
        cross join run.context
        where tickets.created_at > context.as_of - to_days(?) and tickets.exclusion_reason is null
        order by all
        """,
        [NO_QUEUE, RECENT_DAYS],
    ).fetchall()
