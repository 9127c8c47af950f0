"""Landing: loads that are there whole or not at all, each source on its own."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

import pipelines.landing
import pipelines.sources.files.source
from pipelines.errors import SourceError, TwowayError
from pipelines.files_io import sha256_of
from pipelines.ingest import land_sources, last_attempts, require_a_source, usable_loads
from pipelines.landing import LandedFile, Landing, Load
from pipelines.settings import FilesSettings, Settings
from pipelines.sources.files import FilesSource

RATES = "currency,day,rate_to_base\n"
OWNERS = "owner_id,name\n"


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the person who runs the tests out of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "FILES", "PLAN", "HIDE_AGENTS", "MEMORY_LIMIT", "SECRET_KEY"):
        monkeypatch.delenv(f"TWOWAY_{name}", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "acme"
    made.mkdir()
    (made / "fx_rates.csv").write_text(RATES + "EUR,2026-01-01,1\nUSD,2026-01-01,2\n")
    (made / "crm_owners.csv").write_text(OWNERS + "o1,Ann\n")
    return made


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "home" / "landing")


def land(landing: Landing, folder: Path, time_zone: str | None = None) -> Load:
    return landing.land(FilesSource("acme", folder, time_zone), landing.root.parent / "temp")


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def column_of(landing: Landing, landed: LandedFile, column: str) -> list[object]:
    """A landed file's column in the file's own order."""
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(f"select {column} from read_parquet(?)", [str(landing.root / landed.path)]).fetchall()
    return [value for (value,) in rows]


def test_a_first_load_holds_every_table_and_says_where_it_came_from(landing: Landing, folder: Path) -> None:
    load = land(landing, folder)
    assert load.load_id == "00000001"
    assert {name: (landed.rows, landed.origin) for name, landed in load.tables.items()} == {
        "fx_rates": (2, "fx_rates.csv"),
        "crm_owners": (1, "crm_owners.csv"),
    }
    assert load.n_rows == 3
    assert set(load.inputs) == {"fx_rates.csv", "crm_owners.csv"}
    assert files_below(landing.root) == {
        "acme/_manifests/00000001.json",
        "acme/crm_owners/00000001.parquet",
        "acme/fx_rates/00000001.parquet",
    }
    assert landing.newest("acme") == load
    landing.verify(load)


def test_a_source_without_loads_has_no_newest_one(landing: Landing) -> None:
    assert landing.newest("acme") is None


def test_landing_the_same_content_again_reuses_the_load(landing: Landing, folder: Path) -> None:
    first = land(landing, folder)
    before = files_below(landing.root)
    assert land(landing, folder) == first
    assert files_below(landing.root) == before


def test_changed_content_makes_a_new_load_and_leaves_the_old_one_whole(landing: Landing, folder: Path) -> None:
    first = land(landing, folder)
    (folder / "fx_rates.csv").write_text(RATES + "EUR,2026-01-01,3\n")
    second = land(landing, folder)
    assert (first.load_id, second.load_id) == ("00000001", "00000002")
    assert landing.newest("acme") == second
    assert column_of(landing, second.tables["fx_rates"], "rate_to_base") == [3.0]
    landing.verify(first)


def test_a_table_taken_out_of_the_folder_leaves_the_newest_load(landing: Landing, folder: Path) -> None:
    land(landing, folder)
    (folder / "crm_owners.csv").unlink()
    assert set(land(landing, folder).tables) == {"fx_rates"}


def test_content_that_went_back_to_an_older_state_is_a_new_load(landing: Landing, folder: Path) -> None:
    original = (folder / "fx_rates.csv").read_text()
    land(landing, folder)
    (folder / "fx_rates.csv").write_text(RATES)
    land(landing, folder)
    (folder / "fx_rates.csv").write_text(original)
    third = land(landing, folder)
    assert third.load_id == "00000003"
    assert third.tables["fx_rates"].rows == 2


def test_the_same_content_read_in_another_zone_is_a_new_load(landing: Landing, folder: Path) -> None:
    (folder / "support_incidents.csv").write_text("incident_id,started_at\ni1,2026-07-01T12:00:00\n")
    berlin = land(landing, folder, "Europe/Berlin")
    tokyo = land(landing, folder, "Asia/Tokyo")
    hours = [column_of(landing, load.tables["support_incidents"], "hour(started_at at time zone 'UTC')") for load in (berlin, tokyo)]
    assert hours == [[10], [3]]


def test_the_same_content_under_another_contract_is_a_new_load(landing: Landing, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land(landing, folder)
    monkeypatch.setattr(pipelines.sources.files.source, "contract_sha", lambda: "another contract")
    assert land(landing, folder).load_id == "00000002"


def test_a_read_that_fails_leaves_the_last_load_and_nothing_else(landing: Landing, folder: Path) -> None:
    first = land(landing, folder)
    before = files_below(landing.root)
    (folder / "crm_owners.csv").write_text(OWNERS + "o1,Ben\n")
    (folder / "fx_rates.csv").write_text(RATES + "EUR,yesterday,1\n")
    with pytest.raises(SourceError, match="yesterday"):
        land(landing, folder)
    assert landing.newest("acme") == first
    assert files_below(landing.root) == before
    landing.verify(first)


def test_parquet_without_a_manifest_is_not_there(landing: Landing, folder: Path) -> None:
    stray = landing.root / "acme" / "fx_rates" / "00000001.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left behind")
    assert landing.newest("acme") is None
    load = land(landing, folder)
    assert column_of(landing, load.tables["fx_rates"], "currency") == ["EUR", "USD"]


def test_a_load_that_died_before_its_manifest_is_landed_anew(landing: Landing, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = land(landing, folder)
    (folder / "fx_rates.csv").write_text(RATES + "GBP,2026-01-01,1\n")
    with monkeypatch.context() as patched:

        def power_cut(target: Path, text: str) -> None:
            raise OSError(f"power cut before {len(text)} characters of {target.name}")

        patched.setattr(pipelines.landing, "write_text_durably", power_cut)
        with pytest.raises(OSError, match=r"power cut before \d+ characters of 00000002\.json"):
            land(landing, folder)
    assert (landing.root / "acme" / "fx_rates" / "00000002.parquet").exists()
    assert landing.newest("acme") == first

    (folder / "fx_rates.csv").write_text(RATES + "CHF,2026-01-01,1\n")
    second = land(landing, folder)
    assert second.load_id == "00000002"
    assert column_of(landing, second.tables["fx_rates"], "currency") == ["CHF"]
    landing.verify(second)


def test_landed_rows_stand_in_the_order_of_the_file(landing: Landing, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    numbers = [(number * 7919) % 150_001 for number in range(150_000)]
    text = "".join(f"{number},name of {number}\n" for number in numbers)
    (folder / "crm_owners.csv").write_text(OWNERS + text)
    load = land(landing, folder)
    assert column_of(landing, load.tables["crm_owners"], "_row_number") == list(range(1, 150_001))
    assert column_of(landing, load.tables["crm_owners"], "owner_id::int") == numbers


def test_a_flipped_byte_in_a_landed_file_is_found(landing: Landing, folder: Path) -> None:
    load = land(landing, folder)
    path = landing.root / load.tables["fx_rates"].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        landing.verify(load)
    (problem,) = caught.value.problems
    assert problem.file == "acme/fx_rates/00000001.parquet"
    assert "is not what was landed" in problem.what
    assert "remove its manifest to land anew" in problem.what


def test_every_landed_file_that_is_gone_or_changed_is_found(landing: Landing, folder: Path) -> None:
    load = land(landing, folder)
    (landing.root / load.tables["fx_rates"].path).unlink()
    (landing.root / load.tables["crm_owners"].path).write_bytes(b"")
    with pytest.raises(SourceError) as caught:
        landing.verify(load)
    assert {problem.file for problem in caught.value.problems} == {landed.path for landed in load.tables.values()}
    assert "is gone" in str(caught.value)


def test_a_manifest_holds_when_its_home_moves(landing: Landing, folder: Path, tmp_path: Path) -> None:
    load = land(landing, folder)
    shutil.move(landing.root, tmp_path / "moved")
    moved = Landing(tmp_path / "moved")
    assert moved.newest("acme") == load
    moved.verify(load)
    assert str(tmp_path) not in (moved.root / "acme" / "_manifests" / "00000001.json").read_text()


# All configured sources.


@pytest.fixture
def two_sources(tmp_path: Path, folder: Path) -> Settings:
    other = tmp_path / "other"
    other.mkdir()
    (other / "crm_owners.csv").write_text(OWNERS + "o9,Zoe\n")
    settings = Settings(files=[FilesSettings(id="first", path=folder), FilesSettings(id="second", path=other)], home=tmp_path / "home")
    settings.paths.prepare()
    return settings


def test_each_source_lands_on_its_own(two_sources: Settings) -> None:
    attempts = land_sources(two_sources)
    assert [(each.source_id, each.load_id, each.n_rows, each.error) for each in attempts] == [
        ("first", "00000001", 3, None),
        ("second", "00000001", 1, None),
    ]
    assert last_attempts(two_sources) == attempts
    assert [load.source_id for load in usable_loads(two_sources)] == ["first", "second"]


def test_a_broken_source_does_not_stop_the_others(two_sources: Settings, tmp_path: Path) -> None:
    (tmp_path / "acme" / "fx_rates.csv").write_text(RATES + "EUR,yesterday,1\nUSD,2026-01-01,much\n")
    broken, fine = land_sources(two_sources)
    assert (broken.complete_at, fine.complete_at is None) == (None, False)
    assert (fine.source_id, fine.load_id, fine.n_rows, fine.error) == ("second", "00000001", 1, None)
    assert (broken.source_id, broken.load_id, broken.n_rows) == ("first", None, 0)
    assert broken.error is not None
    day, rate = broken.error.splitlines()
    assert day.startswith("fx_rates.csv, column day, row 1: 'yesterday' ")
    assert rate.startswith("fx_rates.csv, column rate_to_base, row 2: 'much' ")
    assert last_attempts(two_sources) == [broken, fine]
    assert [load.source_id for load in usable_loads(two_sources)] == ["second"]


def test_a_source_that_broke_keeps_its_last_load(two_sources: Settings, tmp_path: Path) -> None:
    before, _ = land_sources(two_sources)
    (tmp_path / "acme" / "fx_rates.csv").write_bytes(b"")
    (tmp_path / "other" / "crm_owners.csv").write_text(OWNERS + "o9,Zoe\no8,Yan\n")
    broken, _ = land_sources(two_sources)
    assert broken.error is not None
    assert broken.complete_at == before.complete_at
    assert [(load.source_id, load.load_id, load.n_rows) for load in usable_loads(two_sources)] == [
        ("first", "00000001", 3),
        ("second", "00000002", 2),
    ]


def test_what_nobody_foresaw_in_one_source_does_not_stop_the_others(two_sources: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Landing.land

    def faulty(self: Landing, source: FilesSource, temp: Path) -> Load:
        if source.source_id == "first":
            raise KeyError("a secret of the vendor")
        return original(self, source, temp)

    monkeypatch.setattr(Landing, "land", faulty)
    broken, fine = land_sources(two_sources)
    assert fine.error is None
    assert broken.error is not None
    assert "KeyError in test_landing.py" in broken.error
    assert "secret" not in broken.error


def test_a_missing_folder_is_a_broken_source(two_sources: Settings, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "acme")
    broken, fine = land_sources(two_sources)
    assert broken.error is not None
    assert "is not a folder" in broken.error
    assert fine.error is None


def test_no_source_that_could_be_used_is_an_error_with_everything_in_it(two_sources: Settings, tmp_path: Path) -> None:
    (tmp_path / "acme" / "fx_rates.csv").write_bytes(b"")
    (tmp_path / "other" / "crm_owners.csv").write_text("name\nZoe\n")
    land_sources(two_sources)
    with pytest.raises(TwowayError) as caught:
        require_a_source(two_sources)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["fx_rates.csv", "crm_owners.csv, column owner_id"]
    assert [attempt.load_id for attempt in last_attempts(two_sources)] == [None, None]
    assert usable_loads(two_sources) == []


def test_there_are_no_attempts_before_the_first(two_sources: Settings) -> None:
    assert last_attempts(two_sources) == []


def test_attempts_are_plain_json_for_others_to_read(two_sources: Settings) -> None:
    land_sources(two_sources)
    content = json.loads((two_sources.paths.landing / "last_attempts.json").read_text())
    assert [set(attempt) for attempt in content] == [
        {"source_id", "load_id", "n_rows", "error", "complete_at", "pulled", "landed", "seconds"}
    ] * 2


def test_a_source_with_a_zone_that_does_not_exist_does_not_stop_the_others(two_sources: Settings, tmp_path: Path) -> None:
    (tmp_path / "acme" / "support_incidents.csv").write_text("incident_id,started_at\ni1,2026-07-01T12:00:00\n")
    first, second = two_sources.files
    settings = two_sources.model_copy(update={"files": [first.model_copy(update={"time_zone": "Mars/Olympus"}), second]})
    broken, fine = land_sources(settings)
    assert (broken.load_id, fine.load_id) == (None, "00000001")


def test_a_file_that_may_not_be_read_does_not_stop_the_other_sources(two_sources: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        if path.name == "fx_rates.csv":
            raise PermissionError(13, "Permission denied")
        return sha256_of(path)

    monkeypatch.setattr(pipelines.landing, "sha256_of", refused)
    broken, fine = land_sources(two_sources)
    assert broken.error == "fx_rates.csv: can't be opened (Permission denied). Check that it may be read, or remove it."
    assert fine.load_id == "00000001"


def test_a_link_that_leads_nowhere_is_not_passed_over(two_sources: Settings, tmp_path: Path) -> None:
    (tmp_path / "acme" / "brands.csv").symlink_to(tmp_path / "unmounted" / "brands.csv")
    broken, fine = land_sources(two_sources)
    assert broken.error == "brands.csv: can't be opened (No such file or directory). Check that it may be read, or remove it."
    assert fine.error is None


def test_a_file_that_arrives_while_others_are_read_waits_for_the_next_load(
    landing: Landing, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(path: Path) -> str:
        (folder / "crm_owners.0.csv").write_text(OWNERS + "o0,Late\n")
        return sha256_of(path)

    with monkeypatch.context() as patched:
        patched.setattr(pipelines.landing, "sha256_of", late)
        first = land(landing, folder)
    assert (set(first.inputs), first.tables["crm_owners"].rows) == ({"crm_owners.csv", "fx_rates.csv"}, 1)
    second = land(landing, folder)
    assert column_of(landing, second.tables["crm_owners"], "owner_id || ' ' || _file") == ["o1 crm_owners.csv", "o0 crm_owners.0.csv"]
