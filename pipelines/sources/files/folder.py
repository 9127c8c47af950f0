"""Which files of a folder hold which canonical table, and which of them is the newest."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.contract import tables
from pipelines.errors import Problem

COMPRESSIONS = (".gz", ".zst")
# A folder's name this close to a table's was meant to be it.
LOOKS_LIKE = 0.85


def with_compressions(kinds: dict[str, str]) -> dict[str, str]:
    """Kinds of file by ending, the compressed endings of text files included."""
    packed = {ending + pack: kind for ending, kind in kinds.items() if kind != "parquet" for pack in COMPRESSIONS}
    return {**kinds, **packed}


FORMATS = with_compressions({".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl"})


@dataclass(frozen=True)
class InputFile:
    """One file to read.

    Args:
        path: where it is.
        name: its path below the source's folder, for messages.
        kind: `csv`, `jsonl` or `parquet`.
        part: its name within its table, which tells its age; empty where the table's name is all of it.
    """

    path: Path
    name: str
    kind: str
    part: str = ""


@dataclass(frozen=True)
class Survey:
    """What a folder holds: files by canonical table (by kind, in a vendor's export), oldest first; and what is wrong with it."""

    files: dict[str, list[InputFile]]
    problems: list[Problem]

    @property
    def all_files(self) -> list[InputFile]:
        return [file for files in self.files.values() for file in files]


def ending_of(name: str, formats: dict[str, str]) -> str | None:
    """The ending of a file that is read; None where it is none of them."""
    return next((ending for ending in sorted(formats, key=len, reverse=True) if name.endswith(ending)), None)


def by_age(part: str) -> list[tuple[int, int, str]]:
    """Key that sorts parts oldest first: by name, numbers in it by their value, what stands between words left aside.

    So 9 comes before 10, and 2026/11-21 between 2026-11-20 and 2026_11_22.
    """
    pieces = re.findall(r"\d+|[^\W\d_]+", part)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def survey_canonical(folder: Path) -> Survey:
    """Files named after canonical tables: `<table>.csv`, `<table>.<part>.csv`, or any name in a folder `<table>/`."""
    found: dict[str, list[InputFile]] = {}
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            _survey_folder(path, found, problems)
        elif _is_file(path):
            _survey_file(path, found, problems)
    for name, files in found.items():
        found[name] = in_order_of_age(files, problems)
    if not found and not problems:
        problems.append(Problem(str(folder), f"holds no file such as support_tickets.csv. Tables: {', '.join(tables())}."))
    return Survey({name: found[name] for name in sorted(found)}, problems)


def _survey_file(path: Path, found: dict[str, list[InputFile]], problems: list[Problem]) -> None:
    ending = ending_of(path.name, FORMATS)
    table, _, part = path.name.removesuffix(ending or "").partition(".")
    if ending is None and table in tables():
        problems.append(Problem(path.name, f"has an ending that is not read. Export it as one of: {_endings(table)}."))
    elif ending is not None and table not in tables():
        problems.append(Problem(path.name, f"is named after no canonical table. Rename it to one of: {', '.join(tables())}."))
    elif ending is not None:
        found.setdefault(table, []).append(InputFile(path, path.name, FORMATS[ending], part))


def _survey_folder(path: Path, found: dict[str, list[InputFile]], problems: list[Problem]) -> None:
    table = path.name
    if table not in tables():
        if meant := difflib.get_close_matches(table, tables(), 1, LOOKS_LIKE):
            problems.append(Problem(f"{table}/", f"is named after no canonical table. Rename it to {meant[0]}, or move it away."))
        return
    for each in visible_files(path):
        ending = ending_of(each.name, FORMATS)
        name = each.relative_to(path.parent).as_posix()
        if ending is None:
            problems.append(Problem(name, f"has an ending that is not read. Export it as one of: {_endings('<name>')}, or move it away."))
        else:
            part = each.relative_to(path).as_posix().removesuffix(ending)
            found.setdefault(table, []).append(InputFile(each, name, FORMATS[ending], part))


def _is_file(path: Path) -> bool:
    """Whether it is a file, or a link that leads nowhere: who reads it will say so."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def visible_files(folder: Path) -> Iterator[Path]:
    """Files at any depth; names with a leading dot or underscore are other programs' marks and half-written files."""
    for path in sorted(folder.rglob("*")):
        if _is_file(path) and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
            yield path


def in_order_of_age(files: list[InputFile], problems: list[Problem]) -> list[InputFile]:
    """The files oldest first; of those that are equally old by name the first, and a problem for each other."""
    ordered: list[InputFile] = []
    for file in sorted(files, key=lambda file: (by_age(file.part), file.name)):
        if ordered and by_age(ordered[-1].part) == by_age(file.part):
            what = f"is as old by its name as {ordered[-1].name}, so that none is the newer. Keep one of them, or rename one."
            problems.append(Problem(file.name, what))
        else:
            ordered.append(file)
    return ordered


def _endings(name: str) -> str:
    return ", ".join(f"{name}{known}" for known in FORMATS)
