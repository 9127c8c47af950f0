"""Secrets are planted wherever a server or a library could repeat them; then everything written is searched."""

import base64
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from pipelines.landing import Landing
from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, SystemSettings
from pipelines.sources.kit.errors import ApiError
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.redaction import REDACTED, Redactor
from pipelines.sources.kit.sync import ApiSource, sync
from tests.fakes.paged import SHOP
from tests.fakes.scripted import Answer, Scripted
from tests.fakes.server import served

TOKEN = "tok-9f8e7d6c5b4a/+="
PASSWORD = "hunter2 and more"
COOKIE = "c00kie-5e55ion"
EMAIL = "jane.doe@customer.example"
SECRETS = {
    each.encode()
    for each in (TOKEN, quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode(), "hunter2", COOKIE, EMAIL, quote(EMAIL))
}
GOOD = {"id": 1, "name": "a", "updated_at": "2026-01-01T00:00:00Z"}
SAID = (
    f'denied for {EMAIL}: Bearer {TOKEN}, "password": "{PASSWORD}", basic {base64.b64encode(TOKEN.encode()).decode()},'
    f" see https://user:{COOKIE}@example.com/x?access_token={quote(TOKEN, safe='')} Cookie: a=1; sid={COOKIE}"
)
HEADERS = {"set-cookie": f"sid={COOKIE}; Path=/", "x-token": TOKEN, "x-user": EMAIL}
QUERY = f"cursor=2&access_token={quote(TOKEN, safe='')}&user={quote(EMAIL)}"
TALES: dict[str, list[Answer]] = {
    "error message": [Answer({"message": SAID}, 400, HEADERS)],
    "error after a page": [Answer({"items": [GOOD], "next": f"/v1/items?{QUERY}"}, headers=HEADERS), Answer({"error": SAID}, 403)],
    "error on a path": [Answer({"items": [GOOD], "next": f"/v1/users/{EMAIL}/{TOKEN}?{QUERY}"}), Answer({"message": SAID}, 404)],
    "trouble that stays": [Answer({"items": [GOOD], "next": f"/v1/items?{QUERY}"}), Answer(SAID.encode(), 503, HEADERS)],
    "no JSON": [Answer(SAID.encode(), 200, HEADERS)],
    "redirect away": [Answer(status=302, headers={"location": f"https://user:{COOKIE}@evil.example.com/{TOKEN}?{QUERY}"})],
    "redirect to nowhere": [Answer(status=302, headers={"location": f"http://[{COOKIE}?{QUERY}"})],
    "next away": [Answer({"items": [GOOD], "next": f"https://{TOKEN[:12]}.example.com/{EMAIL}?{QUERY}"})],
    "next that is no link": [Answer({"items": [GOOD], "next": f"http:///{COOKIE}?{QUERY}"})],
    "next of another type": [Answer({"items": [GOOD], "next": [TOKEN, EMAIL]})],
    "mistyped time": [Answer({"items": [{**GOOD, "updated_at": f"{EMAIL} {COOKIE}"}], "next": None})],
    "mistyped number": [Answer({"items": [{**GOOD, "stars": COOKIE}], "next": None})],
    "mistyped text": [Answer({"items": [{**GOOD, "name": {"password": PASSWORD, EMAIL: TOKEN}}], "next": None})],
    "mistyped way": [Answer({"items": [{**GOOD, "owner": EMAIL}], "next": None})],
    "key that is missing": [Answer({"items": [{"id": EMAIL, "name": TOKEN, "password": PASSWORD}], "next": None})],
    "record that is none": [Answer({"items": [GOOD, f"{EMAIL} {TOKEN}"], "next": None})],
    "connector's own fault": [Answer({"items": [{**GOOD, "id": 666, "name": SAID}], "next": None})],
    "nothing wrong": [Answer({"items": [GOOD], "next": f"/v1/items?{QUERY}"}, headers=HEADERS), Answer({"items": [], "next": None})],
}


def _pull(pull: Pull) -> Iterator[Page]:
    for records, _ in pull.api.pages("items", JSONLinkPaginator(next_url_path="next"), "items"):
        for record in records:
            if isinstance(record, dict) and record.get("id") == 666:
                raise KeyError(record["name"])
        yield Page(records)


