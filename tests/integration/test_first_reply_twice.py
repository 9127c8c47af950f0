"""First replies three times: the tickets' columns, the first turn of each ticket, and polars from the raw rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tests.warehouse import CompiledProject, Warehouse

SEED = 20260302
N_TICKETS = 160_000
N_USERS = 6_000
START = datetime(2025, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=60)
# The third brand is observed to the end; tickets without a brand can't be any one brand's.
OBSERVED_UNTIL = {"b1": START + timedelta(days=50), "b2": START + timedelta(days=30), "b3": None}

MESSAGE = ["ticket_id", "message_id"]
REPLIES = ["first_human_reply_calendar_seconds", "first_any_reply_calendar_seconds"]

Tables = dict[str, pl.DataFrame]


# What is drawn.


def instants(minutes: np.ndarray) -> pl.Series:
    """Instants on a coarse grid, so that many are the same."""
    return (pl.Series(minutes, dtype=pl.Int64) * 60_000_000 + int(START.timestamp()) * 1_000_000).cast(pl.Datetime("us", "UTC"))


def sometimes(rng: np.random.Generator, n: int, chance: float, column: str) -> pl.Expr:
    """The column with this chance, else NULL."""
    return pl.when(pl.Series(rng.random(n) < chance)).then(pl.col(column)).alias(column)


def flags(rng: np.random.Generator, n: int, true: float, null: float) -> pl.Series:
    """Booleans, some of them NULL."""
    drawn = rng.random(n)
    return pl.select(pl.when(pl.Series(drawn) < true).then(True).when(pl.Series(drawn) < 1 - null).then(False)).to_series()


def drawn_users(rng: np.random.Generator) -> pl.DataFrame:
    """Users of whom one in twelve is not listed."""
    role = rng.choice(["customer", "agent", "admin", "system", "unknown"], N_USERS, p=[0.7, 0.22, 0.03, 0.02, 0.03])
    users = pl.DataFrame({"user_id": [f"u{i}" for i in range(N_USERS)], "role": role, "is_bot": flags(rng, N_USERS, 0.06, 0.5)})
    return users.filter(pl.Series(np.arange(N_USERS) % 12 > 0))


def drawn_role_changes(rng: np.random.Generator, messages: pl.DataFrame) -> pl.DataFrame:
    """Changes to and fro at instants at which the user writes; some were deleted."""
    drawn = messages.sample(N_USERS // 4, seed=SEED).select(user_id="author_id", changed_at="sent_at", deleted_at="sent_at")
    roles = rng.choice(["customer", "agent", "admin", "system", "unknown"], drawn.height, p=[0.3, 0.4, 0.1, 0.1, 0.1])
    changes = drawn.with_columns(sometimes(rng, drawn.height, 0.05, "deleted_at"), new_role=pl.Series(roles))
    return changes.unique(["user_id", "changed_at"], keep="first", maintain_order=True)


def drawn_tickets(rng: np.random.Generator) -> pl.DataFrame:
    number = np.arange(N_TICKETS)
    # Some are written to at the very instant at which observation ends.
    created = np.where(
        rng.random(N_TICKETS) < 0.05, rng.choice([30, 50], N_TICKETS) * 24 * 60, rng.integers(0, 58 * 24 * 2, N_TICKETS) * 30
    )
    created_at = instants(created)
    return pl.DataFrame(
        {
            "ticket_id": [f"t{i}" for i in number],
            "created_at": created_at,
            "requester_id": [f"u{i}" for i in rng.integers(0, N_USERS, N_TICKETS)],
            "brand_id": pl.Series(rng.choice(["b1", "b2", "b3", ""], N_TICKETS)).replace("", None),
            "merged_into_ticket_id": [f"t{i}" for i in rng.integers(0, N_TICKETS, N_TICKETS)],
            "is_proactive": flags(rng, N_TICKETS, 0.05, 0.5),
            "is_spam": flags(rng, N_TICKETS, 0.02, 0.5),
            "is_test": flags(rng, N_TICKETS, 0.02, 0.5),
            "schedule_id": ["night"] * N_TICKETS,
            "deleted_at": created_at,
        }
    ).with_columns(
        sometimes(rng, N_TICKETS, 0.04, "merged_into_ticket_id"),
        sometimes(rng, N_TICKETS, 0.2, "schedule_id"),
        sometimes(rng, N_TICKETS, 0.02, "deleted_at"),
    )


def drawn_messages(rng: np.random.Generator, tickets: pl.DataFrame) -> pl.DataFrame:
    """Messages in no order, with ids whose order is not that of time; one in a hundred came in two versions."""
    n = N_TICKETS * 5
    ticket = rng.integers(0, N_TICKETS, n)
    created = tickets["created_at"].cast(pl.Int64).to_numpy()[ticket]
    sent = created + rng.choice([-15, 0, 0, 0, 15, 15, 30, 45, 60, 24 * 60], n) * 60_000_000
    by_requester = rng.random(n) < 0.4
    requester = tickets["requester_id"].to_numpy()[ticket]
    anyone = np.array([f"u{i}" for i in rng.integers(0, N_USERS, n)], dtype=object)
    ids = rng.permutation(n)
    sent_at = pl.Series(sent).cast(pl.Datetime("us", "UTC"))
    messages = pl.DataFrame(
        {
            "message_id": [f"{'é' if i % 7 == 0 else 'm'}{i}" for i in ids],
            "ticket_id": [f"t{i}" for i in ticket],
            "author_id": np.where(by_requester, requester, anyone),
            "sent_at": sent_at,
            "is_public": rng.random(n) < 0.8,
            "is_side_conversation": flags(rng, n, 0.05, 0.5),
            "updated_at": sent_at,
            "deleted_at": sent_at,
        }
    ).with_columns(sometimes(rng, n, 0.03, "deleted_at"), sometimes(rng, n, 0.5, "updated_at"))
    older = messages.sample(fraction=0.01, seed=SEED).with_columns(
        is_public=~pl.col("is_public"),
        sent_at=pl.col("sent_at") - pl.duration(minutes=15),
        updated_at=pl.col("updated_at") - pl.duration(minutes=1),
        deleted_at=pl.lit(None, pl.Datetime("us", "UTC")),
    )
    # Of versions with the same updated_at, or with none, the later row is the newer one.
    return pl.concat([older, messages])


@pytest.fixture(scope="module")
def company() -> Tables:
    """A company with everything that spoils first replies."""
    rng = np.random.default_rng(SEED)
    tickets = drawn_tickets(rng)
    messages = drawn_messages(rng, tickets)
    return {
        "support_users": drawn_users(rng),
        "support_user_role_changes": drawn_role_changes(rng, messages),
        "support_tickets": tickets,
        "support_messages": messages,
        "brands": pl.DataFrame({"brand_id": list(OBSERVED_UNTIL), "observed_until": list(OBSERVED_UNTIL.values())}),
        "support_schedules": pl.DataFrame(
            {
                "schedule_id": ["night"] * 7,
                "time_zone": ["Europe/Berlin"] * 7,
                "weekday": list(range(1, 8)),
                "opens_at": ["20:00"] * 7,
                "closes_at": ["30:00"] * 7,
            }
        ),
    }


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject, company: Tables) -> Iterator[Warehouse]:
    with Warehouse(compiled_project, "fct_tickets", "fct_response_turns", threads=2) as built:
        built.fill(company, AS_OF)
        yield built


# The law in polars.


def actor_at(events: pl.LazyFrame, user: str, at: str, tables: Tables) -> pl.LazyFrame:
    """Adds `actor`: `customer`, `human`, `bot`, `system` or `unknown`, by the user's role at the instant of the event."""
    changes = tables["support_user_role_changes"].lazy().filter(pl.col("deleted_at").is_null()).sort("changed_at")
    first = changes.group_by("user_id", maintain_order=True).first().select("user_id", first_role="new_role")
    asked = tables["support_tickets"].lazy().select(user_id="requester_id", asks=pl.lit(True)).unique()
    users = tables["support_users"].lazy().select("user_id", "role", "is_bot")
    role_before = (
        pl.when(pl.col("first_role").is_in(["agent", "admin"]))
        .then(pl.lit("customer"))
        .when(pl.col("first_role") == "customer")
        .then(pl.lit("agent"))
    )
    listed = pl.coalesce("role", pl.when(pl.col("asks")).then(pl.lit("customer")))
    role = pl.coalesce("new_role", role_before, listed)
    return (
        events.sort(at)
        .join_asof(
            changes.select("user_id", "changed_at", "new_role"),
            left_on=at,
            right_on="changed_at",
            by_left=user,
            by_right="user_id",
            check_sortedness=False,
        )
        .join(first, left_on=user, right_on="user_id", how="left")
        .join(users, left_on=user, right_on="user_id", how="left")
        .join(asked, left_on=user, right_on="user_id", how="left")
        .with_columns(
            actor=pl.when(pl.col("is_bot"))
            .then(pl.lit("bot"))
            .otherwise(role.replace({"agent": "human", "admin": "human"}).fill_null("unknown"))
        )
        .select(*events.collect_schema().names(), "actor")
    )


