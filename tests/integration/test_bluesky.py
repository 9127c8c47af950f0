"""The Bluesky connector over what a real server said once; `tests/servers/test_bluesky.py` holds it to the server itself."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.social.bluesky import BLUESKY, BlueskySettings, connect
from tests.fakes.bluesky import RecordedBluesky
from tests.fakes.server import served
from tests.systems import canonical, staged


def synced(recorded: RecordedBluesky, folder: Path) -> dict[str, list[dict[str, Any]]]:
    with served(recorded) as url:
        settings = BlueskySettings(
            id="sky", system="bluesky", base_url=f"{url}/", brand_accounts=[recorded.brand], page_size=recorded.page_size
        )
        sync(ApiSource(BLUESKY, settings, lambda: replace(connect(settings, {}), sleep=lambda _: None)), Landing(folder))
    return canonical(staged(BLUESKY, Landing(folder), "sky"), BLUESKY)


def lists(recorded: RecordedBluesky, collection: str) -> list[dict[str, Any]]:
    """Answers that list records of a collection."""
    return [answer for asked, answer in recorded.said["answers"].items() if f"collection={collection}" in asked]


def test_what_was_recorded_becomes_canonical_rows(tmp_path: Path) -> None:
    rows = synced(RecordedBluesky(), tmp_path)
    in_order = sorted(rows["social_posts"], key=lambda row: row["created_at"])
    assert [(row["text"], row["client_app"], row["in_reply_to_post_id"]) for row in in_order] == [
        ("news", "Buffer", None),
        ("@brand where is it?", None, None),
        ("on its way", None, in_order[1]["post_id"]),
        ("more news", None, None),
    ]
    # As the keys say: `createdAt` is of the day of the recording.
    assert in_order[0]["created_at"] == datetime(2025, 6, 4, 2, 22, 49, 419974, tzinfo=UTC)
    assert {(row["handle"], row["display_name"]) for row in rows["social_accounts"]} == {("brand1.test", None), ("jane2.test", "Jane")}
    assert len(rows["social_follows"]) == 1


def test_a_handle_that_can_not_be_looked_up_stays_as_it_was(tmp_path: Path) -> None:
    never = RecordedBluesky(refused="describeRepo")
    assert {row["handle"] for row in synced(never, tmp_path / "never")["social_accounts"]} == {"handle.invalid"}
    known = RecordedBluesky()
    synced(known, tmp_path)
    known.refused = "describeRepo"
    assert {row["handle"] for row in synced(known, tmp_path)["social_accounts"]} == {"brand1.test", "jane2.test"}


def test_answers_that_make_no_sense_stop_the_source(tmp_path: Path) -> None:
    beside = RecordedBluesky()
    for answer in lists(beside, "app.bsky.feed.post"):
        for record in answer["records"]:
            record["uri"] = record["uri"].replace("app.bsky.feed.post", "app.bsky.feed.like")
    with pytest.raises(SourceError, match=r"listRecords: answers beside the question again and again"):
        synced(beside, tmp_path / "beside")
    without = RecordedBluesky()
    for answer in lists(without, "app.bsky.feed.post"):
        del answer["records"]
    with pytest.raises(SourceError, match=r"listRecords: answers without records, where its records should be"):
        synced(without, tmp_path / "without")
    nameless = RecordedBluesky()
    for asked, answer in nameless.said["answers"].items():
        if "listRepos" in asked:
            for repo in answer["repos"]:
                del repo["rev"]
    with pytest.raises(SourceError, match=r"listRepos: lists an account without did or rev"):
        synced(nameless, tmp_path / "nameless")


def test_a_second_look_at_the_same_answers_lands_nothing_and_deletes_nothing(tmp_path: Path) -> None:
    recorded = RecordedBluesky()
    first = synced(recorded, tmp_path)
    assert synced(recorded, tmp_path) == first
    assert len(Landing(tmp_path).loads("sky")) == 1
