"""What of some rows goes with an erased person, and how the rest is cleared: the same for landed files and for what is to be landed."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipelines.erasure.clearing import Clearing
from pipelines.erasure.tables import ACCOUNTS, NAMES_ONE_PERSON, PersonalTable
from pipelines.erasure.tombstones import Tombstones
from pipelines.sql import identifier, literal

ALIAS = "erased-"
ALIAS_LENGTH = 16


@dataclass(frozen=True)
class Rows:
    """Rows of one table: `query` is SQL that gives them, with the columns that are there."""

    table: PersonalTable
    query: str
    columns: frozenset[str]


class Sieve:
    """Applies a home's tombstones within one connection.

    Args:
        connection: in memory; gets a table, a macro and functions.
        tombstones: of the home. What else falls with what is erased is added to them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, tombstones: Tombstones) -> None:
        self.connection = connection
        self.tombstones = tombstones
        tombstones.prepare(connection)
        connection.execute("create or replace temp table brand_accounts (source_id varchar, account_id varchar)")
        self._make_functions()

    def _make_functions(self) -> None:
        clearing = Clearing(self.tombstones)
        for name in ("clear_text", "clear_json"):
            try:
                self.connection.remove_function(name)
            except duckdb.InvalidInputException:
                continue

        def clear_json(text: str, key: str, source: str, kind: str) -> str:
            return clearing.json(text, key, (source, kind))

        self.connection.create_function("clear_text", clearing.text, ["VARCHAR"], "VARCHAR")
        self.connection.create_function("clear_json", clear_json, ["VARCHAR"] * 4, "VARCHAR")

    def spread(self, every: Sequence[Rows]) -> None:
        """Add to the tombstones all that falls: an identity by its e-mail, a ticket with its requester, a message with its ticket.

        Args:
            every: tables whose rows may fall with one another, those of one source or of several.
        """
        for rows in every:
            if rows.table.table == "social_accounts":
                self.connection.execute(
                    f"insert into brand_accounts select distinct {rows.table.source}, account_id from ({rows.query}) where is_brand"
                )
        todo = list(every)
        while todo:
            fell, persons_fell = set(), False
            for rows in todo:
                kinds = self._spread_once(rows)
                fell |= {rows.table.table} if kinds else set()
                persons_fell = persons_fell or "person" in kinds
            todo = [rows for rows in every if persons_fell or _falls_with(rows.table) & fell]

    def _spread_once(self, rows: Rows) -> set[str]:
        """Kinds of the tombstones that were added."""
        falls = self.falls(rows)
        if falls == "false":
            return set()
        table = rows.table
        record = _hash("record", table.source, literal(table.table), *[identifier(name) for name in table.key])
        found = [f"select 'record' as kind, {record} as hash from fell"]
        if table.is_of_identities and table.owners:
            (owner, kind), *_ = table.owners
            # Not whoever wrote a row that goes with another's.
            who = f"from fell where {owner} is not null and ({_named_otherwise(table)})"
            found.append(f"select 'person', {_hash('person', table.source, kind, owner)} {who}")
            found.append(f"select 'anywhere', {_hash('anywhere', kind, owner)} {who}")
        new = self.connection.execute(
            f"with fell as materialized (select * from ({rows.query}) where {falls}) {' union '.join(found)} except from erased"
        ).fetchall()
        by_kind: dict[str, set[str]] = {}
        for kind, each in new:
            by_kind.setdefault(kind, set()).add(each)
        if by_kind:
            self.tombstones.add(by_kind)
            self.tombstones.refresh(self.connection, by_kind)
        return set(by_kind)

    def falls(self, rows: Rows) -> str:
        """SQL that holds for rows that go."""
        table = rows.table
        tests = [_is_erased("record", table.source, literal(table.table), *[identifier(name) for name in table.key])]
        tests += [_is_erased("person", table.source, kind, id_) for id_, kind in table.owners]
        tests += [_is_erased("person", table.source, kind, id_) for id_, kind in table.links]
        tests += [_is_erased("anywhere", kind, id_) for id_, kind in table.links]
        for other, *columns in table.within:
            tests.append(_is_erased("record", table.source, literal(other), *columns))
        tests.append(_named_otherwise(table))
        if table.answers:
            is_brand = f"({table.source}, account_id) in (select source_id, account_id from brand_accounts)"
            answered = [_is_erased("person", table.source, ACCOUNTS, "in_reply_to_account_id"),
                        _is_erased("record", table.source, literal(table.table), "in_reply_to_post_id")]  # fmt: skip
            tests.append(f"{is_brand} and ({' or '.join(answered)})")
        if not set(table.key) <= rows.columns:
            return "false"
        return " or ".join(f"coalesce({test}, false)" for test in tests)

    def cleared(self, rows: Rows) -> dict[str, str]:
        """SQL of a staying row's columns as they stay, by column; those that can't change are left out."""
        table, made = rows.table, {}
        for column, kind in table.references:
            made[column] = self._reference(table, column, kind)
        for column, kind in table.lists:
            held = f"list_contains(getvariable('erased_persons'), {_hash('person', table.source, kind, 'x')})"
            made[column] = f"list_filter({identifier(column)}, lambda x: not {held})"
        elements = {column: (key, kind) for column, key, kind in table.elements}
        for column in table.texts:
            name, type_ = identifier(column), table.columns[column]
            key, kind = elements.get(column, ("", "''"))
            if type_ == "varchar":
                made[column] = f"clear_text({name})"
            elif type_ == "json":
                # Files land JSON as such, syncs as text.
                as_type = "::json" if table.source == "source_id" else ""
                made[column] = f"clear_json({name}::varchar, {literal(key)}, {table.source}, {kind}){as_type}"
            else:
                made[column] = f"clear_json(to_json({name})::varchar, '', '', '')::json::varchar[]"
        return {column: sql for column, sql in made.items() if column in rows.columns}

    def _reference(self, table: PersonalTable, column: str, kind: str) -> str:
        name = identifier(column)
        _, is_record, other = kind.partition("record:")
        parts = ["record", table.source, literal(other), name] if is_record else ["person", table.source, kind, name]
        alias = f"{literal(ALIAS)} || left({_hash(*parts)}, {ALIAS_LENGTH})"
        return f"case when {_is_erased(*parts)} then {alias} else {name} end"


def _named_otherwise(table: PersonalTable) -> str:
    """SQL that holds where an e-mail, a handle or an external id of the row's first owner was erased."""
    tests = ["false"]
    for kind, values in table.identifiers:
        if kind in NAMES_ONE_PERSON:
            each = f"list_transform({values}, lambda x: {_hash('identifier', literal(kind), 'x')})"
            held = f"list_has_any({each}, (select coalesce(list(hash), []) from erased where kind = 'identifier'))"
            tests.append(f"coalesce({held}, false)")
    return " or ".join(tests)


def _hash(kind: str, *parts: str) -> str:
    """SQL of the hash of a kind and of parts given as SQL; null where a part is."""
    texts = ", ".join([literal(kind), *(f"({part})::varchar" for part in parts)])
    return f"erasure_hash([{texts}])"


def _is_erased(kind: str, *parts: str) -> str:
    present = " and ".join(f"({part}) is not null" for part in parts[1:])
    return f"({present} and {_hash(kind, *parts)} in (select hash from erased where kind = {literal(kind)}))"


def _falls_with(table: PersonalTable) -> set[str]:
    """Tables whose rows take rows of this one along."""
    return {other for other, *_ in table.within} | ({table.table} if table.answers else set())
