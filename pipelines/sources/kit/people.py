"""Whose a record is: what a connector declares so that `twoway erase` finds all that is a person's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

IdentifierKind = Literal["email", "phone", "handle", "external_id"]


@dataclass(frozen=True)
class People:
    """Whose an endpoint's records are. Nothing declared: nobody's; the person's identifiers in their texts are blanked all the same.

    Args:
        owners: columns, or SQL over them, with the id of a person who takes the record along: requester, author, contact.
        identifiers: columns that tell of the first owner what names a person anywhere, by kind.
        within: the record goes with another table's: the table, then for each column of its key the SQL that gives it here.
        references: columns with a person's id in records that are not that person's own.
        elements: JSON columns, and the key under which elements of lists in them name their person; the person's elements go,
            and where a list holds ids alone, the person's id.
        staff: SQL condition under which a record tells that its first owner works for the company.
    """

    owners: tuple[str, ...] = ()
    identifiers: Mapping[str, IdentifierKind] = field(default_factory=dict)
    within: tuple[tuple[str, ...], ...] = ()
    references: tuple[str, ...] = ()
    elements: Mapping[str, str] = field(default_factory=dict)
    staff: str | None = None


NOBODYS = People()
