"""One customer on three real servers: a mention on Bluesky, a ticket in Request Tracker, a deal in BottleCRM, and one verdict."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.sources.crm.bottlecrm import LISTINGS
from tests.conftest import twoway
from tests.servers.bluesky.server import Bluesky, Person, Written
from tests.servers.bottlecrm.server import BottleCrm
from tests.servers.request_tracker.server import RequestTracker

CONFIGURATION = """
[[systems]]
id = "sky"
system = "bluesky"
base_url = "{bluesky}/"
brand_accounts = ["{brand}"]
brand_id = "acme"

[[systems]]
id = "crm"
system = "bottlecrm"
base_url = "{bottlecrm}/"

[[systems]]
id = "desk"
system = "request_tracker"
base_url = "{request_tracker}"
brand_id = "acme"
"""


@dataclass
class Seeded:
    """What happened on the servers, and the home in which all of it was run."""

    home: Path
    printed: str
    jane: Person
    mention: Written
    ticket: str
    deal: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "published" / "twoway.duckdb"), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def seeded(
    bluesky: Bluesky, bottlecrm: BottleCrm, request_tracker: RequestTracker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seeded]:
    """Jane is everywhere, by her handle and her e-mail; Joe is only a customer who wrote a mail."""
    folder = tmp_path_factory.mktemp("one_customer")
    brand, jane = bluesky.person("brand"), bluesky.person("jane")
    mention = bluesky.post(jane, "@brand my order never came", mentions=[brand])
    bluesky.post(brand, "sorry, we are looking", reply_to=mention)
    bluesky.post(brand, "new in the shop")
    request_tracker.queue("Orders")
    ticket = request_tracker.mail("janesmith", "Order is missing", "Where is it?", "Orders")
    request_tracker.say(ticket, "ann", "It is on its way.")
    request_tracker.change(ticket, "ann", Status="resolved")
    request_tracker.mail("joesmith", "Another question", "How long?", "Orders")
    bottlecrm.organisation("Shop")
    bottlecrm.text_field("bluesky")
    account = bottlecrm.make("accounts", name="Smith and Co")
    contact = bottlecrm.make(
        "contacts", first_name="Jane", last_name="Smith", email="JaneSmith@example.com", account=account,
        custom_fields={"bluesky": f"@{jane.handle}"},
    )  # fmt: skip
    deal = bottlecrm.make(
        "opportunities", name="Boxes", account=account, contacts=[contact], amount="120.00", currency="EUR", stage="PROPOSAL"
    )
    urls = {"bluesky": bluesky.url, "bottlecrm": bottlecrm.url, "request_tracker": request_tracker.url}
    (folder / "twoway.toml").write_text(CONFIGURATION.format(**urls, brand=brand.did))
    secrets = {
        "BOTTLECRM_TOKEN": bottlecrm.token([f"{name}:read" for name in LISTINGS]),
        "REQUEST_TRACKER_TOKEN": request_tracker.token,
    }
    result = twoway("run", "--home", folder / "home", cwd=folder, env=secrets)
    assert result.returncode == 0, result.stdout + result.stderr
    yield Seeded(folder / "home", result.stdout, jane, mention, ticket, deal)
    for person in (brand, jane):
        bluesky.delete_account(person)


def test_a_mention_a_ticket_and_a_deal_are_one_customers(seeded: Seeded) -> None:
    ((customer, n_identities),) = seeded.rows(
        f"""
        select customer_id, n_identities from core.dim_customer where customer_id in (
            select customer_id from core.fct_mentions where post_id = '{seeded.mention.uri}'
        )
        """
    )
    assert n_identities == 3
    assert seeded.rows(f"select customer_id from core.fct_tickets where ticket_id = '{seeded.ticket}'") == [(customer,)]
    assert seeded.rows(f"select customer_id from core.fct_deals where deal_id = '{seeded.deal}'") == [(customer,)]
    ((others,),) = seeded.rows(f"select count(*) from core.dim_customer where customer_id <> '{customer}' and n_identities > 1")
    assert others == 0


def test_what_was_answered_is_told_from_what_was_said_to_all(seeded: Seeded) -> None:
    assert seeded.rows("select is_answered, is_censored from core.fct_mentions") == [(True, False)]
    ((reply, resolution),) = seeded.rows(
        f"""
        select first_human_reply_calendar_seconds, full_resolution_calendar_seconds
        from core.fct_tickets where ticket_id = '{seeded.ticket}'
        """
    )
    assert 0 <= reply <= resolution
    assert seeded.rows("select count(*) from core.fct_broadcasts where brand_id = 'acme' and kind = 'post'") == [(1,)]


def test_the_run_ends_in_a_verdict(seeded: Seeded) -> None:
    verdict, *_ = json.loads(twoway("verdict", "--json", "--home", seeded.home).stdout)
    assert (verdict["claim_id"], verdict["verdict"], verdict["reason_code"]) == ("C1", "inconclusive", "data_quality")
    assert "Inconclusive" in seeded.printed
