"""Scores beside the raw layer: whose texts, which version, once a text, and the way into the marts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from pipelines.warmth import step
from pipelines.warmth.scorer import SCORER_VERSION, score
from tests.warehouse import CompiledProject, Rows, Warehouse

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
WARM = "Thank you so much for writing, I am sorry about this."
COLD = "You should have read the manual before. Not our problem."
GERMAN = "Vielen Dank für Ihre Nachricht, wir kümmern uns darum."


def _at(hour: int) -> datetime:
    return datetime(2025, 3, 3, hour, tzinfo=UTC)


def _message(message_id: str, author_id: str, body: str | None, **more: Any) -> dict[str, Any]:
    message = {"message_id": message_id, "ticket_id": "t1", "author_id": author_id, "sent_at": _at(12), "is_public": True, "body": body}
    return {**message, "updated_at": _at(12), "deleted_at": None, **more}


MESSAGES = [
    _message("asked", "k1", "Thank you for any help", sent_at=_at(9)),
    _message("warm", "a1", WARM),
    _message("same", "a1", WARM, ticket_id="t2"),
    _message("cold", "a1", COLD),
    _message("german", "a1", GERMAN),
    _message("short", "a1", "Done."),
    _message("quote", "a1", "> Thank you so much for writing"),
    _message("silent", "a1", None),
    _message("edited", "a1", COLD, updated_at=_at(12)),
    _message("edited", "a1", WARM, updated_at=_at(13)),
    _message("note", "a1", WARM, is_public=False),
    _message("deleted", "a1", WARM, deleted_at=_at(14)),
    _message("machine", "bot", WARM),
    # Left the staff since; was on it when this was written.
    _message("former", "a2", WARM, ticket_id="t2"),
]
ROWS: dict[str, Rows] = {
    "brands": [{"brand_id": "b", "name": "B", "time_zone": "UTC", "observed_until": datetime(2025, 12, 1, tzinfo=UTC)}],
    "support_users": [
        {"user_id": "a1", "role": "agent", "is_bot": False},
        {"user_id": "a2", "role": "customer", "is_bot": False},
        {"user_id": "bot", "role": "agent", "is_bot": True},
        {"user_id": "k1", "role": "customer", "is_bot": False},
        {"user_id": "k2", "role": "customer", "is_bot": False},
    ],
    "support_user_role_changes": [{"user_id": "a2", "changed_at": datetime(2025, 6, 1, tzinfo=UTC), "new_role": "customer"}],
    "support_tickets": [
        {"ticket_id": ticket, "created_at": _at(9), "requester_id": customer, "brand_id": "b", "status": "open"}
        for ticket, customer in (("t1", "k1"), ("t2", "k2"))
    ],
    "support_messages": MESSAGES,
    "social_accounts": [{"account_id": "acc", "is_brand": True, "brand_id": "b"}, {"account_id": "fan", "is_brand": False}],
    "social_posts": [
        {
            "post_id": "warm",
            "account_id": "fan",
            "created_at": _at(9),
            "text": "Thank you for nothing at all",
            "mentioned_account_ids": ["acc"],
        },
        {"post_id": "german", "account_id": "acc", "created_at": _at(10), "text": COLD, "in_reply_to_post_id": "warm"},
    ],
}
EXPECTED = {
    ("support_messages", "warm"): "scored",
    ("support_messages", "same"): "scored",
    ("support_messages", "cold"): "scored",
    ("support_messages", "german"): "language_not_scored",
    ("support_messages", "short"): "too_short",
    ("support_messages", "quote"): "empty",
    ("support_messages", "edited"): "scored",
    ("support_messages", "former"): "scored",
    ("social_posts", "german"): "scored",
}


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject) -> Iterator[Warehouse]:
    with Warehouse(compiled_project, "agent_warmth", "agent_customer_warmth", "fct_messages") as built:
        yield built


def _fill(warehouse: Warehouse, messages: list[dict[str, Any]]) -> None:
    warehouse.fill({**ROWS, "support_messages": messages}, AS_OF)


def _rebuild(warehouse: Warehouse) -> int:
    n_texts = step.write_message_warmth(warehouse.connection)
    warehouse.build()
    return n_texts


def _scores(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(f"select system, message_id, warmth, status, scorer_version from {step.SCORES} order by all").fetchall()


def test_public_texts_of_staff_and_brands_are_scored_in_their_newest_version(warehouse: Warehouse) -> None:
    _fill(warehouse, MESSAGES)
    _rebuild(warehouse)
    scores = {(system, message_id): (warmth, status) for system, message_id, warmth, status, _ in _scores(warehouse.connection)}
    assert {key: status for key, (_, status) in scores.items()} == EXPECTED
    assert scores["support_messages", "edited"][0] == scores["support_messages", "warm"][0] == score(WARM).warmth
    assert scores["social_posts", "german"][0] == score(COLD).warmth
    assert {version for *_, version in _scores(warehouse.connection)} == {SCORER_VERSION}


def test_the_order_of_rows_and_an_earlier_run_change_nothing(warehouse: Warehouse) -> None:
    _fill(warehouse, MESSAGES)
    warehouse.connection.execute("drop table if exists state.warmth_texts")
    assert _rebuild(warehouse) == 5
    first = _scores(warehouse.connection)
    marts = warehouse.connection.execute("from claim.agent_customer_warmth order by all").fetchall()
    _fill(warehouse, MESSAGES[::-1])
    assert _rebuild(warehouse) == 0
    assert _scores(warehouse.connection) == first
    assert warehouse.connection.execute("from claim.agent_customer_warmth order by all").fetchall() == marts


def test_only_new_texts_are_scored_and_gone_texts_are_forgotten(warehouse: Warehouse) -> None:
    _fill(warehouse, MESSAGES)
    _rebuild(warehouse)
    _fill(
        warehouse,
        [*[message for message in MESSAGES if message["message_id"] != "german"], _message("new", "a1", "We are glad it works now.")],
    )
    assert _rebuild(warehouse) == 1
    kept = warehouse.connection.execute(
        "select count(*), count(*) filter (status = 'language_not_scored') from state.warmth_texts"
    ).fetchone()
    assert kept == (5, 0)


def test_another_scorer_scores_everything_anew(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(warehouse, MESSAGES)
    _rebuild(warehouse)
    monkeypatch.setattr(step, "fingerprint", lambda: "another")
    assert _rebuild(warehouse) == 5


def test_many_texts_are_scored_in_batches(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "TEXTS_A_BATCH", 2)
    _fill(warehouse, MESSAGES)
    warehouse.connection.execute("drop table if exists state.warmth_texts")
    assert _rebuild(warehouse) == 5
    assert len(_scores(warehouse.connection)) == len(EXPECTED)


def test_an_agents_warmth_leaves_out_the_customers_own_replies(warehouse: Warehouse) -> None:
    _fill(warehouse, MESSAGES)
    _rebuild(warehouse)
    agents = warehouse.connection.execute(
        "select n_replies, n_scored_replies, n_too_short_replies, n_language_not_scored_replies, n_empty_replies, n_no_text_replies,"
        " is_brand_account from claim.agent_warmth order by n_replies desc, is_brand_account"
    ).fetchall()
    assert agents == [(8, 4, 1, 1, 1, 1, False), (1, 1, 0, 0, 0, 0, False), (1, 1, 0, 0, 0, 0, True)]
    left_out = warehouse.connection.execute(
        "select n_scored_replies, n_other_scored_replies, leave_one_out_mean_warmth from claim.agent_customer_warmth"
        " order by n_scored_replies desc, n_other_scored_replies desc"
    ).fetchall()
    warm, cold = score(WARM).warmth, score(COLD).warmth
    assert warm is not None
    assert cold is not None
    assert left_out[0] == (3, 1, pytest.approx(warm, abs=1e-9))
    assert left_out[1] == (1, 3, pytest.approx((2 * warm + cold) / 3, abs=1e-9))
    assert left_out[2:] == [(1, 0, None), (1, 0, None)]


def test_without_texts_nothing_is_scored_and_every_reply_is_still_counted(warehouse: Warehouse) -> None:
    _fill(warehouse, [{**message, "body": None} for message in MESSAGES])
    warehouse.fill({table: rows for table, rows in ROWS.items() if not table.startswith("social")} | {
        "support_messages": [{**message, "body": None} for message in MESSAGES]
    }, AS_OF)  # fmt: skip
    assert _rebuild(warehouse) == 0
    assert _scores(warehouse.connection) == []
    assert warehouse.connection.execute(
        "select sum(n_replies), sum(n_no_text_replies), max(mean_warmth) from claim.agent_warmth"
    ).fetchone() == (9, 9, None)
