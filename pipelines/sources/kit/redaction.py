"""Secrets and personal data never reach a log, an exception, a manifest or a screen."""

import base64
import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST_SECRET = 4
REDACTED = "[redacted]"
_VALUE = r"""("[^"]*"?|'[^']*'?|[^\s,;&}"']+)"""
PATTERNS = (
    # Cookies hold several pairs, and a scheme stands before a token: the line is lost as a whole.
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*)[^\r\n]+"), rf"\1\2{REDACTED}"),
    (re.compile(rf"(?i)([\w-]*(?:token|secret|password|passwd|pwd|api[_-]?key|session(?:[_-]?id)?|signature))(['\"]?\s*[:=]\s*){_VALUE}"),
     rf"\1\2{REDACTED}"),
    (re.compile(r"(?i)\b(bearer|basic|token)\s+(?=\S*\d|\S{16})[\w+/=.~:-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?"), REDACTED),
    # What stands behind a question mark can hold a token or a person's address.
    (re.compile(r"((?:https?:/)?/[^\s?'\"<>]*)[?#][^\s'\"<>]+"), r"\1"),
    (re.compile(r"(https?://)[^/\s@]+@"), r"\1"),
    (re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(\.[\w-]+)+"), REDACTED),
)  # fmt: skip


class Redactor:
    """Takes known secrets, and what looks like one, out of a text.

    Args:
        secrets: values that must never be written; those shorter than four characters are no secrets.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {spelling for secret in secrets if len(secret) >= SHORTEST_SECRET for spelling in _spellings(secret)}
        self._secrets = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        text = self.known(text)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return text

    def known(self, text: str) -> str:
        """The text without the known secrets; what only looks like one stays."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


def _spellings(secret: str) -> set[str]:
    """A secret as it stands in headers, addresses and JSON."""
    return {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


class RedactingFilter(logging.Filter):
    """Redacts every record of the loggers that a connector's libraries write to, arguments and traces included."""

    def __init__(self) -> None:
        super().__init__()
        self._redactors: dict[tuple[str, ...], Redactor] = {(): Redactor()}

    def know(self, redact: Redactor) -> None:
        """Take out what this redactor knows, too, for as long as the process lives."""
        self._redactors[tuple(redact._secrets)] = redact

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._redacted(record.getMessage()), None
        if isinstance(record.exc_info, tuple):
            record.exc_text = self._redacted(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
        return True

    def _redacted(self, text: str) -> str:
        for redact in list(self._redactors.values()):
            text = redact(text)
        return text


LIBRARY_LOGGERS = ("dlt", "urllib3", "requests", "charset_normalizer")
_library_filter = RedactingFilter()


def redact_library_logs(redact: Redactor) -> None:
    """From now on every line that the HTTP and loading libraries log passes the redactor.

    A logger's filter is not asked for its children's records, so that each of them gets it.
    """
    _library_filter.know(redact)
    for name in [*LIBRARY_LOGGERS, *logging.root.manager.loggerDict]:
        if name.split(".")[0] in LIBRARY_LOGGERS:
            logging.getLogger(name).addFilter(_library_filter)
