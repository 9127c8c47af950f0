"""Blanking out an erased person's e-mail, phone and handle in what others wrote."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from pipelines.erasure.tables import FEWEST_PHONE_DIGITS, PHONE_DIGITS
from pipelines.erasure.tombstones import Tombstones

BLANK = "[erased]"
# A shorter handle is also a word, and is looked for behind an @ only.
SHORTEST_BARE_HANDLE = 5
TOKEN = re.compile(r"[\w.+'%-]{1,64}(?:@|%40)\w[\w-]*(?:\.[\w-]+)+|@?\w[\w.-]*(?:@\w[\w.-]*)*")
NUMBER = re.compile(r"(?<!\w)\+?\(?\d[\d \u00a0().\-/]{5,}\d(?!\w)")
EDGES = "._-'+"
HANDLE_KEYS = {"login", "user_login", "username", "acct", "handle", "screen_name", "preferredUsername"}
MOST_CACHED = 1 << 18
# Of digits in a phone number.
MOST_GROUPS = 8


class Clearing:
    """Blanks out whole tokens, whatever their case.

    Args:
        tombstones: of the home.
    """

    def __init__(self, tombstones: Tombstones) -> None:
        self.tombstones = tombstones
        self.has_tokens = bool(tombstones.hashes["token"])
        self.has_phones = bool(tombstones.hashes["phone"])
        self._is_erased: Callable[[str, str], bool] = lru_cache(MOST_CACHED)(tombstones.holds)

    def text(self, text: str) -> str:
        """A text without the erased persons' identifiers."""
        if self.has_phones:
            text = NUMBER.sub(self._number, text)
        if self.has_tokens:
            # A word that is the whole value may be a status or a kind that is spelt like somebody's handle.
            is_free = any(mark in text for mark in " /:\n")
            text = TOKEN.sub(lambda found: self._token(found.group(), is_free), text)
        return text

    def json(self, text: str, element_key: str = "", person: tuple[str, str] = ("", "")) -> str:
        """JSON text with every text in it cleared; where a key is given, lists without the elements that name an erased person.

        Args:
            text: JSON.
            element_key: key of lists' elements under which their person stands, unless they are ids themselves; empty for none.
            person: source and kind of identity of that person.
        """
        try:
            before = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self.text(text)
        after = self._value(self._without(before, element_key, person) if element_key else before)
        return text if after == before else orjson.dumps(after, option=orjson.OPT_SORT_KEYS).decode()

    def _without(self, value: Any, key: str, person: tuple[str, str]) -> Any:
        if isinstance(value, dict):
            return {name: self._without(each, key, person) for name, each in value.items()}
        if not isinstance(value, list):
            return value
        kept = [each for each in value if not self._names(each.get(key) if isinstance(each, dict) else each, person)]
        return [self._without(each, key, person) for each in kept]

    def _names(self, value: Any, person: tuple[str, str]) -> bool:
        return isinstance(value, str | int) and self.tombstones.holds("person", *person, str(value))

    def _value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            if key in HANDLE_KEYS and self._is_erased("token", f"@{value.lower().lstrip('@')}"):
                return BLANK
            return self.text(value)
        if isinstance(value, list):
            return [self._value(each, key) for each in value]
        if isinstance(value, dict):
            return {self.text(name): self._value(each, name) for name, each in value.items()}
        return value

    def _token(self, token: str, is_free: bool) -> str:
        core = token.strip(EDGES)
        if not core.lstrip("@"):
            return token
        for form in dict.fromkeys((core, token.rstrip(".-'+"))):
            plain = form.lower().replace("%40", "@")
            is_address = "@" in plain.lstrip("@")
            named = plain if plain.startswith("@") and not is_address else plain.lstrip("@")
            if (is_free or is_address or plain.startswith("@")) and self._is_erased("token", named):
                return token.replace(form, BLANK)
        return token

    def _number(self, found: re.Match[str]) -> str:
        """A number of several groups may stand next to another one: runs of groups are tried, the longest first."""
        text, made, at, first = found.group(), "", 0, 0
        groups = [(each.start(), each.end()) for each in re.finditer(r"\d+", text)]
        while first < len(groups):
            start = groups[first][0]
            end = next((end for _, end in reversed(groups[first : first + MOST_GROUPS]) if self._is_phone(text[start:end])), None)
            first += 1
            if end is not None:
                made += text[at : start - text[:start].endswith("+")] + BLANK
                at = end
                first = next((number for number, (begin, _) in enumerate(groups) if begin >= end), len(groups))
        return made + text[at:]

    def _is_phone(self, text: str) -> bool:
        digits = re.sub(r"\D", "", text)
        return len(digits) >= FEWEST_PHONE_DIGITS and self._is_erased("phone", digits[-PHONE_DIGITS:])


def tokens_of(kind: str, value: str) -> list[str]:
    """What an identifier looks like within a text.

    Args:
        kind: `email` or `handle`.
        value: normalised; a handle with its platform before it.
    """
    if kind == "email":
        return [value]
    handle = value.partition(":")[2].lstrip("@")
    name, _, server = handle.partition("@")
    found = [f"@{name}"]
    if server or len(handle) >= SHORTEST_BARE_HANDLE:
        found.append(handle)
    return found
