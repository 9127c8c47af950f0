"""Source systems through dbt: staging is switched on by the configuration, and the input layer holds files and systems alike."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from pipelines import contract
from pipelines.dbt import build_staging, dbt_environment, target_folder
from pipelines.errors import ConfigError
from pipelines.landing import Landing
from pipelines.paths import BUNDLED_INPUT, DBT_PROJECT, DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.running import dbt_failures
from pipelines.settings import load_settings, secrets_of
from pipelines.sources.files import FilesSource
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.registry import MODULES, system_named
from pipelines.state import create_state
from pipelines.warehouse import RunContext, connect, load_raw
from tests.conftest import PROJECT
from tests.fakes.bluesky import RecordedBluesky
from tests.fakes.bottlecrm import BottleCrm
from tests.fakes.github import GitHub
from tests.fakes.hubspot import HubSpot
from tests.fakes.mastodon import Mastodon
from tests.fakes.request_tracker import RequestTracker
from tests.fakes.server import served
from tests.fakes.zendesk import Zendesk
from tests.systems import canonical, staged

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
SYSTEMS = sorted(MODULES)
SOURCE_IDS = {
    "bluesky": "sky", "bottlecrm": "bottle", "github": "gh", "hubspot": "crm", "mastodon": "toots", "request_tracker": "rt",
    "zendesk": "desk",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose landing holds the bundled files and an account of every system, its input layer built by dbt."""
    made = Home(tmp_path_factory.mktemp("systems"))
    made.prepare()
    landing = Landing(made.landing)
    loads = [landing.land(FilesSource("communities", BUNDLED_INPUT), made.temp)]
    github, zendesk, hubspot, mastodon = _github(), _zendesk(), _hubspot(), Mastodon("token-9999")
    mastodon.post("an <b>answer</b>", reply_to=mastodon.mention("jane", "@brand where is it"))
    bluesky, bottlecrm = RecordedBluesky(), BottleCrm("token-1111")
    _sync(landing, "bluesky", bluesky, brand_accounts=[bluesky.brand], page_size=bluesky.page_size)
    _sync(landing, "bottlecrm", bottlecrm.app, {"token": bottlecrm.token})
    _sync(landing, "github", github.app, repositories=["acme/app"])
    _sync(landing, "hubspot", hubspot.app, {"token": hubspot.token})
    _sync(landing, "mastodon", mastodon.app, {"token": mastodon.token}, brand_id="acme")
    _sync(landing, "request_tracker", RequestTracker(), {"token": "1-31-token"}, brand_of_queue={"Billing": "acme-pay"})
    _sync(landing, "zendesk", zendesk.app, {"email": zendesk.email, "token": zendesk.token})
    loads += [load for source_id in SOURCE_IDS.values() for load in landing.loads(source_id)]
    context = RunContext(AS_OF, loads, load_plan(DEFAULT_PLAN), b"key", False, None, frozenset(SYSTEMS))
    with connect(made.build, "1GB", made.temp) as connection:
        load_raw(connection, landing, context)
        create_state(connection)
    target_folder(made).mkdir(parents=True)
    build_staging(made, "1GB", SYSTEMS)
    _dbt(made, "run", "--select", "path:models/staging", "path:models/input")
    return made


def _github() -> GitHub:
    made = GitHub()
    made.repository("acme/app")
    made.comment("acme/app", made.issue("acme/app", "jane", "it breaks"), "dev", "fixed", "MEMBER")
    made.close("acme/app", 1, "dev")
    made.release("acme/app", "dev", "v1")
    return made


def _zendesk() -> Zendesk:
    made = Zendesk("admin@acme.example", "token-1234")
    agent = made.user("agent", "agent")
    ticket = made.ticket(made.user("jane"), "where is it", made.brand("acme"))
    made.comment(ticket, agent, "on its way", status="solved")
    made.rate(made.offer(ticket), "good")
    return made


def _hubspot() -> HubSpot:
    made = HubSpot("token-5678")
    made.owners = [{"id": "7", "email": "rep@acme.example", "firstName": "Rep", "lastName": "One"}]
    deal = made.deal("Big", made.make("companies", name="Acme"), made.make("contacts", email="jane@acme.example"), "10")
    made.move(deal, "won", hs_is_closed="true", hs_is_closed_won="true", closedate="2025-06-01T00:00:00Z")
    return made


def _sync(landing: Landing, name: str, app: Any, secrets: Mapping[str, str] | None = None, **settings: Any) -> None:
    system, hidden = system_named(name), {key: SecretStr(value) for key, value in (secrets or {}).items()}
    with served(app) as url:
        entry = system.settings.model_validate({"id": SOURCE_IDS[name], "system": name, "base_url": f"{url}/", **settings})
        sync(ApiSource(system, entry, lambda: system.connect(entry, hidden)), landing)


