"""Calling an API: one host, one retry policy, rate limits obeyed, secrets kept."""

import json
import logging
import random
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from pipelines.errors import shorten
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.redaction import Redactor, redact_library_logs

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client.paginators import BasePaginator
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
UNAUTHORISED = 401
FIRST_ERROR = 400
LONGEST_BACKOFF_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 900.0
TIMEOUT_SECONDS = 60.0
# A server that hands out the cursor of a page again and again does not move.
MAX_REPEATS_OF_A_CURSOR = MAX_ATTEMPTS


@dataclass(frozen=True)
class RateLimit:
    """What a response says of the vendor's limit.

    Args:
        remaining: calls left in the window.
        reset_seconds: until the window ends.
    """

    remaining: int
    reset_seconds: float


def limit_of_headers(remaining: str, reset: str, seconds: Callable[[str], float]) -> "Callable[[Response], RateLimit | None]":
    """A reader of a vendor's limit.

    Args:
        remaining, reset: names of its headers.
        seconds: until the window ends, from the latter's text; raises ValueError where it can't be read.
    """

    def read(response: "Response") -> RateLimit | None:
        left, ends = response.headers.get(remaining), response.headers.get(reset)
        if left is None or ends is None or not left.isdigit():
            return None
        try:
            return RateLimit(int(left), max(seconds(ends), 0.0))
        except ValueError:
            return None

    return read


@dataclass
class Calls:
    """What a sync cost and met.

    Args:
        requests: sent.
        retries: among them.
        waited_seconds: for limits and backoff.
        remaining: calls that the vendor's limit leaves, by its last answer; None where it says nothing.
        clock_ahead_seconds: of the server's clock before this machine's, by its last answer; None where it says no time.
    """

    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    remaining: int | None = None
    clock_ahead_seconds: float | None = None


@dataclass(frozen=True)
class Dialect:
    """How one vendor says the things that all vendors say.

    Args:
        rate_limit: reads a response's limit; None where it says nothing.
        is_refused: whether the token is unknown, or no longer good.
        is_throttled: whether an error is a rate limit in disguise, such as a 403 with nothing remaining.
        message: the vendor's own words in an error's body.
    """

    rate_limit: Callable[["Response"], RateLimit | None] = lambda _: None
    is_refused: Callable[["Response"], bool] = lambda response: response.status_code == UNAUTHORISED
    is_throttled: Callable[["Response"], bool] = lambda _: False
    message: Callable[[Any], str] = lambda body: str(body.get("message") or body.get("error") or "") if isinstance(body, dict) else ""


