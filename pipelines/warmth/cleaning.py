"""The words that an agent wrote in a reply: without quotes, signature, code, addresses and markup."""

import re
import unicodedata

MAX_CHARACTERS = 20_000
"""Characters read of a text; what comes after is not looked at."""

# Every pattern is free of nested repetition, so that a hostile text costs linear time.
_BLOCKS = re.compile(
    r"```.*?(?:```|\Z)|<(pre|code|style|script|blockquote)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
_LINE_ENDS = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^<>]{0,200}>", re.IGNORECASE)
# An address in angle brackets is no tag.
_TAGS = re.compile(r"<(?![^<>\s@]{1,64}@)/?[a-z][^<>]{0,500}>", re.IGNORECASE)
_INLINE = re.compile(r"`[^`\n]{1,500}`|\b(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}", re.IGNORECASE)
_ENTITIES = {"&nbsp;": " ", "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'"}
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"'})

# From such a line on, somebody else speaks.
_HISTORY = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|forwarded message)\b|_{10,}\s*$|on\b.{1,200}\bwrote:\s*$|from:\s.{0,200}@"
    r"|##- .{0,80}reply above)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"\s*(?:--|—)\s*$|\s*sent from my \w+", re.IGNORECASE)
_SIGN_OFF = re.compile(
    r"\s*(?:(?:with )?(?:best|kind|kindest|warm|warmest)(?: regards| wishes)?|regards|sincerely|cheers"
    r"|yours(?: sincerely| truly| faithfully)?)\s*[,.!]?\s*$",
    re.IGNORECASE,
)
_SIGN_OFF_LINES = 6


def clean(text: str) -> str:
    """The agent's own words of a reply, line by line.

    Args:
        text: a message's body, plain, Markdown or HTML; anything that Python holds as text.

    Returns:
        At most the first `MAX_CHARACTERS` characters without code, quoted history, signature, links and tags.
    """
    text = "".join(_printable(character) for character in text[:MAX_CHARACTERS].translate(_QUOTES))
    text = unicodedata.normalize("NFC", text)
    text = _LINE_ENDS.sub("\n", _BLOCKS.sub("\n", text))
    text = _TAGS.sub(" ", text)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return _INLINE.sub(" ", "\n".join(_own_lines(text.splitlines()))).strip()


def _printable(character: str) -> str:
    if character in "\n\r\t":
        return character
    return " " if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") else character


def _own_lines(lines: list[str]) -> list[str]:
    own: list[str] = []
    for line in lines:
        if _HISTORY.match(line) or _SIGNATURE.match(line):
            break
        if not line.lstrip().startswith(">"):
            own.append(line)
    while own and not own[-1].strip():
        own.pop()
    # A sign-off comes from a template more often than from the person, and so does the name below it.
    first = max(len(own) - _SIGN_OFF_LINES, 1)
    for number in range(first, len(own)):
        if _SIGN_OFF.match(own[number]):
            return own[:number]
    return own
