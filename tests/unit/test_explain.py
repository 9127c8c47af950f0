"""The workings behind `twoway explain`: clocks, turns and waits from a timeline, and their words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.explain.example import load_company
from pipelines.explain.measures import Measure, Workings, gaps, turns_of
from pipelines.explain.snapshot import PublishedTicket
from pipelines.explain.ticket_text import explain_ticket
from pipelines.explain.timeline import BusinessClock, FieldInterval, Message, Span, Timeline
from pipelines.explain.words import arithmetic, clock_time, duration, printable

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def at(hour: float, day: int = 1) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC) + timedelta(hours=hour)


def message(name: str, hour: float, kind: str = "customer", asker: str = "c1", **other: Any) -> Message:
    return Message(name, at(hour), kind, asker, **{"is_public": True, **other})


def intervals(field: str, *steps: tuple[str | None, float], end: datetime | None = None) -> list[FieldInterval]:
    """A field's history from (value, hour) steps."""
    found = []
    for number, (value, hour) in enumerate(steps, start=1):
        before = steps[number - 2][0] if number > 1 else None
        found.append(FieldInterval(field, number, value, before, at(hour), at(steps[number][1]) if number < len(steps) else end))
    return found


def timeline(*messages: Message, history: list[FieldInterval] | None = None, reason: str | None = None, **other: Any) -> Timeline:
    return Timeline(at(0), at(24), reason, messages, history or [], **other)


def values(workings: Workings) -> dict[str, Any]:
    return {measure.column: measure.value for measure in workings.measures()}


def test_a_further_message_does_not_restart_a_turn_and_another_customer_opens_one() -> None:
    turns = turns_of(
        timeline(
            message("m1", 1),
            message("m2", 2),
            message("m3", 3, asker="c2"),
            message("m4", 4, "bot", "b"),
            message("m5", 5, "human_agent", "a"),
            message("m6", 6),
        )
    )
    assert [(turn.ask.message_id, turn.human_reply and turn.human_reply.message_id) for turn in turns] == [
        ("m1", "m5"),
        ("m3", "m5"),
        ("m6", None),
    ]
    assert [turn.any_reply and turn.any_reply.message_id for turn in turns] == ["m4", "m4", None]


def test_private_notes_and_what_was_sent_after_the_end_of_observation_count_for_nothing() -> None:
    workings = Workings(
        timeline(
            message("m1", 1),
            message("m2", 2, "human_agent", "a", is_public=False),
            message("m3", 3, "system", "s"),
            message("m4", 30, "human_agent", "a", is_observed=False),
        )
    )
    assert values(workings)["first_human_reply_calendar_seconds"] is None
    assert values(workings)["n_public_human_replies"] == 0


def test_a_reply_at_the_instant_of_the_ask_counts_if_its_id_is_later() -> None:
    later = Workings(timeline(message("m1", 1), message("m2", 1, "human_agent", "a")))
    earlier = Workings(timeline(message("a0", 1, "human_agent", "a"), message("m1", 1)))
    assert values(later)["first_human_reply_calendar_seconds"] == timedelta(0)
    assert values(earlier)["first_human_reply_calendar_seconds"] is None


def test_business_time_follows_the_schedule_in_force() -> None:
    early, late = [Span(at(-4), at(-3)), Span(at(8), at(10))], [Span(at(11), at(13))]
    clock = BusinessClock(
        timeline(history=intervals("schedule_id", ("early", 0), ("late", 9), (None, 12)), open_intervals={"early": early, "late": late})
    )
    assert clock.open_parts(Span(at(0), at(24))) == [Span(at(8), at(9)), Span(at(11), at(12))]
    assert clock.open_parts(Span(at(12), at(13))) is None
    assert clock.open_parts(Span(at(5), at(5))) == []
    # The first schedule also holds for what came before the ticket.
    assert clock.open_parts(Span(at(-5), at(8.5))) == [Span(at(-4), at(-3)), Span(at(8), at(8.5))]


def test_a_ticket_without_a_schedule_has_no_business_time() -> None:
    workings = Workings(timeline(message("m1", 1), message("m2", 2, "human_agent", "a"), history=intervals("status", ("open", 0))))
    assert {value for column, value in values(workings).items() if column.endswith("_business_seconds")} == {None}


def test_waits_stop_at_solved_run_again_from_a_reopen_and_end_at_closed() -> None:
    steps = ("new", 0), ("open", 1), ("pending", 3), ("solved", 6), ("hold", 10), ("closed", 15), ("open", 16)
    found = values(Workings(timeline(history=intervals("status", *steps))))
    assert found["requester_wait_calendar_seconds"] == timedelta(hours=1 + 2 + 5)
    assert found["agent_wait_calendar_seconds"] == timedelta(hours=3)
    assert found["first_resolution_calendar_seconds"] == timedelta(hours=6)
    assert found["full_resolution_calendar_seconds"] is None
    assert found["n_reopens"] == 1


