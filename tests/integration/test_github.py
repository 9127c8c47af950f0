"""The GitHub connector against a fake written from GitHub's public documentation."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.support.github import GITHUB, GitHubSettings, connect
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.github import GitHub
from tests.fakes.server import served
from tests.systems import canonical, staged

TOKEN = "planted-github-token"
REPOSITORIES = ["acme/app", "acme/lib"]


@pytest.fixture
def github() -> GitHub:
    """Two repositories with some hundred issues, so that lists have several pages."""
    made, chance = GitHub(token=TOKEN), random.Random(4)
    for name in REPOSITORIES:
        made.repository(name)
        for each in range(130):
            person = f"user{chance.randrange(30)}"
            number = made.issue(name, person, f"question {each}", is_pull=each % 5 == 0)
            if chance.random() < 0.8:
                made.comment(name, number, f"dev{chance.randrange(3)}", "thank you, we look into it", "MEMBER")
            if chance.random() < 0.3:
                made.comment(name, number, person, "here is more", on_line=each % 5 == 0)
            if chance.random() < 0.6:
                made.close(name, number, "dev0")
            if each % 40 == 0:
                made.release(name, "dev1" if each else "ci[bot]", f"v{each}")
            made.now += timedelta(hours=chance.randrange(8))
    return made


def source_at(url: str, token: str = TOKEN, rows_per_load: int = 200_000) -> ApiSource:
    settings = GitHubSettings(id="gh", system="github", base_url=f"{url}/", repositories=REPOSITORIES)

    def api() -> Any:
        return hurried(connect(settings, {"token": SecretStr(token)}))

    return ApiSource(GITHUB, settings, api, rows_per_load)


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("gh")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def test_what_the_api_says_becomes_canonical_rows(github: GitHub, tmp_path: Path) -> None:
    with served(github.app) as url:
        sync(source_at(url), Landing(tmp_path))
    rows = canonical(staged(GITHUB, Landing(tmp_path), "gh"), GITHUB)
    assert len(rows["support_tickets"]) == 260
    n_comments = sum(len(table[name]) for table in (github.comments, github.review_comments) for name in REPOSITORIES)
    assert len(rows["support_messages"]) == 260 + n_comments == len(rows["outcome_events"])
    assert len(rows["social_posts"]) == sum(len(each) for each in github.releases.values()) == 8
    assert [row["brand_id"] for row in rows["brands"]] == REPOSITORIES
    roles = {row["name"]: row["role"] for row in rows["support_users"]}
    assert {roles[f"dev{each}"] for each in range(3)} == {"agent"}
    assert {role for name, role in roles.items() if name.startswith("user")} == {"customer"}

    ticket = next(row for row in rows["support_tickets"] if row["ticket_id"] == "acme/app#1")
    said = github.issues["acme/app"][1]
    assert (ticket["queue"], ticket["brand_id"], ticket["is_proactive"]) == ("pr", "acme/app", False)
    assert (ticket["subject"], ticket["tags"]) == ("question 0", ["bug"])
    assert ticket["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == said["created_at"]
    assert ticket["requester_id"] == f"acme/app/{said['user']['id']}"
    closed = [row for row in rows["support_ticket_changes"] if row["new_value"] == "solved"]
    assert len(closed) == sum(issue["state"] == "closed" for name in REPOSITORIES for issue in github.issues[name].values())
    assert {row["post_id"].split(":")[0] for row in rows["social_posts"] if row["is_scheduled"]} == set(REPOSITORIES)


def test_a_second_sync_brings_only_what_changed_and_a_third_nothing(github: GitHub, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    with served(github.app) as url:
        sync(source_at(url), landing)
        made = github.comment("acme/app", 7, "dev1", "done", "MEMBER")
        github.edit("acme/lib", min(github.comments["acme/lib"]), "edited")
        github.close("acme/app", 9, "dev0")
        github.reopen("acme/app", 9)
        number = github.issue("acme/lib", "nobody", "from a deleted account")
        withdrawn = github.releases["acme/app"].pop(0)
        sync(source_at(url), landing)
        # Issue 7 moved with its comment; 9 was closed and opened again; one is new; a release is gone.
        assert landed(landing) == {"issues": 3, "comments": 2, "releases": 1}
        assert sync(source_at(url), landing) == []
    rows = canonical(staged(GITHUB, landing, "gh"), GITHUB)
    assert f"acme/app:c{made}" in {row["message_id"] for row in rows["support_messages"]}
    assert "edited" in {row["body"] for row in rows["support_messages"]}
    assert {row["status"] for row in rows["support_tickets"] if row["ticket_id"] == "acme/app#9"} == {"open"}
    assert "acme/app#9:closed" not in {row["change_id"] for row in rows["support_ticket_changes"]}
    anonymous = next(row for row in rows["support_tickets"] if row["ticket_id"] == f"acme/lib#{number}")
    assert anonymous["requester_id"] == "acme/lib/unknown"
    assert {row["user_id"]: row["role"] for row in rows["support_users"]}["acme/lib/unknown"] == "unknown"
    gone = [row for row in rows["social_posts"] if row["deleted_at"] is not None]
    assert [row["post_id"] for row in gone] == [f"acme/app:release:{withdrawn['id']}"]


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_ends_in_the_same_rows(github: GitHub, tmp_path: Path, seed: int) -> None:
    with served(github.app) as url:
        sync(source_at(url), Landing(tmp_path / "clean"))
    with served(faults := Faults(github.app, seed, hang_seconds=1.5)) as url:
        sync_on_a_bad_day(source_at(url, rows_per_load=150), Landing(tmp_path / "spoilt"), faults)
    clean, spoilt = (canonical(staged(GITHUB, Landing(tmp_path / name), "gh"), GITHUB) for name in ("clean", "spoilt"))
    assert spoilt == clean


def test_an_edit_while_pages_are_read_hides_no_issue(github: GitHub, tmp_path: Path) -> None:
    """What is edited moves to the end, so that numbered pages would shift by one and skip a row."""

    class Busy:
        def __init__(self) -> None:
            self.n = 0

        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
            await github.app(scope, receive, send)
            if scope["path"].endswith("/issues"):
                self.n += 1
                github.close("acme/app", self.n, "dev2")

    with served(Busy()) as url:
        sync(source_at(url), Landing(tmp_path))
    rows = canonical(staged(GITHUB, Landing(tmp_path), "gh"), GITHUB)
    assert len(rows["support_tickets"]) == 260


def test_a_wrong_token_and_a_repository_that_is_not_there_are_named(github: GitHub, tmp_path: Path) -> None:
    with served(github.app) as url:
        with pytest.raises(SourceError, match=r"/repos/acme/app: refuses the token.*HTTP 401: Bad credentials"):
            sync(source_at(url, token="another-token"), Landing(tmp_path))
        del github.repositories["acme/lib"]
        with pytest.raises(SourceError, match=r"/repos/acme/lib: is not there.*HTTP 404"):
            sync(source_at(url), Landing(tmp_path))
    assert Landing(tmp_path).loads("gh") == []


def test_a_spent_limit_is_waited_for(github: GitHub, tmp_path: Path) -> None:
    github.calls_an_hour = 9
    waited: list[float] = []
    with served(github.app) as url:
        source = source_at(url)
        made = source.connect()
        made.sleep = waited.append
        sync(ApiSource(GITHUB, source.settings, lambda: made), Landing(tmp_path))
    assert len(waited) >= 1
    assert all(seconds <= 3600 for seconds in waited)
    assert len(canonical(staged(GITHUB, Landing(tmp_path), "gh"), GITHUB)["support_tickets"]) == 260
