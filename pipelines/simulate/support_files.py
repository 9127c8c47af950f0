"""Canonical support tables of a simulated company."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipelines.claim.linear import Integers
from pipelines.simulate.answers import service_level_week
from pipelines.simulate.calendar import DAY, HOUR, NEVER, SLOT, SLOTS, START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.contacts import SEVERITY_TAGS
from pipelines.simulate.frames import brand_ids, ids, instants, masked, picked
from pipelines.simulate.priority_queue import agent_spans
from pipelines.simulate.randomness import stream
from pipelines.simulate.sentences import BOT_ANSWERS, CHASERS, COLD_REPLIES, NEUTRAL_REPLIES, NOTES, QUESTIONS, WARM_REPLIES

BOT = "bot"
SOCIAL_QUEUE = "social"
CHANNELS = ("email", "web", "chat", "phone", "social")
CHANNEL_SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)
PRIORITIES = ("low", "normal", "normal", "high", "urgent")
"""By severity level."""
TARGET_HOURS = {"low": 24, "normal": 8, "high": 4, "urgent": 2}
CHASER_SHARE, NOTE_SHARE, REASSIGNED_SHARE = 0.15, 0.20, 0.10


def support_tables(company: Company) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each support table by name."""
    yield "support_users", _users(company)
    yield "support_tickets", _tickets(company)
    yield "support_messages", _messages(company)
    yield "support_ticket_changes", _changes(company)
    yield "support_shifts", shift_rows(company)
    yield "support_ratings", _ratings(company)
    yield "support_sla_policies", _service_levels(company)
    yield "support_incidents", _incidents(company)


def _users(company: Company) -> pl.DataFrame:
    customers = np.arange(company.n_customers)
    staff = [f"a{code + 1}" for code in range(len(company.agents))] + [f"d{code + 1}" for code in range(_desk_size(company))] + [BOT]
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "user_id": ids("u", customers),
                    "role": "customer",
                    "is_bot": False,
                    "name": ids("Customer ", customers),
                    "email": _emails(customers),
                    "created_at": instants(np.full(company.n_customers, START - 90 * DAY)),
                }
            ),
            pl.DataFrame(
                {
                    "user_id": staff,
                    "role": "agent",
                    "is_bot": [name == BOT for name in staff],
                    "name": [f"Agent {name}" for name in staff],
                    "email": [f"{name}@staff.example" for name in staff],
                    "created_at": instants(np.full(len(staff), START - 365 * DAY)),
                }
            ),
        ]
    )


def _emails(customers: Integers) -> pl.Series:
    return pl.select(ids("customer", customers) + pl.lit("@mail.example")).to_series()


def _desk_size(company: Company) -> int:
    return int(np.ceil(company.roster.planned[-1].max() / SLOT))


def queue_names(n_queues: int) -> list[str]:
    """Names of the queues, the social desk's last."""
    return [*(f"q{code + 1}" for code in range(n_queues)), SOCIAL_QUEUE]


def _tickets(company: Company) -> pl.DataFrame:
    contacts, answers = company.contacts, company.answers
    n_tickets = len(contacts)
    random = stream(company.seed, "files: tickets")
    channel = random.choice(len(CHANNELS), size=n_tickets, p=CHANNEL_SHARES)
    is_done = answers.is_human | answers.is_bot
    return pl.DataFrame(
        {
            "ticket_id": ids("t", np.arange(n_tickets)),
            "created_at": instants(contacts.asked_at),
            "requester_id": ids("u", contacts.customer),
            "submitter_id": ids("u", contacts.customer),
            "brand_id": brand_ids(company.customers.brand[contacts.customer]),
            "channel": picked(CHANNELS, channel),
            "subject": picked(QUESTIONS, _question(company)).str.slice(0, 32),
            "priority": picked(PRIORITIES, contacts.severity_level),
            "severity_tag": picked(SEVERITY_TAGS, contacts.severity_level),
            "queue": picked(queue_names(company.world.n_queues), contacts.queue),
            "assignee_id": masked(ids("a", answers.agent), answers.is_human),
            "status": picked(("new", "solved"), is_done.astype(np.int64)),
        }
    )


def _question(company: Company) -> Integers:
    return stream(company.seed, "files: questions").integers(len(QUESTIONS), size=len(company.contacts))