def test_a_ticket_closed_without_solving_resolves_at_closing() -> None:
    found = values(Workings(timeline(history=intervals("status", ("open", 0), ("closed", 4)))))
    assert found["first_resolution_calendar_seconds"] == found["full_resolution_calendar_seconds"] == timedelta(hours=4)
    assert found["touch_kind"] == "no_touch"


def test_unassigned_time_counts_only_while_somebody_waits() -> None:
    status = intervals("status", ("open", 0), ("solved", 10), ("open", 20))
    assignee = intervals("assignee_id", (None, 0), ("ann", 2), (None, 8), ("bob", 22))
    found = values(Workings(timeline(history=[*status, *assignee])))
    assert found["unassigned_calendar_seconds"] == timedelta(hours=2 + 2 + 2)
    assert (found["n_handoffs"], found["n_assignee_stations"]) == (0, 2)


@pytest.mark.parametrize("reason", ["deleted", "spam", "test", "merged"])
def test_what_is_out_of_all_metrics_has_none(reason: str) -> None:
    assert Workings(timeline(message("m1", 1), message("m2", 2, "human_agent", "a"), reason=reason)).measures() == []


def test_the_company_s_own_tickets_have_waits_but_no_reply_times() -> None:
    found = values(Workings(timeline(message("m1", 1), message("m2", 2, "human_agent", "a"), reason="company_opened")))
    assert found["first_human_reply_calendar_seconds"] is None
    assert "n_turns" not in found
    assert found["requester_wait_calendar_seconds"] == timedelta(0)


def test_a_span_across_the_clock_change_is_an_hour_shorter_than_it_looks() -> None:
    span = Span(datetime(2026, 3, 29, 1, tzinfo=BERLIN).astimezone(UTC), datetime(2026, 3, 29, 4, tzinfo=BERLIN).astimezone(UTC))
    assert duration(span.length) == "2 h"
    repeated = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert [clock_time(repeated + timedelta(hours=hour), BERLIN) for hour in range(3)] == ["02:30 (+0200)", "02:30 (+0100)", "03:30"]


def test_durations_are_exact() -> None:
    assert duration(timedelta(0)) == "0 s"
    assert duration(timedelta(days=1, hours=3, minutes=12, seconds=5, microseconds=250_000)) == "1 d 3 h 12 min 5.25 s"
    assert duration(timedelta(days=2)) == "2 d"


def test_arithmetic_names_what_was_added_up() -> None:
    spans = [Span(at(8), at(9)), Span(at(10), at(12)), Span(at(13), at(13.5))]
    lengths = [span.length for span in spans]
    measure = Measure("w", "w_calendar_seconds", sum(lengths, timedelta(0)), spans, lengths)
    assert arithmetic(measure, ZoneInfo("UTC")) == "1 h + 2 h + 30 min"
    business = Measure("w", "w_business_seconds", timedelta(hours=3), spans[:1], lengths[:1], [Span(at(8.25), at(8.5))])
    assert arithmetic(business, ZoneInfo("UTC")) == "08:00 → 09:00, closed 08:15 to 08:30"


def test_gaps_are_what_parts_leave_uncovered() -> None:
    assert gaps(Span(at(0), at(10)), [Span(at(0), at(2)), Span(at(3), at(4))]) == [Span(at(2), at(3)), Span(at(4), at(10))]
    assert gaps(Span(at(0), at(1)), []) == [Span(at(0), at(1))]


def test_hostile_ids_can_not_steer_a_terminal() -> None:
    assert printable("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
    assert printable("Zürich 東京") == "Zürich 東京"


def _published(**tampered: Any) -> PublishedTicket:
    """The example's ticket with the values that its own workings give, but for those tampered with."""
    ticket = load_company().ticket("101")
    row: dict[str, Any] = {
        **dict.fromkeys(("customer_id", "queue", "survivor_ticket_id", "merged_into_ticket_id")),
        **ticket.row,
        "source_id": "s",
    }
    for measure in Workings(ticket.timeline).measures():
        row[measure.column] = measure.value.total_seconds() if isinstance(measure.value, timedelta) else measure.value
    return PublishedTicket({**row, **tampered}, ticket.zone, ticket.timeline, [])


def test_a_published_value_that_differs_is_shown_as_such() -> None:
    assert explain_ticket(_published(), []).differing == []
    wrong = explain_ticket(_published(n_reopens=2, first_human_reply_business_seconds=7920.000002), [])
    assert [measure.column for measure in wrong.differing] == ["first_human_reply_business_seconds", "n_reopens"]
    assert wrong.text.count("≠") == 3
    assert "2 of 31 measures differ" in wrong.text


def test_the_text_of_a_ticket_escapes_what_came_from_data() -> None:
    text = explain_ticket(_published(source_url="https://x\x1b]0;owned\x07", ticket_id="1\x1b[2J"), []).text
    assert "\x1b" not in text
    assert "\x07" not in text
