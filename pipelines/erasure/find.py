"""Who is meant: every identity of the person in landing, and what names that person anywhere."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from pipelines.erasure.clearing import tokens_of
from pipelines.erasure.landed import LandedRows
from pipelines.erasure.tables import FEWEST_PHONE_DIGITS, NAMES_ONE_PERSON, PHONE_DIGITS
from pipelines.erasure.tombstones import Tombstones
from pipelines.errors import ConfigError, shorten
from pipelines.paths import Home
from pipelines.sql import identifier

MOST_IDENTITIES = 50
SHORTEST_CUSTOMER_ID = 8
MOST_NAMED = 5

Identity = tuple[str, str, str]
"""Source, kind of identity (`support_users`, `crm_contacts`, `social_accounts`), id."""
Name = tuple[str, str]
"""Kind of identifier and its normalised value."""
Newest = dict[Identity, tuple[int, bool, set[Name]]]


@dataclass
class Known:
    """Identities of landing and of the last build.

    Args:
        names: what names each identity that landing tells of, or ever named it.
        current: the same by its newest row alone.
        staff: identities that work for the company, or are its brands.
        staff_names: what names staff that has no identity.
        persons: the person of each identity of the last build.
        customer_ids: published customer id of each of those persons.
        evidence: what names each identity of the last build.
    """

    names: dict[Identity, set[Name]] = field(default_factory=lambda: defaultdict(set))
    current: dict[Identity, set[Name]] = field(default_factory=dict)
    staff: set[Identity] = field(default_factory=set)
    staff_names: set[Name] = field(default_factory=set)
    persons: dict[Identity, str] = field(default_factory=dict)
    customer_ids: dict[str, str] = field(default_factory=dict)
    evidence: dict[Identity, set[Name]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Person:
    """Who is to be erased.

    Args:
        identities: all of the person's.
        names: what names the person and nobody else.
        shared: how many identifiers also name others, and therefore stay.
        is_resolved: whether the last build's identity rules tied the identities together.
        customer_ids: published ids.
    """

    identities: frozenset[Identity]
    names: frozenset[Name]
    shared: int
    is_resolved: bool
    customer_ids: frozenset[str]

    def hashes(self, tombstones: Tombstones) -> dict[str, set[str]]:
        """Tombstones of the person, by kind."""
        found: dict[str, set[str]] = defaultdict(set)
        for source, kind, id_ in self.identities:
            found["person"].add(tombstones.hash_of("person", source, kind, id_))
            found["anywhere"].add(tombstones.hash_of("anywhere", kind, id_))
            # A decentralised id names its person wherever it stands, in the address of each post too.
            if id_.startswith("did:plc:"):
                found["token"].add(tombstones.hash_of("token", id_.rpartition(":")[2].lower()))
        for kind, value in self.names:
            if kind == "phone":
                found["phone"].add(tombstones.hash_of("phone", value))
                continue
            found["identifier"].add(tombstones.hash_of("identifier", kind, value))
            if kind in ("email", "handle"):
                found["token"] |= {tombstones.hash_of("token", token) for token in tokens_of(kind, value)}
        return found


def known_identities(connection: duckdb.DuckDBPyConnection, every: Iterable[LandedRows], home: Home) -> Known:
    """Read all identities of landing, and of the build database where there is one."""
    known = Known()
    newest: Newest = {}
    for landed in every:
        table = landed.rows.table
        for id_, kind in table.owners:
            query = (
                f"select distinct {table.source}, {kind}, {id_} from ({landed.rows.query}) where {id_} is not null and {kind} is not null"
            )
            for source, kind_found, found in connection.execute(query).fetchall():
                known.names[source, kind_found, str(found)] |= set()
        if table.is_of_identities:
            _read_identities(connection, landed, known, newest)
    known.staff |= {identity for identity, (_, is_staff, _) in newest.items() if is_staff}
    known.current = {identity: names for identity, (_, _, names) in newest.items()}
    if home.build.exists():
        _read_build(home, known)
    return known


def _read_identities(connection: duckdb.DuckDBPyConnection, landed: LandedRows, known: Known, newest: Newest) -> None:
    table = landed.rows.table
    staff = f"coalesce({table.staff}, false)" if table.staff else "false"
    values = ", ".join(f"{values} as {identifier(f'names {n}')}" for n, (_, values) in enumerate(table.identifiers))
    owner, kind = table.owners[0] if table.owners else ("null::varchar", "''")
    query = f"select distinct {table.source}, {kind}, {owner}, {staff}, max(_position), {values} from ({landed.rows.query}) group by all"
    for source, kind_found, id_, is_staff, position, *names in connection.execute(query).fetchall():
        found = {(name, value) for (name, _), listed in zip(table.identifiers, names, strict=True) for value in listed or () if value}
        if id_ is None:
            known.staff_names |= found if is_staff else set()
            continue
        identity = (source, kind_found, str(id_))
        known.names[identity] |= found
        if identity not in newest or newest[identity][0] < position:
            newest[identity] = (position, is_staff, found)


def _read_build(home: Home, known: Known) -> None:
    try:
        with duckdb.connect(str(home.build), read_only=True) as connection:
            clusters = connection.execute(
                "select source_id, system, id, root_node, customer_id, is_customer from intermediate.int_identity__clusters"
            ).fetchall()
            evidence = connection.execute(
                "select clusters.source_id, clusters.system, clusters.id, evidence.rule, evidence.evidence"
                " from intermediate.int_identity__evidence as evidence"
                " inner join intermediate.int_identity__clusters as clusters using (node)"
            ).fetchall()
    except duckdb.CatalogException:
        # A build that did not come that far.
        return
    for source, kind, id_, person, customer_id, is_customer in clusters:
        known.persons[source, kind, id_] = person
        known.customer_ids[person] = customer_id
        if not is_customer:
            known.staff.add((source, kind, id_))
    for source, kind, id_, rule, value in evidence:
        known.evidence[source, kind, id_].add((rule, value))


def find_person(known: Known, text: str) -> Person | None:
    """The person whom a text names; None where there is nobody.

    Args:
        known: all identities.
        text: an e-mail, a handle, a phone number, an external id, `source:id`, or a published customer id (or its first characters).

    Raises:
        ConfigError: it names several persons, or someone of the staff or a brand.
    """
    matched = _matches(known, text.strip())
    if _names_of(text.strip()) & known.staff_names:
        raise ConfigError(_STAFF)
    if not matched:
        return None
    identities = _closure(known, {min(matched)})
    if not matched <= identities:
        raise ConfigError(_several(known, matched))
    if identities & known.staff:
        raise ConfigError(_STAFF)
    if len(identities) > MOST_IDENTITIES and not any(each in known.persons for each in identities):
        raise ConfigError(
            f"Landing alone ties {len(identities)} identities together, which may be several persons. Run `twoway run` first, so that"
            " the identity rules decide."
        )
    own = {name for each in identities for name in known.names.get(each, ())}
    others = {name for each, names in known.names.items() if each not in identities for name in names} | known.staff_names
    persons = {known.persons[each] for each in identities if each in known.persons}
    customer_ids = frozenset(known.customer_ids[person] for person in persons)
    return Person(frozenset(identities), frozenset(own - others), len(own & others), bool(persons), customer_ids)


_STAFF = "That is an account of the staff or of a brand, not a customer's: nothing was erased. `twoway erase` is for customers."


def _several(known: Known, matched: set[Identity]) -> str:
    shown = sorted(f"{source}:{id_} ({kind})" for source, kind, id_ in matched)
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    del known
    listed = ", ".join(shorten(each) for each in shown[:MOST_NAMED])
    return f"Several persons go by that: {listed}{more}. Name one as source:id. Nothing was erased."


def _matches(known: Known, text: str) -> set[Identity]:
    names = _names_of(text)
    bare = text.lower().lstrip("@")

    def named(by: Mapping[Identity, set[Name]]) -> set[Identity]:
        handles = {name for own in by.values() for name in own if name[0] == "handle" and name[1].partition(":")[2] == bare}
        return {each for each, own in by.items() if own & (names | handles)}

    # Whoever goes by it now, else who did once.
    found = named(known.current) or named(known.names) or named(known.evidence)
    every = {*known.names, *known.persons}
    found |= {each for each in every if text == f"{each[0]}:{each[2]}" or text == f"{each[0]}:{each[1]}:{each[2]}"}
    if len(text) >= SHORTEST_CUSTOMER_ID and re.fullmatch(r"[0-9a-f]+", text):
        persons = {person for person, customer_id in known.customer_ids.items() if customer_id.startswith(text)}
        found |= {each for each, person in known.persons.items() if person in persons}
    return found


def _names_of(text: str) -> set[Name]:
    """Every identifier that a text may be."""
    lowered = text.lower()
    found: set[Name] = {("email", lowered), ("external_id", text), ("handle", lowered.replace(":@", ":"))}
    digits = re.sub(r"\D", "", text)
    if len(digits) >= FEWEST_PHONE_DIGITS and re.fullmatch(r"\+?[\d ().\-/]+", text):
        found.add(("phone", digits[-PHONE_DIGITS:]))
    return found


def _closure(known: Known, start: set[Identity]) -> set[Identity]:
    """All identities of one person: those that the last build tied, and those that landing has and the build has not, by e-mail,
    handle or external id."""
    of_person: dict[str, set[Identity]] = defaultdict(set)
    for each, person in known.persons.items():
        of_person[person].add(each)
    by_name: dict[Name, set[Identity]] = defaultdict(set)
    for source in (known.current, known.evidence):
        for each, names in source.items():
            for name in names:
                if name[0] in NAMES_ONE_PERSON:
                    by_name[name].add(each)
    found: set[Identity] = set()
    todo = set(start)
    while todo:
        each = todo.pop()
        found.add(each)
        reached = set(of_person.get(known.persons.get(each, ""), ()))
        for name in known.current.get(each, set()) | known.evidence.get(each, set()):
            near = by_name.get(name, set())
            # What the build knows and did not tie together is not tied here.
            if len({known.persons[other] for other in near if other in known.persons}) <= 1:
                reached |= near
        todo |= reached - found
    return found
