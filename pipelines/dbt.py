"""dbt as a subprocess: in-process it would keep the database's lock (dbt-core#11980)."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.errors import TwowayError
from pipelines.paths import DBT_PROJECT, Home

PUBLISHED_SCHEMAS = ("core", "claim", "meta", "responsiveness")


def dbt_environment(home: Home, memory_limit: str, systems: Sequence[str] = ()) -> dict[str, str]:
    """Environment of a dbt process that works on a home's build database, with the staging of the source systems in use."""
    return {
        "TWOWAY_BUILD_DB": str(home.build),
        "TWOWAY_MEMORY_LIMIT": memory_limit,
        "TWOWAY_TEMP_DIR": str(home.temp),
        "DBT_LOG_PATH": str(home.logs),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "TWOWAY_SYSTEMS": ",".join(systems),
    }


def target_folder(home: Home) -> Path:
    """dbt's target folder: per home, because a changed database path makes dbt parse everything anew."""
    return home.root / "dbt"


@cache
def project_sha() -> str:
    """SHA-256 of the dbt project's files."""
    digest = hashlib.sha256()
    folders = ("models", "macros", "seeds", "tests")
    files = [DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml"]
    files += [path for folder in folders for path in (DBT_PROJECT / folder).rglob("*") if path.is_file()]
    for path in sorted(files):
        digest.update(path.relative_to(DBT_PROJECT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def ensure_manifest(home: Home, memory_limit: str, systems: Sequence[str] = ()) -> Path:
    """Parse the project unless this home's manifest is of the same project files and source systems.

    Returns:
        Path of `manifest.json`.

    Raises:
        TwowayError: dbt could not parse the project; holds dbt's own words.
    """
    target = target_folder(home)
    target.mkdir(parents=True, exist_ok=True)
    manifest, stamp = target / "manifest.json", target / "project.sha256"
    parsed_from = " ".join([project_sha(), *systems])
    with (target / "parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if manifest.exists() and stamp.exists() and stamp.read_text() == parsed_from:
            return manifest
        _call(home, memory_limit, systems, f"parse {DBT_PROJECT}", "parse")
        stamp.write_text(parsed_from)
    return manifest


def build_staging(home: Home, memory_limit: str, systems: Sequence[str]) -> None:
    """Make the staging views of source systems ahead of the build, for steps that read texts and persons before it.

    Raises:
        TwowayError: dbt could not make them; holds dbt's own words.
    """
    selected = [f"path:models/staging/{system}" for system in systems]
    _call(home, memory_limit, systems, f"make the staging of {', '.join(systems)}", "run", "--select", *selected)


def _call(home: Home, memory_limit: str, systems: Sequence[str], purpose: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--quiet"]
    command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(target_folder(home))]
    environment = {**os.environ, **dbt_environment(home, memory_limit, systems)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TwowayError(f"dbt could not {purpose}:\n{done.stdout}{done.stderr}")


def published_models(manifest: Path) -> list[Mapping[str, Any]]:
    """Manifest nodes of the models and seeds that the snapshot carries, in order of schema and name."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    chosen = [node for node in nodes if node["resource_type"] in ("model", "seed") and node["schema"] in PUBLISHED_SCHEMAS]
    return sorted(chosen, key=lambda node: (node["schema"], node["name"]))
