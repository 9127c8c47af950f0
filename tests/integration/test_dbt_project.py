"""Rules of the dbt project, read from its manifest, and its unit tests."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import contract
from pipelines.dbt import dbt_environment, target_folder
from pipelines.paths import DBT_PROJECT, Home

# What a layer may read; only staging reads raw, only verdicts read estimates. Seeds are lists that rules need.
MAY_READ = {
    "staging": {"source.files"},
    "input": {"staging"},
    "intermediate": {"input", "intermediate", "seeds", "source.run", "source.state"},
    "marts": {"input", "intermediate", "marts", "source.run"},
    # The registry of claims is a seed: which rule a claim has.
    "verdicts": {"verdicts", "seeds", "source.estimates", "source.run"},
}


@pytest.fixture(scope="module")
def manifest(published_home: Path) -> dict[str, Any]:
    return json.loads((target_folder(Home(published_home)) / "manifest.json").read_text())


def _models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def _layer(manifest: dict[str, Any], unique_id: str) -> str:
    if unique_id.startswith("source."):
        return f"source.{manifest['sources'][unique_id]['source_name']}"
    if unique_id.startswith("seed."):
        return "seeds"
    return manifest["nodes"][unique_id]["fqn"][1]


def test_every_layer_reads_only_what_it_may(manifest: dict[str, Any]) -> None:
    wrong = [
        f"{model['name']} reads {parent}"
        for model in _models(manifest)
        for parent in model["depends_on"]["nodes"]
        if _layer(manifest, parent) not in MAY_READ[model["fqn"][1]]
    ]
    assert wrong == []


def test_every_model_has_its_grain_described_and_tested(manifest: dict[str, Any]) -> None:
    tested = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_grain"
    }
    for model in _models(manifest):
        if model["fqn"][1] == "staging":
            continue
        assert model["description"].startswith("One row per"), model["name"]
        grain = [column.strip('"') for column in tested[model["unique_id"]]]
        assert grain == model["config"]["meta"]["grain"], model["name"]


def test_every_column_of_input_and_marts_is_described_and_under_contract(manifest: dict[str, Any]) -> None:
    for model in _models(manifest):
        if model["fqn"][1] in ("input", "marts", "verdicts"):
            assert model["config"]["contract"]["enforced"], model["name"]
            assert [column["name"] for column in model["columns"].values() if not column["description"]] == [], model["name"]


def test_every_table_of_the_canonical_contract_has_source_staging_and_input(manifest: dict[str, Any]) -> None:
    names = {model["name"] for model in _models(manifest)}
    sources = {source["name"] for source in manifest["sources"].values()}
    assert len(contract.tables()) == 31
    for table in contract.tables().values():
        assert {f"stg_files__{table.name}", table.model} <= names
        assert table.raw_name in sources


def test_every_landed_table_says_when_it_would_be_stale(manifest: dict[str, Any]) -> None:
    landed = [source for source in manifest["sources"].values() if source["source_name"] == "files"]
    assert len(landed) == len(contract.tables())
    for source in landed:
        assert source["loaded_at_query"], source["name"]
        assert source["freshness"]["warn_after"] == {"count": 2, "period": "day"}, source["name"]
        assert source["freshness"]["error_after"] == {"count": 14, "period": "day"}, source["name"]


def test_no_model_asks_the_clock() -> None:
    banned = ("current_timestamp", "now()", "current_date", "today()", "get_current_timestamp", "run_started_at")
    found = [f"{path.name}: {word}" for path in DBT_PROJECT.glob("m*/**/*.sql") for word in banned if word in path.read_text().lower()]
    assert found == []


def test_all_unit_tests_of_the_models_pass(published_home: Path, tmp_path: Path) -> None:
    build = Path(shutil.copy(published_home / "build.duckdb", tmp_path / "build.duckdb"))
    environment = {**os.environ, **dbt_environment(Home(tmp_path), "1GB"), "TWOWAY_BUILD_DB": str(build), "TWOWAY_TEMP_DIR": str(tmp_path)}
    command = [str(Path(sys.executable).with_name("dbt")), "--warn-error", "test", "--select", "test_type:unit"]
    command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(tmp_path / "target")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stdout
    outcomes = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    assert len(outcomes) >= 130
    assert {outcome["status"] for outcome in outcomes} == {"pass"}
