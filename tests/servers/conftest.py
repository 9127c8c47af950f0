"""The real servers, each started once for all tests that ask for it; one that does not start fails them."""

from collections.abc import Iterator

import pytest

from tests.servers.bluesky.server import Bluesky
from tests.servers.bluesky.server import serving as serving_bluesky
from tests.servers.bottlecrm.server import BottleCrm, bottlecrm_server
from tests.servers.request_tracker.server import RequestTracker
from tests.servers.request_tracker.server import serve as serve_request_tracker


@pytest.fixture(scope="session")
def bluesky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bluesky]:
    with serving_bluesky(tmp_path_factory.mktemp("bluesky")) as server:
        yield server


@pytest.fixture(scope="session")
def bottlecrm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BottleCrm]:
    with bottlecrm_server(tmp_path_factory.mktemp("bottlecrm")) as server:
        yield server


@pytest.fixture(scope="session")
def request_tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    with serve_request_tracker(tmp_path_factory.mktemp("request_tracker")) as server:
        yield server
