"""Calls of the connector kit: hosts, refused tokens, limits and waits, as the RFCs and the vendors' pages have them."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator, JSONLinkPaginator, JSONResponseCursorPaginator

from pipelines.sources.kit.endpoints import Secret, SystemSettings
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.http import (
    LONGEST_BACKOFF_SECONDS,
    LONGEST_WAIT_SECONDS,
    MAX_ATTEMPTS,
    Api,
    Dialect,
    RateLimit,
    _seconds,
    limit_of_headers,
)
from pipelines.sources.kit.sync import ApiSource
from tests.fakes.paged import SHOP
from tests.fakes.scripted import Answer, Scripted
from tests.fakes.server import served


class Elsewhere:
    """A port that takes connections; `was_called` tells whether any came."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self._listener.setblocking(False)
        self.netloc = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def was_called(self) -> bool:
        try:
            self._listener.accept()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


def test_the_recorder_sees_a_connection(elsewhere: Elsewhere) -> None:
    host, port = elsewhere.netloc.split(":")
    socket.create_connection((host, int(port))).close()
    assert elsewhere.was_called()


def api_of(url: str, **more: Any) -> tuple[Api, list[float]]:
    waits: list[float] = []
    return Api("desk", f"{url}/v1/", BearerTokenAuth(token="first-token"), sleep=waits.append, seed=1, timeout_seconds=5, **more), waits