FIELDS = (
    Field("id", "id", is_required=True), Field("name"), Field("stars", "integer"), Field("updated_at", "timestamp", is_required=True),
    Field("owner", path="owner.login"),
)  # fmt: skip
LEAKY = replace(SHOP, endpoints=(Endpoint("items", ("id",), FIELDS, _pull),))


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Every record of every logger at DEBUG, as a handler would write it."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Keep(logging.DEBUG)
    loggers = [root, *(logging.getLogger(name) for name in list(root.manager.loggerDict))]
    before = {logger: (logger.level, logger.propagate, logger.disabled) for logger in loggers}
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    yield lines
    root.removeHandler(handler)
    for logger, (level, propagate, disabled) in before.items():
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def _said(error: BaseException) -> str:
    """All that a terminal, a log or Dagster shows of an exception, and what hangs from it."""
    shown = [str(error), repr(error), repr(error.args), *traceback.format_exception(error)]
    for chained in (error.__cause__, error.__context__):
        shown += traceback.format_exception(chained) if chained is not None else []
    return "\n".join(shown)


def _synced(url: str, folder: Path, told: list[str]) -> BaseException | None:
    def connect() -> Api:
        redact = Redactor([TOKEN, PASSWORD])
        return Api("my-shop", f"{url}/v1/", BearerTokenAuth(token=TOKEN), redact=redact, sleep=lambda _: None, seed=1)

    source = ApiSource(LEAKY, SystemSettings(id="my-shop", system="shop", base_url=f"{url}/v1/"), connect)
    try:
        sync(source, Landing(folder), told.append)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize("tale", TALES)
def test_nothing_that_is_written_holds_a_secret(tale: str, tmp_path: Path, logged: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    script = Scripted(*TALES[tale])
    told: list[str] = []
    with served(script) as url:
        error = _synced(url, tmp_path, told)
    assert (error is None) == (tale == "nothing wrong")
    assert len(logged) >= 2
    captured = capfd.readouterr()
    written = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written |= {"log": "\n".join(logged).encode(), "told": "\n".join(told).encode()}
    written |= {"error": _said(error).encode() if error else b"", "screen": (captured.out + captured.err).encode()}
    # The name of the file as well as what is in it.
    found = {(where, secret) for where, content in written.items() for secret in SECRETS if secret in content or secret in where.encode()}
    assert found == set()


def test_the_search_would_find_them(tmp_path: Path, logged: list[str]) -> None:
    (tmp_path / "leak").write_text(SAID)
    logging.getLogger("anything.at.all").debug(SAID)
    assert any(secret.decode() in logged[-1] for secret in SECRETS)
    assert all(secret in (tmp_path / "leak").read_bytes() for secret in SECRETS if b"%40" not in secret)


def test_a_library_log_keeps_its_sense(logged: list[str]) -> None:
    with served(Scripted(Answer({"n": 1}))) as url:
        Api("my-shop", f"{url}/v1/", BearerTokenAuth(token=TOKEN), redact=Redactor([TOKEN])).get("items", {"access_token": TOKEN})
    line = next(line for line in logged if "GET /v1/items" in line)
    assert "200" in line
    assert "access_token" not in line


def test_no_trace_of_exceptions_is_kept(tmp_path: Path) -> None:
    with served(Scripted(*TALES["mistyped time"])) as url:
        _synced(url, tmp_path, [])
    assert list(tmp_path.rglob("*.pickle")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "refuses the token. Make a new one and put it into the environment. HTTP 401",
        "is not allowed for this token. Grant it the scopes of the source's docs page. HTTP 403",
        "leads to another host (evil.example:8080), which is refused: the token stays at home.",
        "has a record without updated_at, which it must have (id 42). What was landed stays.",
        "says text like '9999-99-99' for created_at, which is not a time with its zone, like 2026-01-31T09:30:00Z (id 7).",
        "failed 8 times in a row (HTTP 503). Try later; what was landed stays.",
    ],
)
def test_sentences_of_ours_stay_whole(sentence: str) -> None:
    assert Redactor([TOKEN])(sentence) == sentence


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Authorization: Bearer abc.def-123", f"Authorization: {REDACTED}"),
        ('{"client_secret": "s3 cr3t", "ok": 1}', f'{{"client_secret": {REDACTED}, "ok": 1}}'),
        ("api_key=abc123&x=1", f"api_key={REDACTED}&x=1"),
        ("Cookie: a=1; b=2", f"Cookie: {REDACTED}"),
        ("mail jane.doe+x@mail.example.org now", f"mail {REDACTED} now"),
        ("GET /v1/items?after=abc HTTP/1.1", "GET /v1/items HTTP/1.1"),
        ("https://u:p@example.com/a?b#c", "https://example.com/a"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", REDACTED),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, safe: str) -> None:
    assert Redactor()(text) == safe
