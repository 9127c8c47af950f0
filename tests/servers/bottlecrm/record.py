"""What BottleCRM says of a small organisation, for the fake: `python -m tests.servers.bottlecrm.record FILE`."""

import json
import sys
import tempfile
from pathlib import Path

from tests.servers.bottlecrm.server import BottleCrm, bottlecrm_server

# Choices of forms, and other kinds of record.
LEFT_OUT = {
    "contact_obj_list", "countries", "currency", "industries", "lead_source", "leads", "stage", "tags", "teams", "users", "accounts_list",
    "contacts_list", "contacts", "roles", "status",
}  # fmt: skip


def record(server: BottleCrm) -> dict[str, dict]:
    """Answers by path below `api/`."""
    rep = server.user("rep@acme.example")
    accounts = [
        server.make("accounts", name=f"Company {number}", website=f"https://c{number}.example", assigned_to=[rep]) for number in range(3)
    ]
    contacts = [
        server.make("contacts", first_name="Ann", last_name=f"N{number}", email=f"ann{number}@c.example", account=accounts[number % 3])
        for number in range(4)
    ]
    deals = [
        server.make(
            "opportunities", name=f"Deal {number}", account=accounts[number], contacts=[contacts[number]], amount="10.50", currency="EUR"
        )
        for number in range(3)
    ]
    server.edit("accounts", accounts[2], is_active=False)
    server.edit("opportunities", deals[0], stage="CLOSED_WON", closed_on="2026-11-22")
    invoice = server.invoice(accounts[0], contacts[0], "20", "EUR")
    server.pay(invoice, "12.25", "2026-11-02")
    paths = ("users/", "accounts/", "contacts/", "opportunities/", "invoices/")
    said = {path: server.call("GET", path, limit=1000) for path in paths}
    kept = {path: {key: value for key, value in answer.items() if key not in LEFT_OUT} for path, answer in said.items()}
    payments = f"invoices/{invoice}/payments/"
    return {**kept, payments: server.call("GET", payments)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, bottlecrm_server(Path(folder)) as running:
        Path(sys.argv[1]).write_text(json.dumps(record(running), indent=1) + "\n")
