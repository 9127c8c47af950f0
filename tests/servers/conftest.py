"""Real servers, each started once for all of its tests; one that does not start fails them."""

from collections.abc import Iterator

import pytest

from tests.servers.request_tracker.server import RequestTracker
from tests.servers.request_tracker.server import serve as serve_request_tracker


@pytest.fixture(scope="session")
def request_tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    with serve_request_tracker(tmp_path_factory.mktemp("request_tracker")) as server:
        yield server
