"""`twoway init`, `twoway sources list` and `check`: what a data engineer types first."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import ConfigError
from pipelines.settings import load_settings
from pipelines.sources.registry import MODULES, system_named


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ZENDESK_TOKEN", "ZENDESK_EMAIL", "GITHUB_TOKEN", "HUBSPOT_TOKEN", "MASTODON_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def answers(**chosen: str) -> str:
    """What is typed: an answer for each question, empty for what is left out, in the order of the questions.

    A system's first question goes by its name, a further one by name and setting.
    """
    questions = ["files"]
    for system in map(system_named, MODULES):
        questions += [f"{system.name}_{setting}" if number else system.name for number, setting in enumerate(system.asks)]
    return "\n".join([*(chosen.get(question, "") for question in questions), ""])


def test_init_writes_what_the_settings_read_and_names_the_secrets(here: Path) -> None:
    typed = answers(files='exports/"our" desk', github="acme/app, acme/lib", zendesk="https://acme.zendesk.com/")
    result = CliRunner().invoke(app, ["init"], input=typed)
    assert result.exit_code == 0, result.output
    assert "GITHUB_TOKEN, ZENDESK_EMAIL, ZENDESK_TOKEN" in result.output
    settings = load_settings()
    assert (settings.files[0].id, settings.files[0].path) == ("our-desk", Path('exports/"our" desk'))
    github, zendesk = (entry for _, entry in settings.system_entries())
    assert (github.id, github.repositories) == ("github", ["acme/app", "acme/lib"])  # ty: ignore[missing-attribute]
    assert zendesk.base_url == "https://acme.zendesk.com/"
    assert "token" not in (here / "twoway.toml").read_text().lower()


def test_init_overwrites_nothing_and_writes_nothing_for_nothing(here: Path) -> None:
    nothing = CliRunner().invoke(app, ["init"], input=answers())
    assert isinstance(nothing.exception, ConfigError)
    assert not (here / "twoway.toml").exists()
    (here / "twoway.toml").write_text("# ours\n")
    again = CliRunner().invoke(app, ["init"], input=answers(github="a/b"))
    assert "is there already" in str(again.exception)
    assert (here / "twoway.toml").read_text() == "# ours\n"


def test_sources_are_listed_and_tried_each_on_its_own(here: Path) -> None:
    (here / "exports").mkdir()
    (here / "exports" / "brands.csv").write_text("brand_id\nacme\n")
    (here / "twoway.toml").write_text(
        '[[files]]\nid = "desk"\npath = "exports"\n[[files]]\nid = "gone"\npath = "nowhere"\n'
        '[[systems]]\nid = "toots"\nsystem = "mastodon"\nbase_url = "https://social.example/"\n'
    )
    listed = CliRunner().invoke(app, ["sources", "list"])
    assert [line.split()[0] for line in listed.output.splitlines()[:3]] == ["desk", "gone", "toots"]
    assert "never landed" in listed.output
    tried = CliRunner().invoke(app, ["sources", "check"])
    assert tried.exit_code == 1
    assert "ok      desk: 1 table(s)" in tried.output
    assert "FAILED  gone:" in tried.output
    assert "Put it into the environment as MASTODON_TOKEN" in tried.output
