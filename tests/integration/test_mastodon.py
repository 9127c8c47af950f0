"""The Mastodon connector against a fake written from Mastodon's public documentation."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.social.mastodon import MASTODON, MastodonSettings, connect
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.mastodon import Mastodon, stamp
from tests.fakes.server import served
from tests.systems import canonical, staged

TOKEN = "planted-mastodon-token"


@pytest.fixture
def mastodon() -> Mastodon:
    """Some hundred posts and mentions, several pages of each; every third mention is answered."""
    made = Mastodon(TOKEN)
    for each in range(130):
        made.post(f"news <b>{each}</b><br />R&amp;D &lt;3", app="Buffer" if each % 4 == 0 else "Web")
        asked = made.mention(f"fan{each % 20}", f"@brand question {each}")
        if each % 3 == 0:
            made.post("an answer", reply_to=asked)
    return made


def source_at(url: str, token: str = TOKEN, rows_per_load: int = 200_000) -> ApiSource:
    settings = MastodonSettings(id="toots", system="mastodon", base_url=f"{url}/", brand_id="acme")

    def api() -> Any:
        return hurried(connect(settings, {"token": SecretStr(token)}))

    return ApiSource(MASTODON, settings, api, rows_per_load)


def rows_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return canonical(staged(MASTODON, Landing(folder), "toots"), MASTODON)


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("toots")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def test_what_the_api_says_becomes_canonical_rows(mastodon: Mastodon, tmp_path: Path) -> None:
    mastodon.mention("shy", "@brand only for you", visibility="direct")
    mastodon.post("another's words", reblog={"id": "1"})
    with served(mastodon.app) as url:
        sync(source_at(url), Landing(tmp_path))
    rows = rows_of(tmp_path)
    posts = {row["post_id"]: row for row in rows["social_posts"]}
    own = [each for each in mastodon.posts.values() if each["reblog"] is None]
    public = [each["status"] for each in mastodon.notifications if each["status"]["visibility"] == "public"]
    assert set(posts) == {each["id"] for each in [*own, *public]}
    first = posts[own[0]["id"]]
    assert (first["text"], first["client_app"], first["lang"], first["account_id"]) == ("news 0\nR&D <3", "Buffer", "en", "100")
    answer = next(each for each in own if each["in_reply_to_id"])
    asked = posts[answer["in_reply_to_id"]]
    assert posts[answer["id"]]["in_reply_to_account_id"] == asked["account_id"]
    assert asked["mentioned_account_ids"] == ["100"]
    brands = [(row["account_id"], row["brand_id"], row["platform"]) for row in rows["social_accounts"] if row["is_brand"]]
    assert brands == [("100", "acme", "mastodon")]
    assert sum(not row["is_brand"] for row in rows["social_accounts"]) == 21
    assert len(rows["social_post_metrics"]) == len(own)


def test_a_second_sync_brings_only_what_changed_and_a_third_nothing(mastodon: Mastodon, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    numbers = list(mastodon.posts)
    with served(mastodon.app) as url:
        sync(source_at(url), landing)
        mastodon.posts[numbers[-2]] |= {"content": "<p>mended</p>", "edited_at": stamp(mastodon.now + timedelta(minutes=1))}
        mastodon.posts[numbers[-1]]["favourites_count"] = 5
        # Older than what is read again.
        mastodon.posts[numbers[0]]["favourites_count"] = 9
        mastodon.post("new")
        mastodon.mention("fan3", "@brand again")
        sync(source_at(url), landing)
        assert landed(landing) == {"posts": 3, "mentions": 1}
        assert sync(source_at(url), landing) == []
    rows = rows_of(tmp_path)
    assert {row["post_id"]: row for row in rows["social_posts"]}[numbers[-2]]["text"] == "mended"
    assert [row["likes"] for row in rows["social_post_metrics"] if row["post_id"] == numbers[-1]] == [0, 5]


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_ends_in_the_same_rows(mastodon: Mastodon, tmp_path: Path, seed: int) -> None:
    with served(mastodon.app) as url:
        sync(source_at(url), Landing(tmp_path / "clean"))
    with served(faults := Faults(mastodon.app, seed, hang_seconds=1.5)) as url:
        sync_on_a_bad_day(source_at(url, rows_per_load=100), Landing(tmp_path / "spoilt"), faults)
    clean, spoilt = rows_of(tmp_path / "clean"), rows_of(tmp_path / "spoilt")
    assert {**spoilt, "social_post_metrics": None} == {**clean, "social_post_metrics": None}
    assert {row["post_id"] for row in spoilt["social_post_metrics"]} == {row["post_id"] for row in clean["social_post_metrics"]}


def test_a_wrong_token_is_named_and_never_shown(mastodon: Mastodon, tmp_path: Path) -> None:
    with (
        served(mastodon.app) as url,
        pytest.raises(SourceError, match=r"refuses the token.*HTTP 401: The access token is invalid") as caught,
    ):
        sync(source_at(url, token="planted-wrong-token"), Landing(tmp_path))
    assert "planted" not in str(caught.value)


def test_the_probe_says_whose_account_it_is(mastodon: Mastodon) -> None:
    with served(mastodon.app) as url:
        assert source_at(url).probe() == "account brand, 3 posts, last at 2025-04-01"
