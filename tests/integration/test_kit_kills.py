"""Syncs that are killed at any instant: the next one goes on, and nothing is lost, doubled or left to clean."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from pipelines.landing import Landing
from tests.api_landing import SOURCE_ID, Client, child, n_repeated, newest_versions
from tests.fakes.paged import Shop
from tests.fakes.server import served

N_KILLS = int(os.environ.get("TWOWAY_KILLS", "50"))
ROWS_PER_LOAD = 150
TABLES = ("shop__items", "shop__stock")
# Children are forked from a process that has imported everything and runs no thread.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.api_landing"])


def _change(shop: Shop, rng: random.Random, day: int) -> None:
    for number in rng.sample(sorted(shop.items), 220):
        shop.put(number, f"edited on day {day}")
    for number in rng.sample(sorted(shop.items), 5):
        del shop.items[number]
    for number in range(20):
        shop.put(1_000 * day + number, f"new on day {day}")


def _assert_as_a_clean_pull(folder: Path, clean: Path, shop: Shop, url: str) -> None:
    Client(url, rows_per_load=ROWS_PER_LOAD).sync(folder)
    Client(url).sync(clean)
    present = {str(number) for number in shop.items}
    for table in TABLES:
        found = newest_versions(folder, table)
        if table == "shop__items":
            # Its endpoint does not tell of deletions.
            found = {key: row for key, row in found.items() if key in present}
        assert found == newest_versions(clean, table)
        assert set(found) == present
        assert n_repeated(folder, table) == 0
    landing = Landing(folder)
    landed = {landing.root / each.path for load in landing.loads(SOURCE_ID) for each in load.tables.values()}
    assert landed == set((folder / SOURCE_ID / "_loads").glob("shop__*/*.parquet"))
    kept = [path for path in (folder / SOURCE_ID / "_dlt").rglob("*") if path.parent.parent.name in ("normalize", "load")]
    assert [path for path in kept if path.parent.name != "loaded"] == []


def test_kills_at_random_instants(tmp_path: Path) -> None:
    rng = random.Random(20261122)
    shop, killed, finished, day = Shop(400), 0, 0, 0
    with served(shop.app) as url:
        longest = 1.0
        while killed < N_KILLS:
            process = CONTEXT.Process(target=child, args=(url, str(tmp_path / "killed"), ROWS_PER_LOAD, ""))
            started = time.monotonic()
            process.start()
            process.join(rng.uniform(0.0, longest))
            if process.is_alive():
                process.kill()
                process.join()
                killed += 1
                # A sync that has more to do than it gets time for must come on, too.
                longest = min(longest * 1.1, 6.0)
            else:
                finished += 1
                longest = max(time.monotonic() - started, 0.3)
                day += 1
                _change(shop, rng, day)
            assert process.exitcode in (0, -signal.SIGKILL)
        _assert_as_a_clean_pull(tmp_path / "killed", tmp_path / "clean", shop, url)
    assert finished >= 3


DEADLY = (
    "before pipelines.sources.kit.sync.tombstones",
    "after dlt.extract.extract.Extract.extract",
    "before dlt.extract.extract.Extract.commit_packages",
    "after dlt.extract.extract.Extract.commit_packages",
    "before dlt.pipeline.pipeline.Pipeline._save_state",
    "after dlt.pipeline.pipeline.Pipeline._save_state",
    "before dlt.pipeline.pipeline.Pipeline.normalize",
    "before dlt.normalize.normalize.Normalize.spool_files",
    "after dlt.normalize.normalize.Normalize.spool_files",
    "after dlt.pipeline.pipeline.Pipeline.normalize",
    "before dlt.load.load.Load.complete_package",
    "after dlt.load.load.Load.complete_package",
    # While dlt deletes a package that it has normalized: without its schema, it can't be normalized again.
    "unlinked schema.json",
    "after dlt.common.storages.load_package.PackageStorage.complete_loading_package",
    "before pipelines.landing.Landing.adopt",
    "before pipelines.landing.write_text_durably",
    "after pipelines.landing.write_text_durably",
)


@pytest.mark.parametrize("die_at", DEADLY)
def test_a_kill_at_a_named_instant(die_at: str, tmp_path: Path) -> None:
    shop = Shop(300)
    with served(shop.app) as url:
        if "tombstones" in die_at:
            Client(url).sync(tmp_path / "killed")
            _change(shop, random.Random(1), 1)
        process = CONTEXT.Process(target=child, args=(url, str(tmp_path / "killed"), ROWS_PER_LOAD, die_at))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        _assert_as_a_clean_pull(tmp_path / "killed", tmp_path / "clean", shop, url)
