"""Shared fixtures: one published home per test session, made by the command that users type."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import CompiledProject

PROJECT = Path(__file__).resolve().parents[1]
TWOWAY = Path(sys.executable).with_name("twoway")


def twoway(*arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `twoway` command and capture what it prints."""
    command = [str(TWOWAY), *(str(argument) for argument in arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TWOWAY_", "DAGSTER_", "DBT_"))}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env={**clean, **(env or {})})


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the bundled data were published once. Tests must leave it as it is."""
    home = tmp_path_factory.mktemp("published") / "home"
    result = twoway("run", "--home", home)
    assert result.returncode == 0, result.stderr
    return home


@pytest.fixture(scope="session")
def snapshot(published_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to that home's snapshot."""
    with duckdb.connect(str(published_home / "published" / "twoway.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="session")
def compiled_project(tmp_path_factory: pytest.TempPathFactory) -> CompiledProject:
    """The dbt models, compiled once, for tests that run them in memory."""
    return CompiledProject.compile(tmp_path_factory.mktemp("compiled"))
