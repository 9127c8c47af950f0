"""The frozen plan and the configuration: what fits, what does not, and how it is said."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import ConfigError
from pipelines.paths import BUNDLED_INPUT, DEFAULT_PLAN
from pipelines.plan import load_plan
from pipelines.settings import FilesSettings, Settings, instant, load_settings, source_id_of

SHIPPED = DEFAULT_PLAN.read_text()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and no settings of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "FILES", "PLAN", "HIDE_AGENTS", "MEMORY_LIMIT", "SECRET_KEY"):
        monkeypatch.delenv(f"TWOWAY_{name}", raising=False)
    return tmp_path


def edited(old: str, new: str) -> str:
    """The shipped plan with one place changed."""
    assert SHIPPED.count(old) == 1
    return SHIPPED.replace(old, new)


def assert_plan_is_refused(here: Path, text: str, *said: str) -> None:
    """The message names the file and then everything in `said`."""
    path = here / "plan.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="(?s)" + ".*".join(re.escape(part) for part in (str(path), *said))):
        load_plan(path)


# The plan.


def test_the_shipped_plan_is_named_by_the_hash_of_its_bytes() -> None:
    frozen = load_plan(DEFAULT_PLAN)
    assert frozen.sha256 == hashlib.sha256(DEFAULT_PLAN.read_bytes()).hexdigest()
    assert frozen.path == DEFAULT_PLAN
    claim = frozen.plan.claims.C1
    assert claim.outcome.horizon_weeks == 13
    assert claim.smallest_effect_of_interest == 0.005
    assert claim.responsiveness.cap_hours == 2160
    assert claim.primary_specification.effects == ["customer", "week"]
    assert claim.specification_curve.effects == [["customer", "week"], ["customer", "week_by_contact"]]
    assert claim.broadcast.adstock_rate in claim.specification_curve.adstock_rates
    assert frozen.plan.seed == 20261122


def test_a_comment_in_the_plan_changes_its_name_and_nothing_else(here: Path) -> None:
    path = here / "plan.yml"
    path.write_text(SHIPPED + "# one more thought\n")
    changed, shipped = load_plan(path), load_plan(DEFAULT_PLAN)
    assert changed.sha256 != shipped.sha256
    assert changed.plan == shipped.plan


@pytest.mark.parametrize("entry", ["smallest_effect_of_interest", "join_coverage"])
def test_a_loaded_plan_cannot_be_changed(entry: str) -> None:
    claim = load_plan(DEFAULT_PLAN).plan.claims.C1
    with pytest.raises(ValueError, match="frozen"):
        setattr(claim, entry, 0.1)


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        ("seed: 20261122", "seed: 20261122\nmood: good", "mood: "),
        ("customer_unit: person", "customer_unit: person\n    mood: good", "claims.C1.mood: "),
        ("      horizon_weeks: 13", "      horizon_weeks: 13\n      mood: good", "claims.C1.outcome.mood: "),
        ("horizon_weeks: 13", "horizon_weeks: thirteen", "claims.C1.outcome.horizon_weeks: "),
        ("horizon_weeks: 13", "horizon_weeks: 0", "claims.C1.outcome.horizon_weeks: "),
        ("horizon_weeks: 13", "horizon_weeks: 1.5", "claims.C1.outcome.horizon_weeks: "),
        (
            "point.\n    smallest_effect_of_interest: 0.005",
            "point.\n    smallest_effect_of_interest: -1",
            "claims.C1.smallest_effect_of_interest: ",
        ),
        ("customer_unit: person", "customer_unit: household", "claims.C1.customer_unit: "),
        ("effects: [customer, week]\n", "effects: [customer, month]\n", "claims.C1.primary_specification.effects.1: "),
        ("join_coverage: 0.95", "join_coverage: 95", "claims.C1.join_coverage: "),
        ("mixed_share: [0.2, 0.8]", "mixed_share: [0.8, 0.2]", "claims.C3.mixed_share: "),
        ("answered_within_hours: 72", "answered_within_hours: 24", "claims.C6.answered_within_hours: "),
        ("scorer_version: warmth-1", "scorer_version: warmth-0", "claims.C5.scorer_version: "),
        ("seed: 20261122", "", "seed: Field required"),
        ("    join_coverage: 0.95\n", "", "claims.C1.join_coverage: Field required"),
        ("frozen_on: 2026-11-22", "frozen_on: soon", "frozen_on: "),
        ("adstock_rate: 0.5", "adstock_rate: 0.4", "broadcast.adstock_rate must be one of specification_curve.adstock_rates"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(here: Path, old: str, new: str, entry: str) -> None:
    assert_plan_is_refused(here, edited(old, new), entry)


def test_everything_wrong_with_a_plan_is_named_at_once(here: Path) -> None:
    text = edited("horizon_weeks: 13", "horizon_weeks: x").replace("cap_hours: 2160", "cap_hours: -1")
    assert_plan_is_refused(here, text, "claims.C1.outcome.horizon_weeks: ", "claims.C1.responsiveness.cap_hours: ")


@pytest.mark.parametrize("text", ["plan: [", "a: b: c", "\tx: 1"])
def test_a_plan_that_is_not_yaml_is_refused(here: Path, text: str) -> None:
    assert_plan_is_refused(here, text, "is not YAML")


@pytest.mark.parametrize(("key", "line"), [("seed: 20261122", "seed: 7"), ("    panel:", "    panel: {}")])
def test_a_plan_that_says_one_thing_twice_is_refused(here: Path, key: str, line: str) -> None:
    name = line.strip().partition(":")[0]
    text = edited(f"\n{key}", f"\n{line}\n{key}")
    number = text[: text.index(f"\n{key}", text.index(f"\n{line}") + 1)].count("\n") + 2
    assert_plan_is_refused(here, text, f"{name!r} stands twice", f"line {number}")


@pytest.mark.parametrize("text", ["", "just a sentence", "- a\n- list\n"])
def test_a_plan_that_is_something_else_is_refused(here: Path, text: str) -> None:
    assert_plan_is_refused(here, text, "does not fit")


def test_a_plan_that_is_not_there_is_refused(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yml: the analysis plan can't be read \(No such file or directory\)"):
        load_plan(here / "nowhere.yml")


def test_a_plan_runs_no_code(here: Path) -> None:
    assert_plan_is_refused(here, "plan_id: !!python/object/apply:os.getcwd []\n", "is not YAML")


# Settings.


def test_without_any_configuration_the_bundled_data_are_used() -> None:
    settings = load_settings()
    assert settings.is_bundled
    assert [(source.source_id, source.folder, source.time_zone) for source in settings.sources()] == [("communities", BUNDLED_INPUT, None)]
    assert (settings.home, settings.plan) == (Path("twoway_home"), DEFAULT_PLAN)


def test_the_argument_goes_before_the_environment_and_that_before_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().home == Path("twoway_home")
    (here / "twoway.toml").write_text('home = "from the file"\nmemory_limit = "3GB"\n')
    assert load_settings().home == Path("from the file")
    monkeypatch.setenv("TWOWAY_HOME", "from the environment")
    assert load_settings().home == Path("from the environment")
    settings = load_settings(home=Path("from the argument"))
    assert settings.home == Path("from the argument")
    assert settings.memory_limit == "3GB"


def test_a_folder_on_the_command_line_replaces_the_configured_ones(here: Path) -> None:
    (here / "twoway.toml").write_text('[[files]]\nid = "a"\npath = "x"\n[[files]]\nid = "b"\npath = "y"\ntime_zone = "Europe/Berlin"\n')
    assert [(source.source_id, source.folder, source.time_zone) for source in load_settings().sources()] == [
        ("a", Path("x"), None),
        ("b", Path("y"), "Europe/Berlin"),
    ]
    assert [source.source_id for source in load_settings(input_folder=here / "export").sources()] == ["export"]


def test_the_file_is_read_from_the_current_folder_only(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "twoway.toml").write_text('home = "outside"\n')
    inside = here / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert load_settings().home == Path("twoway_home")


def test_a_relative_home_is_found_from_the_current_folder(here: Path) -> None:
    assert load_settings(home=Path("somewhere")).paths.root == here.resolve() / "somewhere"


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('homee = "x"', "homee: "),
        ('memory_limit = "lots"', "memory_limit: "),
        ('hide_agents = "perhaps"', "hide_agents: "),
        ('[[files]]\nid = "a"\n', "files.0.path: "),
        ('[[files]]\nid = "a/b"\npath = "x"\n', "files.0.id: "),
        ('[[files]]\nid = "a"\npath = "x"\n[[files]]\nid = "b"\npath = "y"\nzone = "UTC"\n', "files.1.zone: "),
    ],
)
def test_a_bad_setting_in_the_file_is_named(here: Path, text: str, setting: str) -> None:
    (here / "twoway.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(setting)):
        load_settings()


def test_a_bad_setting_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOWAY_HIDE_AGENTS", "perhaps")
    with pytest.raises(ConfigError, match="hide_agents: "):
        load_settings()


def test_a_configuration_file_that_is_not_toml_is_refused(here: Path) -> None:
    (here / "twoway.toml").write_text("hide_agents = true\nhome = \n")
    with pytest.raises(ConfigError, match=re.escape(f"{here / 'twoway.toml'} is not TOML: ") + ".*line 2"):
        load_settings()


def test_a_list_in_the_environment_that_is_not_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOWAY_FILES", "my folder")
    with pytest.raises(ConfigError, match="files"):
        load_settings()


def test_two_sources_of_one_name_are_refused(here: Path) -> None:
    (here / "twoway.toml").write_text('[[files]]\nid = "a"\npath = "x"\n[[files]]\nid = "a"\npath = "y"\n')
    with pytest.raises(ConfigError, match="files"):
        load_settings()


@pytest.mark.parametrize("size", ["512MB", "1.5GB", "2 GiB", "800KB", "1TB"])
def test_a_memory_limit_is_a_size(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setenv("TWOWAY_MEMORY_LIMIT", size)
    assert load_settings().memory_limit == size


@pytest.mark.parametrize(
    ("name", "source_id"),
    [
        ("acme", "acme"),
        ("Q3 export (final)", "Q3-export-final"),
        ("o'hara; drop table x", "o-hara-drop-table-x"),
        (".hidden", "hidden"),
        ("v1.2_eu-west", "v1.2_eu-west"),
        ("x" * 200, "x" * 64),
    ],
)
def test_a_folder_s_name_is_made_a_source_id(here: Path, name: str, source_id: str) -> None:
    assert source_id_of(here / name) == source_id


def test_a_folder_without_one_usable_letter_still_has_a_source_id(here: Path) -> None:
    first, second = source_id_of(here / "日本"), source_id_of(here / "中国")
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    assert first != second


FOLDERS = [
    "acme",
    "Q3 export (final)",
    "日本",
    "Ünï",
    "..a..",
    "9",
    "x" * 63 + "-y",
    "_export",
]


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_can_be_given_on_the_command_line(here: Path, name: str) -> None:
    (source,) = load_settings(input_folder=here / name).sources()
    assert source.folder == here / name
    assert source.source_id == source_id_of(here / name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
        ("2026-01-31 09:30+00:00", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_brought_to_utc(text: str, expected: datetime) -> None:
    assert instant(text) == expected
    assert instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-31T09:30:00", "2026-01-31", "2026-02-30T00:00:00Z", "yesterday", ""])
def test_an_as_of_without_a_zone_or_day_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instant(text)
    assert repr(text) in str(caught.value)
    assert "Write it like 2026-01-31T09:30:00Z." in str(caught.value)


# The key that hides persons.


def own_data(here: Path) -> Settings:
    settings = Settings(files=[FilesSettings(id="acme", path=here / "acme")], home=here / "home")
    settings.paths.prepare()
    return settings


def test_the_key_of_a_home_is_made_once_for_its_owner_and_used_again(here: Path) -> None:
    settings = own_data(here)
    first = settings.person_key()
    path = settings.paths.secret_key
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first) == 64
    assert path.read_text().encode() == first
    assert own_data(here).person_key() == first


def test_every_home_has_a_key_of_its_own(here: Path) -> None:
    (here / "other").mkdir()
    assert own_data(here).person_key() != own_data(here / "other").person_key()


def test_the_environment_s_key_goes_before_the_home_s(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOWAY_SECRET_KEY", "correct horse")
    settings = own_data(here)
    assert settings.person_key() == b"correct horse"
    assert not settings.paths.secret_key.exists()
    assert "correct horse" not in repr(settings)


def test_the_bundled_data_have_a_fixed_and_public_key(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=here / "home")
    settings.paths.prepare()
    assert settings.person_key() == b"twoway bundled data, public key"
    monkeypatch.setenv("TWOWAY_SECRET_KEY", "correct horse")
    assert Settings(home=here / "home").person_key() == b"twoway bundled data, public key"
    assert not settings.paths.secret_key.exists()


def test_an_empty_key_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOWAY_SECRET_KEY", "")
    with pytest.raises(ConfigError, match="secret_key"):
        load_settings(home=here, input_folder=here / "acme").person_key()


def test_a_key_file_that_was_left_empty_is_not_used(here: Path) -> None:
    settings = own_data(here)
    settings.paths.secret_key.touch(mode=0o600)
    assert settings.person_key() != b""
