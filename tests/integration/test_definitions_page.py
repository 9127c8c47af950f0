"""The definitions page can't lie: its example runs through the models, and every value printed is compared."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.dbt import target_folder
from pipelines.definitions_page import PAGE, DefinitionsPage, load_page
from pipelines.explain.example import load_company
from pipelines.paths import Home
from tests.conftest import twoway

VENDORS = {"Zendesk", "Intercom", "Sprout Social"}


@pytest.fixture(scope="module")
def example_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the example company was published."""
    folder = tmp_path_factory.mktemp("definitions")
    company = load_company()
    company.write(folder / "company")
    result = twoway("run", "--home", folder / "home", "--input", folder / "company", "--as-of", company.as_of.isoformat())
    assert result.returncode == 0, result.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def published(example_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(example_home / "published" / "twoway.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def manifest(published_home: Path) -> Path:
    return target_folder(Home(published_home)) / "manifest.json"


@pytest.fixture(scope="module")
def page(manifest: Path) -> DefinitionsPage:
    return load_page(manifest)


def test_the_committed_page_is_what_make_docs_writes(page: DefinitionsPage) -> None:
    assert page.text() == PAGE.read_text(), "docs/definitions.md is out of date: run `make docs`"


def test_every_value_on_the_page_is_what_the_models_publish(page: DefinitionsPage, published: duckdb.DuckDBPyConnection) -> None:
    compared = 0
    for metric in page.metrics:
        example = metric["example"]
        if not page.is_published(metric):
            continue
        for column, expected in example.get("expected", {}).items():
            query = f"select {column} from core.fct_tickets where ticket_id = ?"
            assert published.execute(query, [example["ticket"]]).fetchone() == (expected,), (metric["id"], column)
            compared += 1
        for name, value in example.get("values", {}).items():
            assert published.execute(value["query"]).fetchone() == (value["expected"],), (metric["id"], name)
            compared += 1
    assert compared >= 40


def test_every_metric_is_defined_in_dbt_s_docs_and_its_columns_carry_that_definition(page: DefinitionsPage, manifest: Path) -> None:
    content: dict[str, Any] = json.loads(manifest.read_text())
    docs = {name.split(".")[-1]: doc["block_contents"].strip() for name, doc in content["docs"].items()}
    columns = {
        f"{node['schema']}.{node['name']}.{name}": column["description"]
        for node in content["nodes"].values()
        if node["resource_type"] == "model"
        for name, column in node["columns"].items()
    }
    for metric in page.metrics:
        definitions = [docs[f"metric__{doc}"] for doc in metric.get("docs", [metric["id"]])]
        for column in metric["columns"] if page.is_published(metric) else []:
            if column.startswith(("core.fct_tickets.", "core.fct_response_turns.", "core.fct_mentions.")):
                assert columns[column].startswith(tuple(definitions)), column


def test_every_metric_says_how_each_vendor_defines_it_and_why_numbers_differ(page: DefinitionsPage) -> None:
    for metric in page.metrics:
        assert {vendor["vendor"] for vendor in metric["vendors"]} == VENDORS, metric["id"]
        assert metric["differs"], metric["id"]


def test_explain_works_out_the_example_and_finds_its_way_to_the_landed_rows(example_home: Path) -> None:
    result = twoway("explain", "101", "--home", example_home)
    assert result.returncode == 0, result.stdout
    assert "first human reply, business      2 h 12 min          7,920 s  09:00 → 12:12, closed 11:00 to 12:00" in result.stdout
    assert "https://acme.example.com/tickets/101" in result.stdout
    assert "All 31 measures, worked out anew from the timeline, equal the published ones." in result.stdout
    assert "support_messages.jsonl rows 1 to 9" in result.stdout
    assert "docs/definitions.md" in result.stdout