def by_the_law(tables: Tables) -> pl.DataFrame:
    """First replies of all tickets, by forward and backward filling over sorted messages."""
    brands = tables["brands"].lazy().select("brand_id", "observed_until")
    tickets = (
        tables["support_tickets"]
        .lazy()
        .join(brands, on="brand_id", how="left")
        .with_columns(until=pl.col("observed_until").fill_null(AS_OF))
    )
    tickets = actor_at(tickets, "requester_id", "created_at", tables).rename({"actor": "requester"})
    newest = (
        tables["support_messages"]
        .lazy()
        .with_row_index("row")
        .sort("updated_at", "row", nulls_last=False)
        .unique("message_id", keep="last", maintain_order=True)
    )
    seen = (
        newest.join(tickets.select("ticket_id", "until"), on="ticket_id")
        .filter(
            "is_public",
            ~pl.col("is_side_conversation").fill_null(False),
            pl.col("deleted_at").is_null(),
            pl.col("sent_at") <= pl.col("until"),
        )
        .select(*MESSAGE, "author_id", "sent_at")
    )
    is_human = pl.col("actor") == "human"
    read_backwards = actor_at(seen, "author_id", "sent_at", tables).sort("ticket_id", "sent_at", "message_id").with_columns(
        next_human=pl.when(is_human).then("sent_at").shift(-1).backward_fill().over("ticket_id"),
        next_any=pl.when(is_human | (pl.col("actor") == "bot")).then("sent_at").shift(-1).backward_fill().over("ticket_id"),
    )  # fmt: skip
    opener = read_backwards.group_by("ticket_id", maintain_order=True).first().select("ticket_id", opener="actor")
    ask = read_backwards.filter(pl.col("actor") == "customer").group_by("ticket_id", maintain_order=True).first()
    asked_at, opened_by = pl.coalesce("sent_at", "created_at"), pl.coalesce("opener", "requester")
    is_company_opened = pl.col("is_proactive").fill_null(False) | opened_by.is_in(["human", "bot", "system"])
    out = (
        pl.when(pl.col("deleted_at").is_not_null()).then(pl.lit("deleted"))
        .when("is_spam").then(pl.lit("spam"))
        .when("is_test").then(pl.lit("test"))
        .when(pl.col("merged_into_ticket_id").is_not_null()).then(pl.lit("merged"))
        .when(is_company_opened).then(pl.lit("company_opened"))
        .when(opened_by == "unknown").then(pl.lit("unknown_requester"))
        .when(asked_at > pl.col("until")).then(pl.lit("after_observation"))
    )  # fmt: skip
    waited = {
        name: pl.when(out.is_null()).then((pl.col(reply) - asked_at).dt.total_microseconds() / 1e6)
        for name, reply in zip(REPLIES, ["next_human", "next_any"], strict=True)
    }
    joined = tickets.join(opener, on="ticket_id", how="left").join(ask, on="ticket_id", how="left")
    return joined.select("ticket_id", exclusion_reason=out, **waited).sort("ticket_id").collect()