def _messages(company: Company) -> pl.DataFrame:
    """Question, at times a second one, bot's answer, at times a note, reply; nothing from the customer after it."""
    contacts, answers = company.contacts, company.answers
    n_tickets = len(contacts)
    random = stream(company.seed, "files: messages")
    chance, when, choice = random.random((2, n_tickets)), random.random((2, n_tickets)), random.integers(12, size=(3, n_tickets))
    wait = np.where(answers.is_human, answers.human_wait, 24 * HOUR)
    has_chaser = (chance[0] < CHASER_SHARE) & (wait > HOUR)
    has_note = (chance[1] < NOTE_SHARE) & answers.is_human & (wait > HOUR)
    asked, between = contacts.asked_at, (0.2 + 0.7 * when) * wait
    customer, agent = ids("u", contacts.customer), ids("a", answers.agent)
    replies = [*COLD_REPLIES, *NEUTRAL_REPLIES, *WARM_REPLIES]
    reply = (answers.tone + 1) * len(WARM_REPLIES) + choice[2] % len(WARM_REPLIES)
    everywhere = np.ones(n_tickets, dtype=bool)
    bot = pl.repeat(BOT, n_tickets, dtype=pl.String, eager=True)
    return pl.concat(
        [
            _message_rows(1, everywhere, customer, asked, picked(QUESTIONS, _question(company))),
            _message_rows(2, has_chaser, customer, asked + between[0].astype(np.int64), picked(CHASERS, choice[0] % len(CHASERS))),
            _message_rows(3, answers.is_bot, bot, asked + answers.bot_wait, picked(BOT_ANSWERS, choice[1] % len(BOT_ANSWERS))),
            _message_rows(4, has_note, agent, asked + between[1].astype(np.int64), picked(NOTES, choice[1] % len(NOTES)), False),
            _message_rows(5, answers.is_human, agent, asked + answers.human_wait, picked(replies, reply)),
        ]
    )


def _message_rows(
    place: int, exists: np.ndarray, author: pl.Series, sent_at: Integers, body: pl.Series, is_public: bool = True
) -> pl.DataFrame:
    ticket = ids("t", np.flatnonzero(exists))
    return pl.DataFrame(
        {
            "message_id": ticket + f"-{place}",
            "ticket_id": ticket,
            "author_id": author.filter(pl.Series(exists)),
            "sent_at": instants(sent_at[exists]),
            "is_public": is_public,
            "body": body.filter(pl.Series(exists)),
        }
    ).with_columns(bot_disclosed=pl.when(pl.col("author_id") == BOT).then(True))


