"""Closed vocabularies are said once for dbt; the suites at the border and the contract's descriptions must say the same."""

import re
from pathlib import Path

import duckdb
import jinja2
import pytest

import expectations
from expectations.runner import validate
from pipelines.contract import tables
from pipelines.paths import DBT_PROJECT

DOCS = (DBT_PROJECT / "models" / "input" / "_input__docs.md").read_text()
MODELS = "".join(path.read_text() for path in sorted((DBT_PROJECT / "models" / "input").glob("*.yml")))


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, list[str]]]:
    """Known values by canonical table and column, from dbt's macro."""
    said: list[dict[str, dict[str, dict[str, list[str]]]]] = []
    macro = (DBT_PROJECT / "macros" / "known_values.sql").read_text()
    jinja2.Environment(autoescape=False).from_string(macro + "{{ known_values() }}").render({"return": said.append})
    (families,) = said
    return {
        entity if family == "shared" else f"{family}_{entity}": columns
        for family, entities in families.items()
        for entity, columns in entities.items()
    }


def test_every_vocabulary_is_of_a_column_of_the_contract_whose_description_lists_it(known: dict[str, dict[str, list[str]]]) -> None:
    assert sum(len(columns) for columns in known.values()) == 14
    for table, columns in known.items():
        model = MODELS.partition(f"- name: {tables()[table].model}\n")[2]
        for column, values in columns.items():
            doc = re.search(rf"- name: {column}\n\s+data_type: \w+\n\s+description: \"{{{{ doc\('(\w+)'\) }}}}\"", model)
            assert doc, (table, column)
            text = DOCS.partition(f"{{% docs {doc[1]} %}}\n")[2].partition("{%")[0]
            listed = re.split(r", | or ", text.partition(": ")[2].strip().rstrip("."))
            assert listed == values, (table, column)


def test_suites_at_the_border_know_the_same_values(known: dict[str, dict[str, list[str]]]) -> None:
    checked = []
    for suite in expectations.RAW:
        table = suite.TABLE.removeprefix("files__")
        for each in suite.expectations():
            if each.expectation_type == "expect_column_values_to_be_in_set":
                assert each.value_set == known[table][each.column]
                checked.append((table, each.column))
    assert len(checked) == 6


def test_an_unknown_value_of_a_file_is_named_at_the_border(tmp_path: Path) -> None:
    database = tmp_path / "build.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw; create table raw.files__support_users as select unnest(['agent', 'wizard', null]) as role")
    (finding,) = validate(database, [suite for suite in expectations.RAW if suite.TABLE == "files__support_users"])
    assert (finding.table, finding.state) == ("raw.files__support_users", "failed")
    assert "support_users.role is customer, agent, admin, system or unknown" in finding.expectation
    assert "'wizard'" in finding.detail
