"""What must hold for the times of any company, and what a change to the company must not do to them."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.companies import AS_OF, AUTHORS, STEP, Company, Message, Ticket, beside_each_other, companies, holidays
from tests.warehouse import CompiledProject, Warehouse

# One example is several companies: most of its cost is the same for one and for ten.
few = settings(
    max_examples=14, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
several = st.lists(companies(), min_size=4, max_size=12)

Row = dict[str, Any]
Facts = dict[tuple[str, ...], Row]
Change = Callable[[Company], Company]


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject) -> Iterator[Warehouse]:
    with Warehouse(compiled_project, "fct_tickets", "fct_response_turns") as built:
        yield built


def facts(warehouse: Warehouse, table: str, key: str) -> Facts:
    """Rows of a mart by source and key."""
    return {(row["source_id"], row[key]): row for row in warehouse.frame(f"select * from core.{table}").iter_rows(named=True)}


class Measured:
    """The marts of companies and of their changed twins, which stand beside each other as sources of one warehouse."""

    def __init__(
        self, warehouse: Warehouse, before: Sequence[Company], after: Sequence[Company] = (), shuffled_by: random.Random | None = None
    ) -> None:
        tables = [company.tables(f"before {number}") for number, company in enumerate(before)]
        tables += [company.tables(f"after {number}", shuffled_by) for number, company in enumerate(after)]
        warehouse.fill(beside_each_other(*tables), AS_OF)
        self.tickets = facts(warehouse, "fct_tickets", "ticket_id")
        self.turns = facts(warehouse, "fct_response_turns", "turn_id")
        assert len(self.tickets) == sum(len(company.tickets) for company in (*before, *after))

    def ticket_pairs(self) -> Iterator[tuple[Row, Row]]:
        """Each ticket before and after the change."""
        for (source_id, ticket_id), row in self.tickets.items():
            if source_id.startswith("before"):
                yield row, self.tickets[source_id.replace("before", "after"), ticket_id]

    def turn_pairs(self) -> Iterator[tuple[Row, Row | None]]:
        """Each turn before and after the change; None if it is gone."""
        for (source_id, turn_id), row in self.turns.items():
            if source_id.startswith("before"):
                after = source_id.replace("before", "after")
                yield row, self.turns.get((after, turn_id.replace(source_id, after)))

    def n_turns(self, when: str) -> int:
        return sum(source_id.startswith(when) for source_id, _ in self.turns)


def content(row: Row | None, *name_parts: str) -> Row:
    """A row without what names its source, or only its columns whose names hold one of the parts; nothing of no row."""
    names = {"source_id", "customer_id", "turn_id", "conversation_id", "human_replier_id", "assignee_id", "source_url"}
    return {
        name: value
        for name, value in (row or {}).items()
        if name not in names and (not name_parts or any(part in name for part in name_parts))
    }


def assert_nothing_changed(measured: Measured) -> None:
    for before, after in measured.ticket_pairs():
        assert content(after) == content(before)
    for before, after in measured.turn_pairs():
        assert content(after) == content(before)
    assert measured.n_turns("after") == measured.n_turns("before")


def with_messages(company: Company, message_of: Callable[[Ticket], Message | None]) -> Company:
    """The company with one more message on each ticket that gets one."""
    added = ((ticket, message_of(ticket)) for ticket in company.tickets)
    return replace(company, tickets=tuple(ticket.with_message(message) if message else ticket for ticket, message in added))


# What holds for any company.


def assert_no_time_is_negative(row: Row) -> None:
    assert {name: value for name, value in row.items() if name.endswith("_seconds") and value is not None and value < 0} == {}


def assert_business_time_is_at_most_calendar_time(row: Row) -> None:
    for name, business in row.items():
        # A mean over the turns that had a schedule may well exceed the mean over all.
        if name.endswith("_business_seconds") and business is not None and not name.startswith("mean_"):
            calendar = row[name.replace("_business_", "_calendar_")]
            assert calendar is not None, name
            assert business <= calendar, name


def assert_any_reply_is_at_most_the_human_one(row: Row) -> None:
    for name, human in row.items():
        if human is not None and name.startswith(("first_human_reply_", "human_wait_", "human_replied_at")):
            any_reply = row[name.replace("human", "any")]
            assert any_reply is not None, name
            assert any_reply <= human, name


@few
@given(several)
def test_no_time_is_negative_and_no_business_or_any_clock_runs_ahead(warehouse: Warehouse, drawn: list[Company]) -> None:
    measured = Measured(warehouse, drawn)
    for row in (*measured.tickets.values(), *measured.turns.values()):
        assert_no_time_is_negative(row)
        assert_business_time_is_at_most_calendar_time(row)
        assert_any_reply_is_at_most_the_human_one(row)


# What a change must not do.


@few
@given(several, st.sampled_from(AUTHORS), st.integers(-2, 300), st.sampled_from(((False, None), (False, True), (True, True))))
def test_a_private_note_changes_nothing(
    warehouse: Warehouse, drawn: list[Company], author: str, steps: int, kind: tuple[bool, bool | None]
) -> None:
    noted = [with_messages(company, lambda ticket: Message("4x", author, ticket.created_at + steps * STEP, *kind)) for company in drawn]
    assert_nothing_changed(Measured(warehouse, drawn, noted))


@few
@given(several, st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(warehouse: Warehouse, drawn: list[Company], seed: int) -> None:
    assert_nothing_changed(Measured(warehouse, drawn, drawn, shuffled_by=random.Random(seed)))


@few
@given(several, st.sampled_from(("9", "é", "-", "T")))
def test_other_ids_of_tickets_change_no_value(warehouse: Warehouse, drawn: list[Company], prefix: str) -> None:
    def renamed(company: Company) -> Company:
        ids = [f"{prefix}{9 - number}" for number in range(len(company.tickets))]
        return replace(company, tickets=tuple(replace(ticket, ticket_id=name) for ticket, name in zip(company.tickets, ids, strict=True)))

    measured = Measured(warehouse, drawn, [renamed(company) for company in drawn])
    for number, company in enumerate(drawn):
        for old, new in zip(company.tickets, renamed(company).tickets, strict=True):
            before = measured.tickets[f"before {number}", old.ticket_id]
            after = measured.tickets[f"after {number}", new.ticket_id]
            assert content(after) == {**content(before), "ticket_id": new.ticket_id}


@few
@given(several, holidays())
def test_a_holiday_never_lengthens_business_time(warehouse: Warehouse, drawn: list[Company], holiday: tuple[str, date]) -> None:
    measured = Measured(warehouse, drawn, [replace(company, holidays=company.holidays | {holiday}) for company in drawn])
    for before, after in (*measured.ticket_pairs(), *measured.turn_pairs()):
        assert after is not None
        for name, value in before.items():
            if not name.endswith("_business_seconds"):
                assert name not in content(before) or after[name] == value, name
            elif value is None:
                assert after[name] is None, name
            else:
                assert after[name] <= value, name


@few
@given(several, st.integers(0, 300))
def test_a_bots_message_never_changes_the_human_clock(warehouse: Warehouse, drawn: list[Company], steps: int) -> None:
    # A bot that writes first opens the ticket, which is a different case.
    def greeted(company: Company) -> Company:
        return with_messages(company, lambda ticket: Message("zz", "bot", ticket.asked_at + steps * STEP) if ticket.asked_at else None)

    measured = Measured(warehouse, drawn, [greeted(company) for company in drawn])
    unheard = ("human", "resolution", "wait_", "n_", "exclusion", "asked_at", "censored")
    for before, after in measured.ticket_pairs():
        assert content(after, *unheard) == content(before, *unheard)
    for before, after in measured.turn_pairs():
        assert content(after, "human", "asked_at", "number", "censored") == content(before, "human", "asked_at", "number", "censored")
    assert measured.n_turns("after") == measured.n_turns("before")


@few
@given(several, st.sampled_from(AUTHORS), st.integers(0, 100))
def test_a_later_message_never_changes_an_earlier_reply(warehouse: Warehouse, drawn: list[Company], author: str, steps: int) -> None:
    def followed(company: Company) -> Company:
        return with_messages(company, lambda ticket: Message("zz", author, ticket.last_at + steps * STEP) if ticket.messages else None)

    measured = Measured(warehouse, drawn, [followed(company) for company in drawn])
    for actor in ("human", "any"):
        for before, after in measured.ticket_pairs():
            if before[f"first_{actor}_reply_calendar_seconds"] is not None:
                assert content(after, f"first_{actor}_reply") == content(before, f"first_{actor}_reply")
        for before, after in measured.turn_pairs():
            if before[f"{actor}_replied_at"] is not None:
                assert content(after, f"{actor}_", "asked_at", "number") == content(before, f"{actor}_", "asked_at", "number")