def _solved_at(company: Company) -> Integers:
    """(tickets,) epoch microseconds; NEVER for tickets that nobody answered."""
    answers = company.answers
    after = stream(company.seed, "files: solving").integers(5 * HOUR // 60, 24 * HOUR, size=len(company.contacts))
    wait = np.where(answers.is_human, answers.human_wait, answers.bot_wait)
    return np.where(wait == NEVER, NEVER, company.contacts.asked_at + wait + after)


def _changes(company: Company) -> pl.DataFrame:
    contacts, answers = company.contacts, company.answers
    random = stream(company.seed, "files: changes")
    asked, solved_at = contacts.asked_at, _solved_at(company)
    is_moved = answers.is_human & (random.random(len(contacts)) < REASSIGNED_SHARE)
    before = random.integers(len(company.agents), size=len(contacts))
    is_moved &= before != answers.agent
    taken_at, moved_at = asked + answers.human_wait // 2, asked + answers.human_wait * 2 // 3
    agent = ids("a", answers.agent)

    def rows(place: int, exists: np.ndarray, at: Integers, field: str, old: pl.Series | str, new: pl.Series | str) -> pl.DataFrame:
        kept, ticket = pl.Series(exists), ids("t", np.flatnonzero(exists))
        values = {"old_value": old, "new_value": new}
        return pl.DataFrame(
            {
                "change_id": ticket + f"-c{place}",
                "ticket_id": ticket,
                "changed_at": instants(at[exists]),
                "actor_id": agent.filter(kept) if place < 4 else pl.repeat(BOT, len(ticket), dtype=pl.String, eager=True),
                "field": field,
                **{name: value if isinstance(value, str) else value.filter(kept) for name, value in values.items()},
            }
        )

    return pl.concat(
        [
            rows(1, answers.is_human, taken_at, "status", "new", "open"),
            rows(2, is_moved, moved_at, "assignee_id", ids("a", before), agent),
            rows(3, answers.is_human, solved_at, "status", "open", "solved"),
            rows(4, answers.is_bot & ~answers.is_human, solved_at, "status", "new", "solved"),
        ]
    )


def shift_rows(company: Company) -> pl.DataFrame:
    """The roster by agent: spans within the slot whose lengths add up to the shift's planned and actual hours.

    The first agents come in full, one comes for a part, the others not at all.
    """
    roster, world = company.roster, company.world
    planned, actual = roster.planned.ravel(), roster.actual.ravel()
    shift, place, length, before = agent_spans(planned)
    worked = np.clip(actual[shift] - before, 0, length)
    n_weeks = company.n_weeks + 1
    queue, week, slot = shift // (n_weeks * SLOTS), shift // SLOTS % n_weeks, shift % SLOTS
    start = START + week * WEEK + slot * SLOT
    first = stream(company.seed, "files: roster").integers(len(company.agents), size=planned.size)
    is_desk = queue == world.n_queues
    agent = pl.select(
        pl.when(pl.Series(is_desk)).then(ids("d", place)).otherwise(ids("a", (first[shift] + place) % len(company.agents)))
    ).to_series()
    return pl.DataFrame(
        {
            "shift_id": ids("s", np.arange(len(shift))),
            "agent_id": agent,
            "queue": picked(queue_names(world.n_queues), queue),
            "planned_start_at": instants(start),
            "planned_end_at": instants(start + length),
            "actual_start_at": instants(start, worked > 0),
            "actual_end_at": instants(start + worked, worked > 0),
        }
    )


def _ratings(company: Company) -> pl.DataFrame:
    """Every answered ticket is offered a rating; the longer the wait, the fewer rate."""
    answers = company.answers
    random = stream(company.seed, "files: ratings")
    asked = answers.is_human
    responsiveness = answers.responsiveness[asked]
    score = np.clip(np.round(3.6 + 0.35 * responsiveness + random.normal(size=len(responsiveness))), 1, 5)
    has_rated = random.random(len(responsiveness)) < 1 / (1 + np.exp(1.0 - 0.3 * responsiveness))
    offered_at = _solved_at(company)[asked]
    ticket = np.flatnonzero(asked)
    return pl.DataFrame(
        {
            "rating_id": ids("g", ticket),
            "ticket_id": ids("t", ticket),
            "score": masked(pl.Series(score), has_rated),
            "scale_min": 1.0,
            "scale_max": 5.0,
            "offered_at": instants(offered_at),
            "rated_at": instants(offered_at + random.integers(48 * HOUR, size=len(ticket)), has_rated),
        }
    )


def _service_levels(company: Company) -> pl.DataFrame:
    """First-reply targets by priority; with several brands, halved as often as the service level gains from its week on."""
    world = company.world
    rows = []
    for brand, first_week in enumerate(service_level_week(world, company.n_weeks).tolist()):
        step = START + first_week * WEEK if first_week < company.n_weeks else None
        for priority, hours in TARGET_HOURS.items():
            usual = {"policy_id": f"first-reply-b{brand + 1}", "metric": "first_reply", "priority": priority, "brand_id": f"b{brand + 1}"}
            rows.append({**usual, "target_seconds": hours * 3600, "valid_from": None, "valid_to": step})
            if step is not None:
                tight = round(hours * 3600 / 2**world.service_level_gain)
                rows.append({**usual, "target_seconds": tight, "valid_from": step, "valid_to": None})
    times = [pl.col(name).cast(pl.Int64).cast(pl.Datetime("us", "UTC")) for name in ("valid_from", "valid_to")]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(*times, in_business_hours=False)


def _incidents(company: Company) -> pl.DataFrame:
    """Outages that people noticed; small ones are on nobody's list."""
    week, slot = np.nonzero(company.outages.large)
    start = START + week * WEEK + slot * SLOT
    return pl.DataFrame(
        {
            "incident_id": ids("i", np.arange(len(week))),
            "started_at": instants(start),
            "ended_at": instants(start + SLOT),
            "title": pl.repeat("Outage", len(week), dtype=pl.String, eager=True),
        }
    )
