"""What can go wrong between Twoway and a source system, as one line that says how to mend it."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.errors import Problem, SourceError


class ApiError(SourceError):
    """A source system can't be read: its last complete load stays.

    Args:
        source_id: the source.
        where: the endpoint or the setting.
        what: what is wrong and how to mend it, as a sentence; redacted already.
        status: of the HTTP answer that said so, where one did.
    """

    def __init__(self, source_id: str, where: str, what: str, status: int | None = None) -> None:
        super().__init__(source_id, [Problem(where, what)])
        self.status = status


class DriftError(ApiError):
    """Records are not shaped as the connector knows them: a field is gone, or of another type."""


def redacted(error: SourceError, redact: Callable[[str], str]) -> SourceError:
    """The error with its sentences redacted, and without the exceptions that it came from: their texts are not."""
    error.problems = [replace(each, file=redact(each.file), what=redact(each.what)) for each in error.problems]
    error.args = ("\n".join(str(problem) for problem in error.problems),)
    error.__cause__ = error.__context__ = None
    return error


def unexpected(error: BaseException) -> str:
    """What to say of an exception that nobody foresaw: where it arose, not what it says, which may hold anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {Path(each.filename).name}, line {each.lineno}" for each in frame)
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return f"can't be read further ({type(error).__name__}{where}{reason}). What was landed stays; if it comes again, report it."
