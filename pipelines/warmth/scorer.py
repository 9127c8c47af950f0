"""The frozen scorer `warmth-1`: acts of warmth and coldness in a reply, by a lexicon and a few rules.

The approach, and the weights where it has them, are those of Danescu-Niculescu-Mizil et al. (2013), "A computational
approach to politeness with application to social factors", ACL, Table 3. No network, no randomness, no state.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pipelines.warmth.cleaning import clean

SCORER_VERSION = "warmth-1"
SCORED_LANGUAGES = ("en",)
FEWEST_LETTERS = 10
LANGUAGE_CHARACTERS = 1_000
NEGATION_WORDS = 3
SHOUTED_WORDS = 3
SHOUTING_WEIGHT = -0.50
DECIMALS = 6

Status = Literal["scored", "too_short", "language_not_scored", "empty"]

_FOLDER = Path(__file__).parent
_NEGATION = re.compile(r"\b(?:not|never|no|cannot|without|hardly|\w+n't)\b")
_CLAUSE_END = re.compile(r"[.!?;:,\n]")
_WORD = re.compile(r"[\w']+")
_SHOUT = re.compile(rf"(?:\b[A-Z][A-Z']+\b[ ,]+){{{SHOUTED_WORDS - 1},40}}\b[A-Z][A-Z']+\b")
_PESTERING = re.compile(r"\?{2,}")
_BEFORE_START = {"anywhere": "", "sentence": r"(?:^|(?<=[.!?\n] )|(?<=\n))", "text": r"\A"}


@dataclass(frozen=True)
class Score:
    """What a scorer says of one reply.

    Args:
        warmth: from -1 to 1, 0 where the text is neither warm nor cold; none unless scored.
        status: whether it was scored, else why not.
    """

    warmth: float | None
    status: Status


@dataclass(frozen=True)
class _Act:
    name: str
    weight: float
    pattern: re.Pattern[str]
    is_cold: bool
    is_negatable: bool


def score(text: str) -> Score:
    """Score one reply. Equal texts have equal scores, whatever came before.

    The weights of the acts found, each counted once, add up to `s`; warmth is `s / (1 + |s|)`: bounded, so that no
    reply outweighs an agent's others, and a first act of courtesy says more than a fourth.
    """
    own = clean(text)
    letters = sum(character.isalpha() for character in own)
    if letters == 0:
        return Score(None, "empty")
    if letters < FEWEST_LETTERS:
        return Score(None, "too_short")
    if _language(own[:LANGUAGE_CHARACTERS]) not in SCORED_LANGUAGES:
        return Score(None, "language_not_scored")
    total = sum(acts(own).values())
    return Score(round(total / (1 + abs(total)), DECIMALS) + 0.0, "scored")


def acts(own: str) -> dict[str, float]:
    """Acts found in a cleaned English text, with their weights."""
    found: dict[str, float] = {}
    if (_SHOUT.search(own) and sum(map(str.isupper, own)) > sum(map(str.islower, own))) or _PESTERING.search(own):
        found["shouting"] = SHOUTING_WEIGHT
    rest = "\n".join(" ".join(line.split()) for line in own.lower().splitlines())
    for act in _acts():
        if act.is_cold and act.pattern.search(rest):
            found[act.name] = act.weight
            rest = act.pattern.sub(lambda match: "#" * len(match[0]), rest)
    for act in _acts():
        if not act.is_cold and any(not (act.is_negatable and _is_negated(rest, match.start())) for match in act.pattern.finditer(rest)):
            found[act.name] = act.weight
    return found


@cache
def fingerprint() -> str:
    """SHA-256 over everything that decides a score: lexicon, rules, and the language model's version."""
    digest = hashlib.sha256(f"py3langid {version('py3langid')}".encode())
    for name in ("lexicon.toml", "cleaning.py", "scorer.py"):
        digest.update((_FOLDER / name).read_bytes())
    return digest.hexdigest()


def _is_negated(text: str, start: int) -> bool:
    clause = _CLAUSE_END.split(text[max(start - 80, 0) : start])[-1]
    return bool(_NEGATION.search(" ".join(_WORD.findall(clause)[-NEGATION_WORDS:])))


@cache
def _acts() -> tuple[_Act, ...]:
    lexicon = tomllib.loads((_FOLDER / "lexicon.toml").read_text(encoding="utf-8"))
    return tuple(_act(name, entry) for name, entry in lexicon.items())


def _act(name: str, entry: dict) -> _Act:
    phrases = "|".join(entry["phrases"])
    bounded = phrases if entry.get("bare") else rf"\b(?:{phrases})\b"
    pattern = re.compile(_BEFORE_START[entry.get("at", "anywhere")] + bounded)
    return _Act(name, entry["weight"], pattern, entry.get("cold", False), entry.get("negatable", False))


@cache
def _identifier():
    # Here, because the model costs a second and 130 MB: only who has texts to score pays.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def _language(text: str) -> str:
    return _identifier().classify(text)[0]