LINKS = {
    "other port": "http://{elsewhere}/v1/items?cursor=2",
    "other host": "http://localhost:{elsewhere_port}/v1/items",
    "other scheme": "https://{home}/v1/items",
    "no scheme": "//{elsewhere}/v1/items",
    "user before the host": "http://{home}@{elsewhere}/v1/items",
    "user of the host itself": "http://jane:secret@{home}/v1/items",
    "password with a slash": "http://{home}%2F@{elsewhere}/v1/items",
    "backslash": "http://{elsewhere}\\@{home}/v1/items",
    "longer name": "http://{home}.{elsewhere}/v1/items",
    "longer port": "http://{home}0/v1/items",
    "file": "file:///etc/passwd",
    "capitals": "HTTP://{elsewhere}/v1/items",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("way", ["next in JSON", "next in a header", "301", "302", "307"])
def test_a_link_elsewhere_is_refused_before_anything_is_sent(link: str, way: str, elsewhere: Elsewhere) -> None:
    script = Scripted(Answer())
    with served(script) as url:
        home = url.removeprefix("http://")
        target = link.format(home=home, elsewhere=elsewhere.netloc, elsewhere_port=elsewhere.netloc.split(":")[1])
        script.answers = {
            "next in JSON": [Answer({"items": [{}], "next": target})],
            "next in a header": [Answer({"items": [{}]}, headers={"link": f'<{target}>; rel="next"'})],
        }.get(way, [Answer(status=int(way) if way.isdigit() else 200, headers={"location": target})])
        api, _ = api_of(url)
        paginator = HeaderLinkPaginator() if "header" in way else JSONLinkPaginator(next_url_path="next")
        with pytest.raises(ApiError) as error:
            list(api.pages("items", paginator, "items"))
    assert not elsewhere.was_called()
    assert len(script.asked) == 1
    if "makes no sense" not in str(error.value):
        assert "another host (" in str(error.value)
        assert "secret" not in str(error.value)


@pytest.mark.parametrize("link", ["http://{elsewhere}/v1/items?cursor=2", "http://{home}@{elsewhere}/v1/items"])
def test_the_message_names_the_other_host(link: str, elsewhere: Elsewhere) -> None:
    script = Scripted(Answer())
    with served(script) as url:
        script.answers = [Answer(status=302, headers={"location": link.format(home=url[7:], elsewhere=elsewhere.netloc)})]
        with pytest.raises(ApiError, match=rf"^/v1/items: leads to another host \({elsewhere.netloc}\), which is refused"):
            api_of(url)[0].get("items")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_at_home_is_followed_with_the_token(status: int) -> None:
    script = Scripted(Answer(status=status, headers={"location": "/v2/items?page=1"}), Answer({"found": True}))
    with served(script) as url:
        assert api_of(url)[0].get("items") == {"found": True}
    assert [(asked.path, asked.query) for asked in script.asked] == [("/v1/items", ""), ("/v2/items", "page=1")]
    assert script.asked[1].headers["authorization"] == "Bearer first-token"


def test_a_redirect_in_a_circle_ends() -> None:
    script = Scripted(Answer(status=302, headers={"location": "/v1/items"}))
    with served(script) as url:
        api, _ = api_of(url)
        with pytest.raises(ApiError, match="a redirect or a count makes no sense"):
            api.get("items")
    assert len(script.asked) < 40


@pytest.mark.parametrize(
    ("base", "link", "is_home"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1/items", True),
        ("https://api.example.com/v1/", "https://API.example.com:443/items", True),
        ("https://api.example.com:443/", "https://api.example.com/items", True),
        ("https://api.example.com/", "https://api.example.com.evil.com/items", False),
        ("https://api.example.com/", "https://api.example.com:8443/items", False),
        ("https://api.example.com/", "https://api.example.com@evil.com/items", False),
        ("https://api.example.com/", "https://api.example.com:443@evil.com/items", False),
        ("https://api.example.com/", "http://api.example.com/items", False),
        ("https://api.example.com:8443/", "https://api.example.com/items", False),
    ],
)
def test_what_counts_as_home(base: str, link: str, is_home: bool) -> None:
    from requests import Request

    api = Api("desk", base)
    request = Request("GET", link).prepare()
    if is_home:
        api._pin(request)
    else:
        with pytest.raises(ApiError, match="leads to another host"):
            api._pin(request)


@pytest.mark.parametrize(
    "base", ["http://api.example.com/", "ftp://localhost/", "https://u:p@api.example.com/", "https:///x", "api.example.com"]
)
def test_a_base_url_that_gives_the_token_away_is_refused(base: str) -> None:
    with pytest.raises(ApiError, match="base_url"):
        Api("desk", base)


def test_a_refused_token_is_refreshed_once_and_the_call_repeated() -> None:
    script = Scripted(Answer(status=401), Answer({"n": 1}))
    with served(script) as url:
        auth, refreshed = BearerTokenAuth(token="old-token"), []

        def refresh() -> None:
            refreshed.append(True)
            auth.token = "new-token"

        assert Api("desk", f"{url}/", auth, refresh=refresh).get("items") == {"n": 1}
    assert refreshed == [True]
    assert [asked.headers["authorization"] for asked in script.asked] == ["Bearer old-token", "Bearer new-token"]


def test_a_token_refused_twice_is_a_message() -> None:
    script = Scripted(Answer({"message": "Bad credentials"}, 401))
    with served(script) as url:
        api, waits = api_of(url, refresh=lambda: None)
        with pytest.raises(ApiError, match=r"^/v1/items: refuses the token\. Make a new one .* HTTP 401: Bad credentials$"):
            api.get("items")
    assert len(script.asked) == 2
    assert waits == []


def test_a_refusal_in_disguise_names_the_variable_to_mend() -> None:
    dialect = Dialect(is_refused=lambda response: response.status_code == 403)
    script = Scripted(Answer({"message": "log in again"}, 403))
    with served(script) as url:
        api, _ = api_of(url, dialect=dialect, variables=("DESK_TOKEN",))
        with pytest.raises(ApiError, match=r"refuses the token\. .* into the environment as DESK_TOKEN\. HTTP 403: log in again$"):
            api.get("items")
    # As with a 401: once more, for what came and went.
    assert len(script.asked) == 2


def test_the_variable_named_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    system = replace(SHOP, secrets=(Secret("token", "a token"),))
    settings = SystemSettings(id="corner-shop", system="shop", base_url="http://127.0.0.1:9/")
    source = ApiSource(system, settings, lambda: Api(settings.id, settings.base_url))
    assert source.api().variables == ("SHOP_TOKEN",)
    monkeypatch.setenv("CORNER_SHOP_TOKEN", "of this source")
    assert source.api().variables == ("CORNER_SHOP_TOKEN",)


@pytest.mark.parametrize(("status", "says"), [(400, "refuses the request"), (403, "scopes"), (404, "is not there"), (410, "is gone")])
def test_other_refusals_stop_at_once_in_the_vendors_words(status: int, says: str) -> None:
    script = Scripted(Answer({"message": "so it is"}, status))
    with served(script) as url, pytest.raises(ApiError, match=f"{says}.* HTTP {status}: so it is"):
        api_of(url)[0].get("items")
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again_and_not_for_ever(status: int) -> None:
    script = Scripted(Answer(status=status))
    with served(script) as url:
        api, waits = api_of(url)
        with pytest.raises(ApiError, match=rf"failed {MAX_ATTEMPTS} times in a row \(HTTP {status}\)"):
            api.get("items")
    assert len(script.asked) == api.calls.requests == MAX_ATTEMPTS
    assert api.calls.retries == len(waits) == MAX_ATTEMPTS - 1
    # Full jitter below a ceiling that doubles (Brooker 2015).
    assert all(0 <= wait <= min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** (1 + attempt)) for attempt, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)


def _http_date(seconds_from_now: float) -> str:
    return formatdate(time.time() + seconds_from_now, usegmt=True)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("1.5", 1.5, 1.5),
        ("-3", 0, 0),
        ("99999", LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
        (300, 150, 301),
        (10**6, LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
        (-300, 0, 0),
        ("soon", 0, 1),
        ("nan", 0, 1),
        ("inf", 0, 1),
    ],
)
def test_retry_after_is_obeyed_within_bounds(header: str | int, low: float, high: float) -> None:
    # A number is a date as far from now: made here, because tests are collected long before they run.
    said = header if isinstance(header, str) else _http_date(header)
    script = Scripted(Answer(status=429, headers={"retry-after": said}), Answer({}))
    with served(script) as url:
        api, waits = api_of(url)
        api.get("items")
    waited = sum(waits)
    assert low <= waited <= high
    assert api.calls.waited_seconds == waited


