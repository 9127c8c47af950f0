"""dbt: everything up to the claim's marts, and later the verdicts. Two invocations a run, no more."""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets
from packaging.version import Version, parse

from pipelines.dbt import dbt_environment, target_folder
from pipelines.paths import DBT_PROJECT
from pipelines.settings import Settings
from pipelines.state import begin_build, finish_build
from pipelines.translator import TwowayTranslator

VERDICTS = "tag:verdict"
# dbt's own log file repeats at debug level what Dagster keeps.
QUIET = ["--no-use-colors", "--log-level-file", "none"]


class LeanDbtCli(DbtCliResource):
    """dbt's command line without two start-ups that nothing here needs: `dbt --version` and an adapter inside Dagster."""

    @cached_property
    def _cli_version(self) -> Version:
        return parse(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        del args


class WarehouseConfig(dg.Config):
    """`full_refresh`: compute everything anew, not only what changed since the last build."""

    full_refresh: bool = False


def dbt_arguments(full_refresh: bool) -> list[str]:
    """Build models with their data tests; unit tests belong to `make test`."""
    return ["build", "--exclude-resource-type", "unit_test", *(["--full-refresh"] if full_refresh else [])]


def transform_assets(settings: Settings, manifest: Path) -> list[dg.AssetsDefinition]:
    """Assets of the dbt project: `warehouse` (all models but the verdicts) and `verdicts`."""
    translator = TwowayTranslator(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
    home = settings.paths

    def run_dbt(context: dg.AssetExecutionContext, full_refresh: bool = False) -> Iterator[Any]:
        # Dagster hands its own environment on to dbt.
        os.environ.update(dbt_environment(home, settings.memory_limit, settings.system_names))
        dbt = LeanDbtCli(
            project_dir=str(DBT_PROJECT),
            profiles_dir=str(DBT_PROJECT),
            dbt_executable=str(Path(sys.executable).with_name("dbt")),
            global_config_flags=QUIET,
        )
        yield from dbt.cli(dbt_arguments(full_refresh), context=context, target_path=target_folder(home)).stream()

    @dbt_assets(
        manifest=manifest,
        exclude=VERDICTS,
        name="warehouse",
        dagster_dbt_translator=translator,
        required_resource_keys={"run_lock"},
    )
    def warehouse(context: dg.AssetExecutionContext, config: WarehouseConfig):
        # A part of the models can't tell what the others have seen: it is computed anew, and so is all the next time.
        full_refresh = begin_build(home, settings.memory_limit, config.full_refresh or context.is_subset)
        context.log.info("everything is computed anew" if full_refresh else "only what changed since the last build is computed")
        yield from run_dbt(context, full_refresh)
        if not context.is_subset:
            finish_build(home, settings.memory_limit)

    @dbt_assets(
        manifest=manifest,
        select=VERDICTS,
        name="verdicts",
        dagster_dbt_translator=translator,
        required_resource_keys={"run_lock"},
    )
    def verdicts(context: dg.AssetExecutionContext):
        yield from run_dbt(context)

    return [warehouse, verdicts]
