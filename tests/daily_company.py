"""A small company whose exports change from day to day, as real ones do: late replies, edits, deletes, merges,
identities linked later, edits of opening hours. Deterministic by seed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

START = datetime(2025, 3, 17, tzinfo=UTC)
LATE_SHARE = 0.05
Row = dict[str, Any]


class DailyCompany:
    """Rows by table and key as the source systems hold them; `advance` lives one day, `write` exports what they show.

    Args:
        seed: of everything random.
        tickets_per_day: new tickets a day.
    """

    def __init__(self, seed: int, tickets_per_day: int = 8) -> None:
        self.random = Random(seed)
        self.tickets_per_day = tickets_per_day
        self.day = 0
        self.n = 0
        self.late: list[tuple[int, str, Row]] = []
        self.tables: dict[str, dict[str, Row]] = {
            name: {}
            for name in (
                "brands", "support_users", "support_user_role_changes", "support_tickets", "support_messages",
                "support_ticket_changes", "support_schedules", "support_holidays", "support_ratings", "support_sla_policies",
                "social_accounts", "social_posts", "crm_contacts", "identity_links", "outcome_events",
            )
        }  # fmt: skip
        self._set_up()

    @property
    def as_of(self) -> datetime:
        """The end of the day lived last."""
        return START + timedelta(days=self.day)

    def _key(self, prefix: str) -> str:
        self.n += 1
        return f"{prefix}{self.n}"

    def _put(self, table: str, key: str, row: Row) -> Row:
        row.setdefault("updated_at", None)
        self.tables[table][key] = row
        return row

    def _set_up(self) -> None:
        self._put("brands", "b", {"brand_id": "b", "name": "Brand", "time_zone": "Europe/Berlin", "observed_until": None})
        for i in range(4):
            self._put("support_users", f"a{i}", {"user_id": f"a{i}", "role": "agent", "is_bot": False, "name": f"Agent {i}", "email": None})
        self._put("support_users", "bot", {"user_id": "bot", "role": "agent", "is_bot": True, "name": "Bot", "email": None})
        for i in range(40):
            self._put(
                "support_users", f"c{i}", {"user_id": f"c{i}", "role": "customer", "is_bot": False, "name": None, "email": f"c{i}@x.org"}
            )
            self._put(
                "social_accounts", f"s{i}", {"account_id": f"s{i}", "platform": "bluesky", "handle": f"c{i}.example", "is_brand": False}
            )
        self._put("social_accounts", "sb", {"account_id": "sb", "platform": "bluesky", "handle": "brand.example", "is_brand": True})
        for weekday in range(1, 6):
            self._hours("h1", "Europe/Berlin", weekday, "09:00", "17:30")
            self._hours("h2", "Asia/Kolkata", weekday, "22:00", "30:00")
        for priority, seconds in (("low", 28800), ("normal", 14400), ("high", 3600)):
            for metric in ("first_reply", "next_reply", "requester_wait", "agent_work", "resolution"):
                self._put(
                    "support_sla_policies", f"p-{metric}-{priority}",
                    {"policy_id": "p", "metric": metric, "priority": priority, "target_seconds": seconds, "in_business_hours": True},
                )  # fmt: skip

    def _hours(self, schedule: str, zone: str, weekday: int, opens: str, closes: str) -> None:
        row = {"schedule_id": schedule, "time_zone": zone, "weekday": weekday, "opens_at": opens, "closes_at": closes}
        self._put("support_schedules", f"{schedule}-{weekday}", row)

    def advance(self) -> None:
        """Live one day: its events, and what the source systems learn of earlier ones."""
        self.day += 1
        begins = START + timedelta(days=self.day - 1)
        due = [entry for entry in self.late if entry[0] <= self.day]
        self.late = [entry for entry in self.late if entry[0] > self.day]
        for _, table, row in due:
            self._put(table, row["message_id"], row)
        for _ in range(self.tickets_per_day):
            self._ticket(begins)
        self._go_on(begins)
        self._public_talk(begins)
        self._mend_and_delete(begins)
        self._once(begins)

    def _at(self, begins: datetime) -> datetime:
        return begins + timedelta(seconds=self.random.randrange(86_000))

    def _ticket(self, begins: datetime) -> None:
        random, key, created = self.random, self._key("t"), self._at(begins)
        customer = f"c{random.randrange(40)}"
        self._put(
            "support_tickets", key,
            {"ticket_id": key, "created_at": created, "requester_id": customer, "status": "new", "brand_id": random.choice(["b", None]),
             "priority": random.choice(["low", "normal", "high", None]), "schedule_id": random.choice(["h1", "h2", None]),
             "assignee_id": None, "group_id": "g1", "queue": "q", "merged_into_ticket_id": None, "is_spam": random.random() < 0.03,
             "social_post_id": None, "deleted_at": None},
        )  # fmt: skip
        opener = customer if random.random() < 0.9 else f"a{random.randrange(4)}"
        self._message(key, opener, created, True)

    def _message(self, ticket: str, author: str, at: datetime, is_public: bool) -> None:
        key = self._key("m")
        row = {"message_id": key, "ticket_id": ticket, "author_id": author, "sent_at": at, "is_public": is_public, "deleted_at": None}
        if self.random.random() < LATE_SHARE:
            self.late.append((self.day + self.random.randrange(1, 6), "support_messages", row))
        else:
            self._put("support_messages", key, row)

    def _change(self, ticket: Row, at: datetime, field: str, value: str | None) -> None:
        key = self._key("")
        self._put(
            "support_ticket_changes", key,
            {"change_id": key, "ticket_id": ticket["ticket_id"], "changed_at": at, "field": field, "old_value": ticket[field],
             "new_value": value},
        )  # fmt: skip
        ticket[field] = value

    def _go_on(self, begins: datetime) -> None:
        """Replies, questions, hand-offs and status changes on tickets that are about."""
        random = self.random
        for ticket in list(self.tables["support_tickets"].values()):
            if ticket["status"] == "solved" and random.random() > 0.04:
                continue
            at = max(self._at(begins), ticket["created_at"])
            for _ in range(random.randrange(3)):
                at += timedelta(seconds=random.randrange(1, 3000))
                author = random.choice([f"a{random.randrange(4)}", "bot", ticket["requester_id"]])
                self._message(ticket["ticket_id"], author, at, random.random() < 0.85)
            status = random.choice(["open", "pending", "hold", "solved", "solved", ticket["status"]])
            if status != ticket["status"]:
                self._change(ticket, at, "status", status)
            if random.random() < 0.3:
                self._change(ticket, at, "assignee_id", f"a{random.randrange(4)}")
            if random.random() < 0.1:
                self._change(ticket, at, "priority", random.choice(["low", "normal", "high"]))
            if random.random() < 0.05:
                self._change(ticket, at, "schedule_id", random.choice(["h1", "h2", None]))
            if status == "solved" and random.random() < 0.3:
                key = self._key("r")
                self._put(
                    "support_ratings", key,
                    {"rating_id": key, "ticket_id": ticket["ticket_id"], "score": random.randrange(1, 6), "scale_min": 1, "scale_max": 5,
                     "offered_at": at, "rated_at": at + timedelta(minutes=5)},
                )  # fmt: skip

    def _public_talk(self, begins: datetime) -> None:
        random, posts = self.random, list(self.tables["social_posts"].values())
        for _ in range(3):
            key, answered = self._key("x"), random.choice(posts)["post_id"] if posts and random.random() < 0.6 else None
            account = random.choice(["sb", f"s{random.randrange(40)}"])
            self._put(
                "social_posts", key,
                {"post_id": key, "account_id": account, "created_at": self._at(begins), "in_reply_to_post_id": answered,
                 "mentioned_account_ids": ["sb"] if account != "sb" and random.random() < 0.7 else [], "deleted_at": None},
            )  # fmt: skip
        if posts and random.random() < 0.3:
            random.choice(list(self.tables["support_tickets"].values()))["social_post_id"] = random.choice(posts)["post_id"]
        key = self._key("o")
        self._put(
            "outcome_events", key,
            {"event_id": key, "user_id": f"c{random.randrange(40)}", "occurred_at": self._at(begins), "kind": "participation"},
        )  # fmt: skip

    def _mend_and_delete(self, begins: datetime) -> None:
        random, now = self.random, begins + timedelta(days=1)
        messages, tickets = list(self.tables["support_messages"].values()), list(self.tables["support_tickets"].values())
        if messages:
            edited = random.choice(messages)
            edited["is_public"] = not edited["is_public"]
            edited["updated_at"] = now
            random.choice(messages)["deleted_at"] = now
            del self.tables["support_messages"][random.choice(messages)["message_id"]]
        if random.random() < 0.3:
            random.choice(tickets)["deleted_at"] = now
        if random.random() < 0.2:
            del self.tables["support_tickets"][random.choice(tickets)["ticket_id"]]
        if len(tickets) > 2 and random.random() < 0.5:
            child, survivor = random.sample(tickets, 2)
            child["merged_into_ticket_id"] = survivor["ticket_id"]

    def _once(self, begins: datetime) -> None:
        """Edits of what many tickets share, each on a day of its own."""
        user = self.tables["support_users"]
        match self.day:
            case 5 | 9 | 17:
                left, right = self.random.sample(range(40), 2)
                key = self._key("k")
                self._put(
                    "crm_contacts", key,
                    {"contact_id": key, "email": f"c{left}@x.org", "social_handles": [f"bluesky:c{right}.example"], "created_at": begins},
                )  # fmt: skip
            case 7:
                self._hours("h1", "Europe/Berlin", 3, "10:00", "16:00")
            case 11:
                self._put("support_holidays", "h1", {"schedule_id": "h1", "local_date": "2025-03-25", "name": "Late holiday"})
            case 13:
                self._put("support_user_role_changes", "c3", {"user_id": "c3", "changed_at": begins, "new_role": "agent"})
                user["c3"]["role"] = "agent"
            case 15:
                user["a2"]["is_bot"] = True
            case 19:
                row = {"left_system": "support_users", "left_id": "c7", "right_system": "support_users", "right_id": "c8"}
                self._put("identity_links", "l", row)
            case 21:
                self.tables["crm_contacts"].pop(min(self.tables["crm_contacts"]), None)
            case 23:
                self.tables["support_sla_policies"]["p-first_reply-high"]["target_seconds"] = 1800
            case 25:
                self.tables["brands"]["b"]["time_zone"] = "America/New_York"
            case 27:
                del user["c9"]
            case _:
                pass

    def write(self, folder: Path) -> None:
        """Export every table that has rows, in random order, as the contract's files."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            path = folder / f"{name}.jsonl"
            path.unlink(missing_ok=True)
            if not rows:
                continue
            lines = [json.dumps(row, default=datetime.isoformat) for row in rows.values()]
            self.random.shuffle(lines)
            path.write_text("\n".join(lines) + "\n")
