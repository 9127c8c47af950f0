"""Which columns say whose a landed row is: of canonical tables here, of source systems as their connectors declare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypedDict

from pipelines.contract import Table, tables
from pipelines.sources.kit.endpoints import Endpoint, System
from pipelines.sources.kit.rows import columns_of
from pipelines.sql import literal

USERS, CONTACTS, ACCOUNTS = "'support_users'", "'crm_contacts'", "'social_accounts'"
KIND_OF_FAMILY = {"support": USERS, "crm": CONTACTS, "social": ACCOUNTS}
FEWEST_PHONE_DIGITS, PHONE_DIGITS = 7, 9
# Identities of one person; of a phone several persons may answer.
NAMES_ONE_PERSON = ("email", "handle", "external_id")
NORMALISED = {
    "email": "[lower(trim({0}))]",
    "external_id": "[trim({0})]",
    "phone": f"list_filter([right(regexp_replace({{0}}, '[^0-9]', '', 'g'), {PHONE_DIGITS})],"
    f" lambda x: length(x) >= {FEWEST_PHONE_DIGITS})",
}
LISTED_HANDLES = "list_transform({0}, lambda x: lower(replace(x, ':@', ':')))"
HANDLE = "[lower({platform} || ':' || ltrim({0}, '@'))]"


@dataclass(frozen=True)
class PersonalTable:
    """Whose the rows of one landed table are, in SQL over its columns.

    Args:
        table: as landing names it.
        source: the row's source.
        columns: DuckDB type by column, without those that landing adds.
        key: columns that name a record within its source.
        owners: id and kind of identity of the persons whose record it is.
        links: the same for ends that may lie in any source.
        identifiers: kind, and a list of normalised values, of what names the first owner anywhere.
        within: a table and what stands for each column of its key: the record goes with that one.
        references: column, id and kind: names a person or record of others' (`record:<table>`) in a row that stays.
        lists: list column and kind of the persons in it.
        elements: JSON list column, key of its elements, and kind.
        staff: when the first owner works for the company or is its brand.
        answers: whether rows of brands go with the row they answer.
    """

    table: str
    source: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    owners: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    within: tuple[tuple[str, ...], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    lists: tuple[tuple[str, str], ...] = ()
    elements: tuple[tuple[str, str, str], ...] = ()
    staff: str | None = None
    answers: bool = False
    untouched: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_of_identities(self) -> bool:
        """Whether its rows tell what names a person anywhere."""
        return bool(self.identifiers)

    @property
    def texts(self) -> list[str]:
        """Columns that may hold anything a person typed."""
        ids = {*self.key, *(column for column, _ in (*self.owners, *self.references, *self.lists)), *self.untouched}
        ids |= {column for _, *columns in self.within for column in columns}
        return [name for name, type_ in self.columns.items() if type_ in ("varchar", "json", "varchar[]") and name not in ids]


class Whose(TypedDict, total=False):
    """What a `PersonalTable` says of people."""

    owners: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    identifiers: tuple[tuple[str, str], ...]
    within: tuple[tuple[str, ...], ...]
    references: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, str], ...]
    staff: str
    answers: bool


OF_TICKET: Whose = {"within": (("support_tickets", "ticket_id"),)}
OF_CONTACT: Whose = {"owners": (("contact_id", CONTACTS),)}
OF_USER: Whose = {"owners": (("user_id", USERS),)}
UNIT_KIND = "regexp_extract(unit_id, '^(crm_contacts|support_users|social_accounts):', 1)"
UNIT_ID = "regexp_replace(unit_id, '^(crm_contacts|support_users|social_accounts|support_tickets):', '')"
CANONICAL: dict[str, Whose] = {
    "support_users": {
        **OF_USER,
        "identifiers": tuple((kind, NORMALISED[kind].format(kind)) for kind in ("email", "phone", "external_id")),
        "staff": "role in ('agent', 'admin', 'system')",
    },
    "support_user_role_changes": OF_USER,
    "support_tickets": {
        "owners": (("requester_id", USERS),),
        "references": (("submitter_id", USERS), ("social_post_id", "record:social_posts")),
    },
    "support_messages": {"owners": (("author_id", USERS),), **OF_TICKET},
    "support_ticket_changes": {"references": (("actor_id", USERS),), **OF_TICKET},
    "support_ratings": OF_TICKET,
    "social_accounts": {
        "owners": (("account_id", ACCOUNTS),),
        "identifiers": (("handle", HANDLE.format("handle", platform="platform")),),
        "staff": "is_brand",
    },
    "social_posts": {
        "owners": (("account_id", ACCOUNTS),),
        "references": (("in_reply_to_account_id", ACCOUNTS), ("in_reply_to_post_id", "record:social_posts"),
                       ("conversation_id", "record:social_posts")),
        "lists": (("mentioned_account_ids", ACCOUNTS),),
        "answers": True,
    },
    "social_follows": {"owners": (("account_id", ACCOUNTS),)},
    "social_post_metrics": {"within": (("social_posts", "post_id"),)},
    "crm_contacts": {
        **OF_CONTACT,
        "identifiers": (("email", NORMALISED["email"].format("email")), ("phone", NORMALISED["phone"].format("phone")),
                        ("external_id", NORMALISED["external_id"].format("support_external_id")),
                        ("handle", LISTED_HANDLES.format("social_handles"))),
        "references": (("merged_into_contact_id", CONTACTS),),
    },
    "crm_deals": OF_CONTACT,
    "crm_deal_stage_changes": {"within": (("crm_deals", "deal_id"),)},
    "crm_activities": OF_CONTACT,
    "crm_campaign_sends": OF_CONTACT,
    "crm_revenue": OF_CONTACT,
    "crm_subscriptions": OF_CONTACT,
    "crm_owners": {"identifiers": (("email", NORMALISED["email"].format("email")),), "staff": "true"},
    "outcome_events": {"owners": (("contact_id", CONTACTS), ("user_id", USERS)),
                       "within": (("support_tickets", "ticket_id"), ("social_posts", "post_id"))},
    "identity_links": {"links": (("left_id", "left_system"), ("right_id", "right_system"))},
    # A unit may name its kind; where it does not, the company's contacts come first and then its users.
    "experiments": {"links": ((UNIT_ID, f"coalesce(nullif({UNIT_KIND}, ''), {CONTACTS})"),
                              (UNIT_ID, f"coalesce(nullif({UNIT_KIND}, ''), {USERS})")),
                    "within": (("support_tickets", UNIT_ID),)},
}  # fmt: skip


@cache
def canonical_tables() -> dict[str, PersonalTable]:
    """Every canonical table, as files land it."""
    return {name: _canonical(table) for name, table in tables().items()}


def _canonical(table: Table) -> PersonalTable:
    columns = {column.name: column.data_type for column in table.columns if column.name != "source_id"} | {"_extra": "json"}
    return PersonalTable(table.name, "source_id", columns, table.key, **CANONICAL.get(table.name, {}))


def system_tables(system: System, source_id: str) -> dict[str, PersonalTable]:
    """The tables of one source of a system, by their names in landing."""
    return {system.raw_table(each): of_endpoint(system, each, source_id) for each in system.endpoints}


def of_endpoint(system: System, endpoint: Endpoint, source_id: str) -> PersonalTable:
    """Whose the records of an endpoint are, as it declares."""
    kind, people = KIND_OF_FAMILY[system.family], endpoint.people
    platform = literal(system.name)
    forms = {**NORMALISED, "handle": HANDLE.replace("{platform}", platform)}
    return PersonalTable(
        table=system.raw_table(endpoint),
        source=literal(source_id),
        columns={name: type_ for name, type_ in columns_of(endpoint).items() if name != "_is_deleted"},
        key=endpoint.key,
        owners=tuple((column, kind) for column in people.owners),
        identifiers=tuple((name, forms[name].format(column)) for column, name in people.identifiers.items()),
        within=tuple((f"{system.name}__{table}", *columns) for table, *columns in people.within),
        references=tuple((column, kind) for column in people.references),
        elements=tuple((column, key, kind) for column, key in people.elements.items()),
        staff=people.staff,
        # What names the record's owner is a person's of others' where the row stays: those stay whole.
        untouched=frozenset(people.identifiers),
    )
