"""The little Markdown that the coverage certificate is written in, as blocks that a template escapes."""

import re
from dataclasses import dataclass

MARKS = re.compile(r"(\*\*.+?\*\*|`[^`]+`)")
RULE = re.compile(r"^\|[\s:|-]+\|$")


@dataclass(frozen=True)
class Span:
    """Text that is plain, `strong` or `code`."""

    kind: str
    text: str


Text = list[Span]


@dataclass(frozen=True)
class Heading:
    """A heading, whatever its depth."""

    text: Text
    kind: str = "heading"


@dataclass(frozen=True)
class Paragraph:
    """Lines up to an empty one."""

    text: Text
    kind: str = "paragraph"


@dataclass(frozen=True)
class Grid:
    """A table: its header and its rows, all of the header's width."""

    header: list[Text]
    rows: list[list[Text]]
    kind: str = "table"


Block = Heading | Paragraph | Grid


def blocks(markdown: str) -> list[Block]:
    """Headings, paragraphs and pipe tables; anything else is a paragraph. No HTML is understood: it stays text."""
    found: list[Block] = []
    words: list[str] = []
    lines = [line.strip() for line in markdown.splitlines()]
    at = 0

    def close() -> None:
        if words:
            found.append(Paragraph(spans(" ".join(words))))
            words.clear()

    while at < len(lines):
        line = lines[at]
        if line.startswith("|") and at + 1 < len(lines) and RULE.match(lines[at + 1]):
            close()
            end = next((i for i in range(at + 2, len(lines)) if not lines[i].startswith("|")), len(lines))
            found.append(_grid(line, lines[at + 2 : end]))
            at = end
            continue
        if line.startswith("#"):
            close()
            found.append(Heading(spans(line.lstrip("#").strip())))
        elif line:
            words.append(line)
        else:
            close()
        at += 1
    close()
    return found


def _grid(header: str, rows: list[str]) -> Grid:
    names = _cells(header)
    filled = [(_cells(row) + [[]] * len(names))[: len(names)] for row in rows]
    return Grid(names, filled)


def _cells(line: str) -> list[Text]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [spans(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def spans(text: str) -> Text:
    """A line's parts: plain, strong or code."""
    return [_span(part) for part in MARKS.split(text) if part]


def _span(part: str) -> Span:
    if part.startswith("**") and part.endswith("**") and len(part) > 4:
        return Span("strong", part[2:-2])
    if part.startswith("`") and part.endswith("`") and len(part) > 2:
        return Span("code", part[1:-1])
    return Span("plain", part)