# What is compared.


def differing(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Rows of the two frames, sorted alike, that differ in any column; NULL equals NULL."""
    assert left["ticket_id"].equals(right["ticket_id"])
    unequal = pl.any_horizontal(*(left[name].ne_missing(right[name]) for name in right.columns))
    return left.hstack(right.rename(lambda name: f"{name} of the other")).filter(pl.select(unequal).to_series())


def test_the_drawn_company_has_every_case(warehouse: Warehouse) -> None:
    counts = dict(
        warehouse.frame(
            "select coalesce(exclusion_reason, case when first_human_reply_calendar_seconds is null then 'unanswered' else 'answered' end),"
            " count(*) from core.fct_tickets group by all"
        ).iter_rows()
    )
    print(counts)
    assert counts.keys() == {
        "answered", "unanswered", "deleted", "spam", "test", "merged", "company_opened", "unknown_requester", "after_observation",
    }  # fmt: skip
    assert min(counts.values()) > 100
    tied, faster_bot = warehouse.frame(
        """
        select
            count(*) filter (where first_human_reply_calendar_seconds = 0),
            count(*) filter (where first_any_reply_calendar_seconds < first_human_reply_calendar_seconds)
        from core.fct_tickets
        """
    ).row(0)
    assert min(tied, faster_bot) > 1_000


def test_tickets_and_their_first_turns_agree_on_every_first_reply(warehouse: Warehouse) -> None:
    clocks = [f"{actor}_{clock}" for actor in ("human", "any") for clock in ("calendar", "business")]
    names = [f"first_{clock.replace('_', '_reply_')}_seconds" for clock in clocks]
    tickets = warehouse.frame(f"select ticket_id, {', '.join(names)} from core.fct_tickets order by ticket_id")
    turns = warehouse.frame(
        f"""
        select
            tickets.ticket_id,
            {", ".join(f"turns.{clock.replace('_', '_wait_')}_seconds as {name}" for clock, name in zip(clocks, names, strict=True))}
        from core.fct_tickets as tickets
        left join core.fct_response_turns as turns
            on tickets.ticket_id = turns.ticket_id and turns.turn_number = 1 and turns.exclusion_reason is null
        order by tickets.ticket_id
        """
    )
    assert tickets.height == N_TICKETS
    assert tickets["first_any_reply_business_seconds"].drop_nulls().len() > N_TICKETS // 100
    assert differing(tickets, turns).rows(named=True)[:3] == []


def test_polars_reads_the_same_first_replies_from_the_raw_rows(warehouse: Warehouse, company: Tables) -> None:
    tickets = warehouse.frame(f"select ticket_id, exclusion_reason, {', '.join(REPLIES)} from core.fct_tickets order by ticket_id")
    assert tickets.height == N_TICKETS
    assert differing(tickets, by_the_law(company)).rows(named=True)[:3] == []