def _dbt(home: Home, *arguments: str) -> None:
    done = _try_dbt(home, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def _try_dbt(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    environment = {**os.environ, **dbt_environment(home, "1GB", SYSTEMS)}
    return subprocess.run(
        [*command, "--target-path", str(target_folder(home))], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("name", "source_id"), SOURCE_IDS.items())
def test_dbt_makes_of_staging_what_the_tests_render(home: Home, name: str, source_id: str) -> None:
    expected = canonical(staged(system_named(name), Landing(home.landing), source_id, AS_OF), system_named(name))
    with duckdb.connect(str(home.build), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, rows in expected.items():
            assert rows, table
            model = contract.tables()[table].model
            keys = ", ".join(contract.tables()[table].key)
            cursor = connection.execute(f"select * from input.{model} where source_id = '{source_id}' order by {keys}")
            names = [column[0] for column in cursor.description or []]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            assert [{key: row.get(key) for key in names} for row in rows] == found, table


def test_the_input_layer_holds_files_and_systems(home: Home) -> None:
    with duckdb.connect(str(home.build), read_only=True) as connection:
        found = connection.execute("select source_id, count(*) from input.input_support__tickets group by all order by all").fetchall()
    assert found == [("communities", 9381), ("desk", 1), ("gh", 1), ("rt", 8)]


def test_rows_of_systems_are_counted_where_they_come_in(home: Home) -> None:
    with duckdb.connect(str(home.build), read_only=True) as connection:
        counts = connection.execute("select table_name, rows_in, dropped from run.load_counts where source_id in ('gh', 'desk')").fetchall()
    assert ("zendesk__ticket_events", 2, 0) in counts
    assert ("github__issues", 1, 0) in counts


def test_values_that_no_model_knows_are_named_with_the_source_that_sent_them(home: Home) -> None:
    untouched = home.build.read_bytes()
    try:
        with connect(home.build, "1GB", home.temp) as connection:
            connection.execute("update raw.zendesk__tickets set status = 'escalated'")
            two = "(select ticket_id from raw.files__support_tickets order by 1 limit 2)"
            connection.execute(f"update raw.files__support_tickets set channel = 'fax' where ticket_id in {two}")
        chosen = ["input_support__tickets", "assert_values_of_the_input_are_known"]
        failed = _try_dbt(home, "build", "--indirect-selection", "empty", "--select", *chosen)
        # Every other value of the bundled files and of every system is known.
        (message,) = dbt_failures(home)
    finally:
        home.build.write_bytes(untouched)
    assert failed.returncode == 1
    head, _, rows = message.partition(" failed: ")
    assert head == "dbt test assert_values_of_the_input_are_known"
    assert sorted(row.partition(", known_values")[0] for row in rows.split("; ")) == [
        "source_id communities, table_name support_tickets, column_name channel, unknown_value fax, n_rows 2",
        "source_id desk, table_name support_tickets, column_name status, unknown_value escalated, n_rows 1",
    ]
    assert "known_values new, open, pending, hold, solved, closed" in rows


def test_an_entry_of_the_configuration_is_checked_by_its_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = '[[systems]]\nid = "desk"\nsystem = "zendesk"\nbase_url = "https://acme.zendesk.com/"\n'
    (tmp_path / "twoway.toml").write_text(entry)
    settings = load_settings()
    assert settings.system_names == ["zendesk"]
    assert not settings.is_bundled
    assert [source.source_id for source in settings.api_sources()] == ["desk"]

    monkeypatch.setenv("ZENDESK_EMAIL", "admin@acme.example")
    ((system, found),) = settings.system_entries()
    with pytest.raises(ConfigError, match=r"an API token of an admin.*ZENDESK_TOKEN"):
        secrets_of(system, found)
    monkeypatch.setenv("DESK_TOKEN", "of-this-source")
    monkeypatch.setenv("ZENDESK_TOKEN", "of-any-zendesk")
    assert secrets_of(system, found)["token"].get_secret_value() == "of-this-source"

    for wrong, message in ((entry.replace("zendesk\"\nbase", "zendesc\"\nbase"), "There is no source system 'zendesc'"),
                           (entry + "typo = 1\n", "typo"), (entry + entry, "an id of its own")):  # fmt: skip
        (tmp_path / "twoway.toml").write_text(wrong)
        with pytest.raises(ConfigError, match=message):
            load_settings()


def test_every_system_has_what_a_system_needs(tmp_path: Path) -> None:
    del tmp_path
    for name in MODULES:
        system: Any = system_named(name)
        assert system.name == name
        assert all(f"# {name.upper()}_{secret.name.upper()}=" in (PROJECT / ".env.example").read_text() for secret in system.secrets)
        assert (DBT_PROJECT.parent / system.docs).read_text().startswith("# ")
        staging = DBT_PROJECT / "models" / "staging" / name
        sources = (staging / f"_{name}__sources.yml").read_text()
        assert all(f"- name: {system.raw_table(endpoint)}\n" in sources for endpoint in system.endpoints)
        models = (staging / f"_{name}__models.yml").read_text()
        assert all(f"- name: {path.stem}\n" in models for path in staging.glob("*.sql"))
