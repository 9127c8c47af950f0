"""Secrets and personal data never reach a log, an exception, a manifest or a screen."""

import logging
import re
from collections.abc import Iterable

SHORTEST_SECRET = 4
REDACTED = "[redacted]"
PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[\w+/=.~:-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b(authorization|cookie|set-cookie|x-api-key|api[_-]?key|access_token|client_secret|password)(['\"]?\s*[:=]\s*)[^\s,;&}]+"),
     rf"\1\2{REDACTED}"),
    (re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+"), REDACTED),
    # What stands behind a question mark can hold a token or a person's address.
    (re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*"), r"\1"),
    (re.compile(r"(https?://)[^/\s@]+@"), r"\1"),
)  # fmt: skip


class Redactor:
    """Takes known secrets, and what looks like one, out of a text.

    Args:
        secrets: values that must never be written; those shorter than four characters are no secrets.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((secret for secret in set(secrets) if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return text


class RedactingFilter(logging.Filter):
    """Redacts every record of the loggers that a connector's libraries write to, arguments and traces included."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._redact(record.getMessage()), None
        if isinstance(record.exc_info, tuple):
            record.exc_text = self._redact(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
        return True
