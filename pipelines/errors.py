"""What can go wrong, in words that say what, where and how to mend it."""

from dataclasses import dataclass


class TwowayError(Exception):
    """Something that the person at the terminal can mend. Shown without a stack trace."""


class ConfigError(TwowayError):
    """The command line, `twoway.toml`, the environment or the plan is wrong (exit code 2)."""


class LockedError(TwowayError):
    """Another run holds the home's lock (exit code 3)."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one input file.

    Args:
        file: name of the file.
        what: what is wrong and how to mend it, as a sentence.
        column: the column, where one is to blame.
        row: number of the data row, counted from 1 without the header.
        value: the offending value as text.
    """

    file: str
    what: str
    column: str | None = None
    row: int | None = None
    value: str | None = None

    def __str__(self) -> str:
        where = [self.file]
        if self.column is not None:
            where.append(f"column {self.column}")
        if self.row is not None:
            where.append(f"row {self.row}")
        shown = "" if self.value is None else f"{shorten(self.value)!r} "
        return f"{', '.join(where)}: {shown}{self.what}"


class SourceError(TwowayError):
    """A source can't be used in this run; its last complete load stays.

    Args:
        source_id: the source.
        problems: everything found wrong with it.
    """

    def __init__(self, source_id: str, problems: list[Problem]) -> None:
        self.source_id = source_id
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def shorten(text: str, limit: int = 80) -> str:
    """Cut a value for a message: customers can type ten megabytes."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