def test_a_date_without_zone_is_utc_wherever_this_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 5322's -0000 says that the zone is unknown; HTTP's is always UTC (RFC 9110, section 5.6.7).
    header = _http_date(300).replace("GMT", "-0000")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        found = _seconds(header)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found is not None
    assert 290 <= found <= 301


def _limit(response: Any) -> RateLimit | None:
    left = response.headers.get("x-left")
    return None if left is None else RateLimit(int(left), float(response.headers["x-reset"]))


DIALECT = Dialect(rate_limit=_limit, is_throttled=lambda response: response.status_code == 403 and response.headers.get("x-left") == "0")


def test_a_limit_in_disguise_is_waited_for() -> None:
    script = Scripted(Answer(status=403, headers={"x-left": "0", "x-reset": "42"}), Answer({"n": 1}))
    with served(script) as url:
        api, waits = api_of(url, dialect=DIALECT)
        assert api.get("items") == {"n": 1}
    assert waits == [42]


def test_a_403_that_is_no_limit_stops() -> None:
    script = Scripted(Answer(status=403, headers={"x-left": "9", "x-reset": "42"}))
    with served(script) as url:
        api, waits = api_of(url, dialect=DIALECT)
        with pytest.raises(ApiError, match="HTTP 403"):
            api.get("items")
    assert waits == []


@pytest.mark.parametrize(("reset", "waited"), [("42", [42]), ("99999", [LONGEST_WAIT_SECONDS]), ("-1", [])])
def test_an_empty_limit_is_waited_for_before_the_next_call(reset: str, waited: list[float]) -> None:
    script = Scripted(Answer({"n": 1}, headers={"x-left": "0", "x-reset": reset}))
    with served(script) as url:
        api, waits = api_of(url, dialect=DIALECT)
        assert api.get("items") == {"n": 1}
    assert waits == waited
    assert api.calls.remaining == 0


def by_cursor() -> JSONResponseCursorPaginator:
    return JSONResponseCursorPaginator(cursor_path="next", cursor_param="cursor")


def test_a_server_that_does_not_move_is_left() -> None:
    script = Scripted(Answer({"items": [{}], "next": "same"}))
    with served(script) as url, pytest.raises(ApiError, match="hands out the same page again and again"):
        list(api_of(url)[0].pages("items", by_cursor(), "items"))
    assert len(script.asked) <= MAX_ATTEMPTS + 2


@pytest.mark.parametrize("content", [{}, {"error": "try later"}, b"", [], {"data": {"items": []}}])
def test_an_answer_without_its_list_is_no_end(content: Any) -> None:
    with served(Scripted(Answer(content))) as url, pytest.raises(DriftError, match="answers without items"):
        list(api_of(url)[0].pages("items", by_cursor(), "items"))


@pytest.mark.parametrize(("content", "may_lack"), [({"items": []}, False), ({"items": None}, False), ({"meta": {"count": 0}}, True)])
def test_an_empty_list_is_an_end(content: Any, may_lack: bool) -> None:
    with served(Scripted(Answer(content))) as url:
        pages = list(api_of(url)[0].pages("items", by_cursor(), "items", may_lack_records=may_lack))
    assert pages == [([], content)]


def test_an_answer_that_is_no_json_is_tried_again() -> None:
    script = Scripted(Answer(b'{"items": [1, 2'), Answer(b"<html>"), Answer({"n": 1}))
    with served(script) as url:
        assert api_of(url)[0].get("items") == {"n": 1}
    assert len(script.asked) == 3


def test_text_that_is_no_unicode_is_cleaned() -> None:
    with served(Scripted(Answer(b'{"a\\ud800": "x\\udfffy", "n": NaN, "deep": [{"b": "\\ud83d"}], "ok": "\\ud83d\\ude00"}'))) as url:
        found = api_of(url)[0].get("items")
    assert found == {"a?": "x?y", "n": None, "deep": [{"b": "?"}], "ok": "😀"}


@pytest.mark.parametrize(
    ("ahead", "said"), [(0, "seen, 41 calls left"), (400, "s ahead of this machine's"), (-400, "s behind this machine's")]
)
def test_a_check_tells_calls_left_and_clocks_that_differ(ahead: int, said: str) -> None:
    def probe(api: Api, settings: SystemSettings) -> str:
        del settings
        api.get("items")
        return "seen"

    headers = {"date": formatdate(time.time() + ahead, usegmt=True), "x-left": "41", "x-reset": "60"}
    with served(Scripted(Answer({}, headers=headers))) as url:
        dialect = Dialect(rate_limit=limit_of_headers("x-left", "x-reset", float))
        api, _ = api_of(url, dialect=dialect)
        system = replace(SHOP, probe=lambda api, _: (api.get("items") and "") or "seen")
        found = ApiSource(system, SystemSettings(id="my-shop", system="shop", base_url=f"{url}/v1/"), lambda: api).probe()
    assert said in found
    assert found.startswith("seen, 41 calls left")
    assert ("clock" in found) == (ahead != 0)