@dataclass
class Api:
    """One source's API.

    Args:
        source_id: the source, for messages.
        base_url: paths are below it; a link to another scheme, host or port is refused, and nothing is sent there.
        auth: puts the token on requests.
        refresh: called once when a token is refused, to get another; None where there is no other.
        redact: takes secrets out of messages.
        variables: environment variables that hold the secrets, for messages.
        dialect: the vendor's ways.
        headers: sent with every request.
        timeout_seconds: for connecting, and between two parts of an answer.
        sleep: waits; replaced in tests.
        seed: of the jitter.
    """

    source_id: str
    base_url: str
    auth: "AuthBase | None" = None
    refresh: Callable[[], None] | None = None
    redact: Redactor = field(default_factory=Redactor)
    variables: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    headers: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    seed: int | None = None
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        from dlt.sources.helpers.requests.session import Session
        from dlt.sources.helpers.rest_client import RESTClient
        from requests.adapters import HTTPAdapter

        redact_library_logs(self.redact)
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ApiError(self.source_id, "base_url", "is not an address like https://example.com without a user in it. Correct it.")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ApiError(self.source_id, "base_url", "is not encrypted. Use https, so that the token can't be read on its way.")
        self._random = random.Random(self.seed)
        session = Session(timeout=self.timeout_seconds, raise_for_status=False)
        session.headers["User-Agent"] = "twoway"
        session.adapters.clear()
        # The only adapters: whatever a server says, no other host is ever called.
        self._origins = _spellings(parts.scheme.lower(), parts.netloc.lower())
        for origin in self._origins:
            session.mount(origin, HTTPAdapter(max_retries=0))
        self._send_once = session.send
        session.send = self._send
        self._client = RESTClient(self.base_url, headers=self.headers, auth=self.auth, session=session)

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """The parsed answer to a GET.

        Raises:
            ApiError: after bounded retries, or at once where retrying can't help; holds the vendor's message.
        """
        with self._explained(path):
            return self._client.get(path, params=params).json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The parsed answer to a POST that only reads, such as a search."""
        with self._explained(path):
            return self._client.post(path, json=body).json()

    def pages(
        self,
        path: str,
        paginator: "BasePaginator",
        records: str,
        params: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        *,
        may_lack_records: bool = False,
    ) -> Iterator[tuple[list[dict[str, Any]], Any]]:
        """Pages of records, each with its whole parsed answer.

        Args:
            path: below the base URL.
            paginator: one of dlt's, or the connector's own.
            records: JSONPath of the list in an answer; `$` where the answer is the list.
            params: of the query.
            body: sent as JSON by POST, where given.
            may_lack_records: whether the vendor leaves the list out where it is empty. Otherwise an answer without it, such as a
                gateway's, stops the source: taken for the end, it would lose records, or delete those that were not listed.

        Raises:
            ApiError: as `get`; also for a cursor that keeps coming back.
            DriftError: an answer has no list of records.
        """
        from dlt.common.jsonpath import compile_path

        seen: dict[str, int] = {}
        found = self._client.paginate(
            path,
            method="POST" if body is not None else "GET",
            params=params,
            json=body,
            paginator=paginator,
            data_selector=compile_path(records),
            hooks={"response": []},
        )
        with self._explained(path):
            for page in found:
                answer = page.response.json()
                if not page and not may_lack_records and not _has_list(answer, records):
                    what = f"answers without {records}, where its records should be. Try later; what was landed stays."
                    raise DriftError(self.source_id, self.redact(path), what)
                yield list(page), answer
                asked = f"{page.request.url} {page.request.params} {page.request.json}"
                seen[asked] = seen.get(asked, 0) + 1
                if seen[asked] > MAX_REPEATS_OF_A_CURSOR:
                    what = "hands out the same page again and again. Try later, or tell the vendor."
                    raise ApiError(self.source_id, self.redact(path), what)

    @contextmanager
    def _explained(self, path: str) -> Generator[None]:
        """Errors of the HTTP library as one line; their own text can hold links, and so secrets."""
        from requests import RequestException

        try:
            yield
        except (RequestException, ValueError, TypeError) as error:
            sense = f"a link, a redirect or a count makes no sense ({type(error).__name__})"
            what = f"can't be read further: {sense}. Try later, or tell the vendor."
            raise ApiError(self.source_id, self.redact(path), what) from None

    def _send(self, request: "PreparedRequest", **options: Any) -> "Response":
        self._pin(request)
        has_refreshed = False
        for attempt in range(1, MAX_ATTEMPTS + 1):
            response, wait = self._attempt(request, options, attempt)
            if response is not None and self.dialect.is_refused(response) and not has_refreshed:
                has_refreshed = True
                if self.refresh is not None:
                    self.refresh()
                    if self.auth is not None:
                        request = self.auth(request)
                self.calls.retries += 1
                continue
            if response is not None and wait is None:
                return self._checked(response, request)
            if attempt < MAX_ATTEMPTS:
                self.calls.retries += 1
                self._wait(wait or 0.0)
        raise self._error(request, f"failed {MAX_ATTEMPTS} times in a row ({self._last}). Try later; what was landed stays.")

    def _pin(self, request: "PreparedRequest") -> None:
        url = request.url or ""
        if not url.lower().startswith(self._origins):
            host = urlsplit(url).netloc.rpartition("@")[2] or "nowhere"
            what = f"leads to another host ({shorten(host)}), which is refused: the token stays at home."
            raise self._error(request, what)

    def _error(self, request: "PreparedRequest", what: str, status: int | None = None) -> ApiError:
        """Named by the path, without host and query, which may hold secrets or persons."""
        path = urlsplit(request.url or "").path or "/"
        return ApiError(self.source_id, shorten(self.redact(path), 200), self.redact(what), status)

    def _attempt(self, request: "PreparedRequest", options: dict[str, Any], attempt: int) -> tuple["Response | None", float | None]:
        """A response, and how long to wait before asking again; no wait where the response can be used or never will."""
        from requests import exceptions

        self.calls.requests += 1
        try:
            response = self._send_once(request, **options)
        except exceptions.SSLError as error:
            what = shorten(f"can't be trusted: {self.redact(str(error.args[0]))}", 300)
            raise self._error(request, what) from None
        except (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError, exceptions.ContentDecodingError) as error:
            self._last = type(error).__name__
            return None, self._backoff(attempt)
        if response.status_code in RETRIED or (response.status_code >= FIRST_ERROR and self.dialect.is_throttled(response)):
            self._last = f"HTTP {response.status_code}"
            return None, self._retry_after(response, attempt)
        if response.status_code < FIRST_ERROR and not self._parse(response):
            self._last = "truncated JSON, or none"
            return None, self._backoff(attempt)
        return response, None

    def _parse(self, response: "Response") -> bool:
        """Parse once and keep; whether the body was whole."""
        if not response.content:
            response.json = partial(_same, None)
            return True
        try:
            parsed = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            try:
                # Lone surrogates are legal in JSON and nowhere else.
                parsed = _without_surrogates(json.loads(response.content, parse_constant=_no_number))
            except (ValueError, RecursionError):
                return False
        response.json = partial(_same, parsed)
        return True

    def _checked(self, response: "Response", request: "PreparedRequest") -> "Response":
        limit = self.dialect.rate_limit(response)
        self.calls.clock_ahead_seconds = _seconds(response.headers.get("Date"))
        if limit is not None:
            self.calls.remaining = limit.remaining
        if response.status_code < FIRST_ERROR:
            if limit is not None and limit.remaining <= 0:
                self._wait(min(limit.reset_seconds, LONGEST_WAIT_SECONDS))
            return response
        try:
            said = self.dialect.message(orjson.loads(response.content))
        except (orjson.JSONDecodeError, AttributeError):
            said = ""
        status = UNAUTHORISED if self.dialect.is_refused(response) else response.status_code
        says = f"HTTP {response.status_code}" + (f": {shorten(self.redact(said), 300)}" if said else "")
        raise self._error(request, f"{_advice(status, self.variables)} {says}", response.status_code)

    def _retry_after(self, response: "Response", attempt: int) -> float:
        limit = self.dialect.rate_limit(response)
        asked = _seconds(response.headers.get("Retry-After"))
        if asked is None and limit is not None and limit.remaining <= 0:
            asked = limit.reset_seconds
        return self._backoff(attempt) if asked is None else min(max(asked, 0.0), LONGEST_WAIT_SECONDS)

    def _backoff(self, attempt: int) -> float:
        """Exponential with full jitter (Brooker 2015, "Exponential Backoff And Jitter")."""
        return self._random.uniform(0.0, min(LONGEST_BACKOFF_SECONDS, 0.5 * 2.0**attempt))

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            logger.info("%s: waiting %.1f s (%s)", self.source_id, seconds, getattr(self, "_last", "rate limit"))
            self.calls.waited_seconds += seconds
            self.sleep(seconds)


def _same(parsed: Any, **_: Any) -> Any:
    return parsed


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value


def _no_number(_: str) -> None:
    """NaN and infinities, which are no JSON."""


def _has_list(answer: Any, records: str) -> bool:
    """Whether an answer has the list of records, if only an empty one or null in its place."""
    from dlt.common.jsonpath import find_values

    return bool(find_values(records, answer)) and answer is not None


def _spellings(scheme: str, netloc: str) -> tuple[str, ...]:
    """How an origin may be written: with and without its scheme's own port."""
    own = {"http": ":80", "https": ":443"}[scheme]
    bare = netloc.removesuffix(own)
    written = (bare, bare + own) if bare != netloc or not re.search(r":\d+$", netloc) else (netloc,)
    return tuple(f"{scheme}://{each}/" for each in written)


def _seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which may be a date (RFC 9110, section 10.2.3), or from now to a date."""
    if not header:
        return None
    try:
        seconds = float(header)
        return seconds if isfinite(seconds) else None
    except ValueError:
        pass
    try:
        found = parsedate_to_datetime(header)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp() - time.time()
    except (TypeError, ValueError):
        return None


def _advice(status: int, variables: tuple[str, ...]) -> str:
    where = f" as {', '.join(variables)}" if variables else ""
    return {
        401: f"refuses the token. Make a new one and put it into the environment{where}.",
        403: "is not allowed for this token. Grant it the scopes of the source's docs page.",
        404: "is not there. Check base_url and the names in twoway.toml.",
        410: "is gone at the vendor.",
    }.get(status, "refuses the request.")
