"""Erasing one person from a home, in steps that a killed erasure goes on from.

The tombstones are written before anything is changed: from them alone, without a word of the person's, all later steps can be done
again.
"""

import json
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from pipelines.erasure.copies import blank_out, delete_built, personal_values
from pipelines.erasure.find import Person, find_person, known_identities
from pipelines.erasure.landed import LandedRows, erase_landed, landed_rows, look
from pipelines.erasure.published import clean_snapshot
from pipelines.erasure.receipt import Counts, read_pending, receipt_of
from pipelines.erasure.sieve import Sieve
from pipelines.erasure.tombstones import Tombstones
from pipelines.files_io import fsync, write_text_durably
from pipelines.landing import Landing
from pipelines.paths import Home

PENDING = "pending.json"
RECEIPT_LETTERS = 8


@dataclass(frozen=True)
class Plan:
    """What erasing a person would change.

    Args:
        person: who.
        counts: rows by source and table.
        values: what messages about runs may have quoted of the person.
    """

    person: Person
    counts: list[Counts]
    values: set[str]


@contextmanager
def _scratch(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"temp_directory": str(home.temp)}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def plan_erasure(home: Home, key: bytes, text: str) -> Plan | None:
    """Find out who is meant and what would go; nothing is changed.

    Args:
        home: where.
        key: the home's key of persons.
        text: what a user typed to name the person.

    Returns:
        None where there is nobody of that name.

    Raises:
        ConfigError: several persons go by it, or it is no customer.
        SourceError: a landed file is not what was landed.
    """
    landing = Landing(home.landing)
    with _scratch(home) as connection:
        every = list(landed_rows(connection, landing))
        for load in {id(each.load): each.load for each in every}.values():
            landing.verify(load)
        person = find_person(known_identities(connection, every, home), text)
        if person is None:
            return None
        sieve = Sieve(connection, Tentative(home, key, person))
        sieve.spread([each.rows for each in every])
        return Plan(person, _counts(sieve, every), personal_values(sieve, every))


class Tentative(Tombstones):
    """A home's tombstones with those of a person who may be erased: nothing of them is kept."""

    def __init__(self, home: Home, key: bytes, person: Person) -> None:
        super().__init__(home.erasures, key)
        self.add(person.hashes(self))

    def add(self, hashes: Any) -> int:
        """Note hashes in memory only."""
        for kind, found in hashes.items():
            self.hashes[kind] |= set(found)
        return 0


def _counts(sieve: Sieve, every: list[LandedRows]) -> list[Counts]:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for landed in every:
        change = look(sieve, landed)
        if change.rows_removed or change.rows_redacted:
            found[landed.load.source_id, landed.name][0] += change.rows_removed
            found[landed.load.source_id, landed.name][1] += change.rows_redacted
    return [Counts(source, table, removed, redacted) for (source, table), (removed, redacted) in sorted(found.items())]


def erase(home: Home, key: bytes, plan: Plan) -> dict[str, Any]:
    """Erase a person; the caller holds the home's lock.

    Returns:
        The receipt.
    """
    at = datetime.now(UTC)
    tombstones = Tombstones(home.erasures, key)
    blank_out(home, plan.values)
    number = tombstones.hash_of("receipt", at.isoformat(), *sorted(":".join(each) for each in plan.person.identities))
    pending = {
        "receipt": f"{at:%Y-%m-%d}-{number[:RECEIPT_LETTERS]}",
        "requested_at": at.replace(microsecond=0).isoformat(),
        "identities": len(plan.person.identities),
        "identifiers_shared_with_others": plan.person.shared,
        "found_through": "the identities of the last build" if plan.person.is_resolved else "landing alone",
    }
    # Without a build nobody knows by which id the person was published.
    customer_ids = sorted(plan.person.customer_ids) if home.build.exists() else None
    begun = {**pending, "customer_ids": customer_ids, "hashes": _sorted(plan.person.hashes(tombstones))}
    home.erasures.mkdir(parents=True, exist_ok=True)
    home.erasures.chmod(0o700)
    write_text_durably(home.erasures / PENDING, json.dumps(begun), mode=0o600)
    receipt = finish_erasure(home, key)
    assert receipt is not None
    return receipt


def _sorted(hashes: dict[str, set[str]]) -> dict[str, list[str]]:
    return {kind: sorted(found) for kind, found in hashes.items()}


def finish_erasure(home: Home, key: bytes) -> dict[str, Any] | None:
    """Do what is left of an erasure that has begun; nothing where none has. The caller holds the home's lock.

    Returns:
        The receipt, or None where there was nothing to finish.
    """
    pending = read_pending(home.erasures)
    if pending is None:
        return None
    tombstones, landing = Tombstones(home.erasures, key), Landing(home.landing)
    tombstones.add({kind: set(found) for kind, found in pending.pop("hashes").items()})
    clean_snapshot(home, pending.pop("customer_ids"), pending["receipt"])
    delete_built(home)
    with _scratch(home) as connection:
        erase_landed(landing, Sieve(connection, tombstones), pending["receipt"], pending["requested_at"])
    receipt = receipt_of(landing, pending, datetime.now(UTC).replace(microsecond=0).isoformat())
    write_text_durably(home.erasures / f"{pending['receipt']}.json", json.dumps(receipt, indent=1) + "\n", mode=0o600)
    (home.erasures / PENDING).unlink()
    fsync(home.erasures)
    return receipt


def erase_late_rows(home: Home, landing: Landing, tombstones: Tombstones) -> None:
    """Take out of landing what was landed before it was known to hang on something of an erased person's.

    A ticket of that person is left out when it is pulled; a reply to it may have been pulled before.
    """
    at = datetime.now(UTC).replace(microsecond=0)
    with _scratch(home) as connection:
        erase_landed(landing, Sieve(connection, tombstones), f"{at:%Y-%m-%d}-later", at.isoformat(), with_texts=False)


def was_erased(home: Home, key: bytes, text: str) -> bool:
    """Whether an e-mail, handle, external id or `source:id` names somebody whom this home has erased."""
    tombstones, lowered = Tombstones(home.erasures, key), text.strip().lower()
    names = (("email", lowered), ("handle", lowered), ("external_id", text.strip()))
    tests: list[tuple[str, ...]] = [("identifier", kind, value) for kind, value in names]
    source, _, id_ = text.strip().partition(":")
    tests += [("person", source, kind, id_) for kind in ("support_users", "crm_contacts", "social_accounts")]
    tests += [("token", lowered), ("token", f"@{lowered.lstrip('@')}")]
    return any(tombstones.holds(*each) for each in tests)
