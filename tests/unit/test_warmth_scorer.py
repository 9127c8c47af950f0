"""Rules of the warmth scorer: what it reads of a text, what voids a courtesy, what it leaves out, what it survives."""

import time

import pytest

from pipelines.warmth.cleaning import MAX_CHARACTERS, clean
from pipelines.warmth.scorer import acts, score

WARM = "Thank you so much for writing to us about this."


@pytest.mark.parametrize(
    "text",
    [
        f"The parcel left today.\n\nOn 3 May 2026 at 10:12, Ann <a@b.example> wrote:\n> {WARM}\n{WARM}",
        f"The parcel left today.\n-----Original Message-----\n{WARM}",
        f"The parcel left today.\nFrom: Ann <a@b.example>\n{WARM}",
        f"The parcel left today.\n> {WARM}",
        f"The parcel left today.\n-- \n{WARM}",
        f"The parcel left today.\nKind regards,\nAnn\n{WARM}",
        f"The parcel left today.\nYours sincerely\n{WARM}",
        f"The parcel left today.\nSent from my phone\n{WARM}",
        f"The parcel left today.\n```\n{WARM}\n```",
        f"The parcel left today. `{WARM}`",
        f"<p>The parcel left today.</p><pre>{WARM}</pre><blockquote>{WARM}</blockquote><!-- {WARM} -->",
        "The parcel left today. https://example.org/thank-you/so-sorry thank.you@example.org",
        '<div style="thank you">The parcel left today.</div>',
    ],
)
def test_quotes_signatures_code_links_and_markup_are_not_the_agents_words(text: str) -> None:
    assert clean(text).splitlines()[0].split() == ["The", "parcel", "left", "today."]
    assert score(text).warmth == 0


def test_a_sign_off_ends_only_the_last_lines_of_a_reply() -> None:
    text = "Cheers,\n" + "\n".join(f"Line {number} of the answer." for number in range(9)) + "\nWe are sorry about this."
    assert "apology" in acts(clean(text))


@pytest.mark.parametrize(
    ("text", "act", "is_found"),
    [
        ("we are sorry about this", "apology", True),
        ("we are not sorry about this", "apology", False),
        ("we aren't very sorry about this", "apology", False),
        ("this is not done, sorry about it", "apology", True),
        ("i understand how much this hurts", "empathy", True),
        ("i do not understand how this hurts", "empathy", False),
        ("do you know what version it is", "empathy", False),
        ("i know how to repair this one", "empathy", False),
        ("we can't thank you enough", "gratitude", True),
        ("thanks for nothing", "gratitude", False),
        ("thanks for nothing", "contempt", True),
        ("thank you for contacting us", "gratitude", False),
        ("thank you for waiting for us", "gratitude", True),
        ("this was not your fault", "praise", True),
        ("this was not your fault", "cold_words", False),
        ("please open the settings first", "please", False),
        ("could you please open the settings", "please", True),
        ("late is late, baby or not", "contempt", True),
        ("the instructions are here, you can read the manual", "as_i_said", False),
        ("It is on the page. Read the manual.".lower(), "as_i_said", True),
        ("READ THE MANUAL BEFORE YOU WRITE", "shouting", True),
        ("The API and the SDK use HTTPS here", "shouting", False),
        ("What is unclear about it??", "shouting", True),
        ("Glad that it works :)".lower(), "smile", True),
    ],
)
def test_acts_are_found_where_they_are_meant(text: str, act: str, is_found: bool) -> None:
    assert (act in acts(text)) == is_found


def test_an_act_counts_once_and_warmth_is_bounded() -> None:
    assert score(WARM).warmth == score(f"{WARM} {WARM} {WARM}").warmth == pytest.approx(0.87 / 1.87, abs=1e-6)


def test_the_order_of_texts_changes_nothing() -> None:
    texts = [WARM, "You should have read the manual before.", "Vielen Dank für Ihre Nachricht.", "ok", ""]
    assert [score(text) for text in texts] == [score(text) for text in reversed(texts)][::-1]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "empty"), (" \n\t", "empty"), ("12345 67890 :-)", "empty"), ("> quoted words of somebody else", "empty"),
        ("Thanks!", "too_short"), ("Done.", "too_short"), ("ありがとう", "too_short"),
        ("Fixed, thanks!", "scored"), ("Vielen Dank für Ihre Geduld!", "language_not_scored"),
    ],
)  # fmt: skip
def test_what_is_not_scored_says_why(text: str, status: str) -> None:
    found = score(text)
    assert found.status == status
    assert (found.warmth is None) == (status != "scored")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000, "\0" * 10_000_000, "\ud800" * 100_000 + WARM, "<" * 100_000, "<!--" * 50_000, "<p" * 50_000, "`" * 100_000,
        "> \n" * 50_000, "On " * 50_000, "a@" * 50_000, "www." * 50_000, "?" * 100_000, "AAAA " * 50_000, " " * 100_000 + WARM,
        "you are " * 50_000, "must be " * 50_000, "i do not " * 50_000, "abcd is " * 50_000, "a" + "\u0301" * 100_000,
        "\u202e" * 100_000, "xxxxxxxx@yyyyyyyy" * 10_000,
    ],
    ids=range(21),
)  # fmt: skip
def test_hostile_texts_neither_crash_nor_hang(text: str) -> None:
    score(WARM)
    before = time.process_time()
    found = score(text)
    assert time.process_time() - before < 2
    assert found.warmth is None or -1 < found.warmth < 1


def test_direction_marks_nulls_and_lone_surrogates_do_not_hide_words() -> None:
    expected = score(WARM)
    assert score(f"\u202e{WARM}\u202c") == expected
    assert score(f"\0{WARM}\0") == expected
    assert score(f"\ud83d{WARM}\udfff") == expected


def test_only_the_first_characters_are_read() -> None:
    filler = "The parcel left the depot. " * 1_000
    assert len(filler) > MAX_CHARACTERS
    assert score(filler + WARM).warmth == 0
    assert score(WARM + filler).warmth == score(WARM).warmth
