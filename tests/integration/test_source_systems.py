"""Source systems through dbt: staging is switched on by the configuration, and the input layer holds files and systems alike."""

import os
import subprocess
import sys
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
from pipelines.settings import load_settings, secrets_of
from pipelines.sources.crm.hubspot import HUBSPOT, HubSpotSettings
from pipelines.sources.crm.hubspot import connect as connect_hubspot
from pipelines.sources.files import FilesSource
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.registry import MODULES, system_named
from pipelines.sources.social.bluesky import BLUESKY, BlueskySettings
from pipelines.sources.social.bluesky import connect as connect_bluesky
from pipelines.sources.social.mastodon import MASTODON, MastodonSettings
from pipelines.sources.social.mastodon import connect as connect_mastodon
from pipelines.sources.support.github import GITHUB, GitHubSettings
from pipelines.sources.support.github import connect as connect_github
from pipelines.sources.support.request_tracker import REQUEST_TRACKER, RequestTrackerSettings
from pipelines.sources.support.request_tracker import connect as connect_request_tracker
from pipelines.sources.support.zendesk import ZENDESK, ZendeskSettings
from pipelines.sources.support.zendesk import connect as connect_zendesk
from pipelines.state import create_state
from pipelines.warehouse import RunContext, connect, load_raw
from tests.conftest import PROJECT
from tests.fakes.bluesky import RecordedBluesky
from tests.fakes.github import GitHub
from tests.fakes.hubspot import HubSpot
from tests.fakes.mastodon import Mastodon
from tests.fakes.request_tracker import RequestTracker
from tests.fakes.server import served
from tests.fakes.zendesk import Zendesk
from tests.systems import canonical, staged

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
SYSTEMS = sorted(MODULES)
SOURCE_IDS = {"bluesky": "sky", "github": "gh", "hubspot": "crm", "mastodon": "toots", "request_tracker": "rt", "zendesk": "desk"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose landing holds the bundled files and an account of every system, its input layer built by dbt."""
    made = Home(tmp_path_factory.mktemp("systems"))
    made.prepare()
    landing = Landing(made.landing)
    loads = [landing.land(FilesSource("communities", BUNDLED_INPUT), made.temp)]
    github = GitHub()
    github.repository("acme/app")
    github.comment("acme/app", github.issue("acme/app", "jane", "it breaks"), "dev", "fixed", "MEMBER")
    github.close("acme/app", 1, "dev")
    github.release("acme/app", "dev", "v1")
    zendesk = Zendesk("admin@acme.example", "token-1234")
    agent = zendesk.user("agent", "agent")
    ticket = zendesk.ticket(zendesk.user("jane"), "where is it", zendesk.brand("acme"))
    zendesk.comment(ticket, agent, "on its way", status="solved")
    zendesk.rate(zendesk.offer(ticket), "good")
    with served(github.app) as url:
        settings = GitHubSettings(id="gh", system="github", base_url=f"{url}/", repositories=["acme/app"])
        sync(ApiSource(GITHUB, settings, lambda: connect_github(settings, {})), landing)
    secrets = {"email": SecretStr(zendesk.email), "token": SecretStr(zendesk.token)}
    with served(zendesk.app) as url:
        desk = ZendeskSettings(id="desk", system="zendesk", base_url=f"{url}/")
        sync(ApiSource(ZENDESK, desk, lambda: connect_zendesk(desk, secrets)), landing)
    hubspot = HubSpot("token-5678")
    hubspot.owners = [{"id": "7", "email": "rep@acme.example", "firstName": "Rep", "lastName": "One"}]
    deal = hubspot.deal("Big", hubspot.make("companies", name="Acme"), hubspot.make("contacts", email="jane@acme.example"), "10")
    hubspot.move(deal, "won", hs_is_closed="true", hs_is_closed_won="true", closedate="2025-06-01T00:00:00Z")
    with served(hubspot.app) as url:
        crm = HubSpotSettings(id="crm", system="hubspot", base_url=f"{url}/")
        sync(ApiSource(HUBSPOT, crm, lambda: connect_hubspot(crm, {"token": SecretStr(hubspot.token)})), landing)
    mastodon = Mastodon("token-9999")
    mastodon.post("an <b>answer</b>", reply_to=mastodon.mention("jane", "@brand where is it"))
    with served(mastodon.app) as url:
        toots = MastodonSettings(id="toots", system="mastodon", base_url=f"{url}/", brand_id="acme")
        sync(ApiSource(MASTODON, toots, lambda: connect_mastodon(toots, {"token": SecretStr(mastodon.token)})), landing)
    with served(RequestTracker()) as url:
        rt = RequestTrackerSettings(id="rt", system="request_tracker", base_url=f"{url}/", brand_of_queue={"Billing": "acme-pay"})
        sync(ApiSource(REQUEST_TRACKER, rt, lambda: connect_request_tracker(rt, {"token": SecretStr("1-31-token")})), landing)
    recorded = RecordedBluesky()
    with served(recorded) as url:
        sky = BlueskySettings(id="sky", system="bluesky", base_url=f"{url}/", brand_accounts=[recorded.brand], page_size=recorded.page_size)
        sync(ApiSource(BLUESKY, sky, lambda: connect_bluesky(sky, {})), landing)
    loads += [load for source in SOURCE_IDS.values() for load in landing.loads(source)]
    context = RunContext(AS_OF, loads, load_plan(DEFAULT_PLAN), b"key", False, None, frozenset(SYSTEMS))
    with connect(made.build, "1GB", made.temp) as connection:
        load_raw(connection, landing, context)
        create_state(connection)
    target_folder(made).mkdir(parents=True)
    build_staging(made, "1GB", SYSTEMS)
    _dbt(made, "run", "--select", "path:models/staging", "path:models/input")
    return made


def _dbt(home: Home, *arguments: str) -> None:
    command = [sys.executable, "-m", "dbt.cli.main", *arguments, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    environment = {**os.environ, **dbt_environment(home, "1GB", SYSTEMS)}
    done = subprocess.run(
        [*command, "--target-path", str(target_folder(home))], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
