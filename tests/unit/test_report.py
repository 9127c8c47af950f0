"""The report: what it says of known rows, that it holds nothing foreign, and that hostile text stays text."""

# The minus sign is what the report prints.
# ruff: noqa: RUF001

import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipelines.ingest import Attempt
from pipelines.report import sections, shapes
from pipelines.report.markdown import Grid, Heading, Paragraph, Span, blocks
from pipelines.report.plan_notice import plan_notice
from pipelines.report.render import render
from pipelines.report.summary import Row, Snapshot, read_snapshot
from tests.report_snapshots import CHANGES, HOSTILE, KINDS, NO_NUMBERS, Kind, around, plans, snapshot, write_database

VOID = {"meta", "br", "img", "link", "input", "hr", "col"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, the text, and tags that nobody closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def poisoned(value: Any) -> Any:
    """Every text in a structure made hostile; what the report looks things up by stays."""
    if isinstance(value, dict):
        return {name: inner if name in KEYS else poisoned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return value + HOSTILE if isinstance(value, str) else value


KEYS = {
    "claim_id", "lever", "quantity", "gate_code", "kind", "check_id", "reason_code", "verdict", "evidence_grade_r", "evidence_grade_b",
    "evidence_grade", "consistent_with", "spec_id", "measure", "phase",
}  # fmt: skip


def poison(rows: Snapshot) -> Snapshot:
    poisoned_fields = {field.name: poisoned(getattr(rows, field.name)) for field in fields(rows) if field.name != "claims"}
    for row in poisoned_fields["estimates"]:
        row["spec_id"] = row["spec_id"] if row["is_naive"] or row["spec_id"].startswith("ladder") else HOSTILE + row["spec_id"]
    return replace(rows, **poisoned_fields, claims={name: poisoned(row) for name, row in rows.claims.items()})


@pytest.mark.parametrize("kind", KINDS)
def test_every_verdict_has_its_headline_its_numbers_and_what_would_turn_it(kind: Kind) -> None:
    text = Page(render(snapshot(kind), around())).text
    headline, number, turn = {
        "supported": ("Supported, strongly", "Δ = +1.57 [+0.77, +2.37] pp", "change our mind. An interval that reaches zero"),
        "inconclusive": ("the estimate is too uncertain", "Δ = +0.16 [−1.47, +1.79] pp", "What would settle it. More of the same data"),
        "contradicted": ("talking at people does more", "Δ = −1.51 [−2.37, −0.65] pp", "its nearest end is −0.65 pp"),
    }[kind]  # fmt: skip
    for words in (headline, number, turn, "it matters from ±0.50 pp"):
        assert words in text


def test_the_other_claims_stand_in_the_articles_words_with_verdict_reason_and_correction() -> None:
    text = Page(render(snapshot(), around())).text
    assert "Listening tools are awesome." in text
    assert "the data do not allow an estimate: the data hold no public mentions; 1 of 2 gates passed" in text
    lines, figure = sections.other_claims(snapshot())
    by_id = {line.claim_id: line for line in lines}
    assert by_id["C2"].verdict == "supported"
    assert by_id["C4"].verdict == "inconclusive, consistent with the claim"
    assert (by_id["C2"].p_holm, by_id["C3"].p_holm, by_id["C7"].p_holm) == ("< .001", ".610", "")
    assert [line.claim_id for line in lines if line.is_exploratory] == ["C5"]
    # In units of what matters for each: C2's 0.0081 is 1.62 times 0.005, C7's -0.0101 is beyond ten times 0.0002.
    bars = {bar.label[:2]: bar for bar in figure.bars}
    assert bars["C2"].at == pytest.approx(50 + 50 * 1.62 / 10, abs=0.01)
    assert (bars["C7"].at, bars["C7"].goes_beyond_left) == (None, True)
    assert not bars["C6"].is_known


def test_the_ladder_goes_from_naive_to_the_one_in_use() -> None:
    rows = snapshot()
    assert rows.primary is not None
    figure = sections.ladder(rows, rows.primary)
    assert [bar.label for bar in figure.bars] == ["Naive", "Adjusted", "Queue load", "Incidents kept", "In use"]
    assert [bar.text.split(" ")[0] for bar in figure.bars] == ["−7.72", "−0.69", "+3.35", "+1.72", "+1.57"]
    assert all(bar.note for bar in figure.bars)


def test_the_curve_leaves_out_what_is_no_choice_of_the_plan() -> None:
    rows = snapshot()
    assert rows.primary is not None
    curve, table = shapes.specifications(rows, rows.primary)
    assert curve is not None
    assert (len(curve.points), len(table), curve.n_same_sign) == (10, 10, 10)
    assert sum(row.is_primary for row in table) == 1
    assert [group.label for group in curve.groups] == ["effects absorbed", "carry-over a week"]


def test_a_specifications_id_tells_its_choices() -> None:
    assert shapes.choices_of("roster|customer+week_by_contact|adstock 0.5") == {
        "design": "roster", "effects absorbed": "customer, week by contact", "carry-over a week": "0.5",
    }  # fmt: skip
    assert shapes.choices_of("customer+week|adstock 0") == {"effects absorbed": "customer, week", "carry-over a week": "0"}


def test_gates_say_whether_they_decided() -> None:
    rows = snapshot("inconclusive")
    states = [(line.gate, line.state) for line in sections.gate_lines([row for row in rows.checks if row["claim_id"] == "C1"], "")]
    assert states == [
        ("G1", "passed"), ("G2", "passed"), ("G3", "passed"), ("G4", "passed"), ("G5", "not computed"), ("G6", "passed"),
        ("G7", "failed"), ("G8", "passed"), ("G8", "shown only"), ("G9", "passed"),
    ]  # fmt: skip


def test_placebos_are_estimates_with_intervals() -> None:
    rows = snapshot()
    assert rows.primary is not None
    figure = sections.placebo_panel(rows, rows.primary)
    assert figure is not None
    assert [bar.text for bar in figure.bars[1:]] == ["+2.10 [−6.00, +10.20] pp", "−0.80 [−5.00, +3.40] pp", "not computed"]
    past = figure.bars[1]
    assert past.ci95 is not None
    assert past.ci95[0] < figure.zero < past.ci95[1]


def test_designs_say_what_to_record() -> None:
    rows = snapshot()
    assert rows.primary is not None
    states = {(line.lever, line.label): (line.state, line.to_record[:12]) for line in sections.designs(rows, rows.primary)}
    assert states["responsiveness", "roster instrument"] == ("in use", "")
    assert states["responsiveness", "randomised queue priority"] == ("not possible", "A queue-prio")
    assert states["responsiveness", "adjusted within-customer"] == ("not needed", "")


def test_sensitivity_is_told_in_words() -> None:
    rows = snapshot()
    assert rows.primary is not None
    deciding, shown = sections.sensitivity(rows, rows.primary)
    assert "+1.26 pp instead of +1.57 pp. The verdict would stand." in deciding
    assert "The verdict would not stand. Shown only" in shown


def test_dose_and_response_have_intervals_by_customers_and_the_turns_of_each_bin() -> None:
    rows = snapshot()
    assert rows.primary is not None
    shape = shapes.dose_response(rows, rows.primary)
    assert shape is not None
    # 1,200 turns of 400 customers: t(.975; 399) = 1.96593, and 1.96593 times 0.006 is 0.0118.
    assert shape.rows[0] == ("under 5 min", "41 % [39.8 %, 42.2 %]", "46 % [45 %, 47 %]", "1,200", "400")
    assert (len(shape.figure.points), len(shape.figure.x_ticks)) == (16, 8)
    assert shape.figure.x_ticks[6].label == "72 h+"
    alone = [{**rows.more["claim.dose_response"][0], "n_customers": 1, "se_outcome": None, "mean_adjusted_outcome": None}] * 2
    few = shapes.dose_response(replace(rows, more={"claim.dose_response": alone}), rows.primary)
    assert few is not None
    assert few.rows[0][1:3] == ("41 %", "not computed")


def test_missing_staff_against_speed_falls() -> None:
    shape = shapes.first_stage(snapshot())
    assert shape is not None
    assert len(shape.rows) == len(shape.figure.points) == 20
    assert shape.figure.line is not None
    x1, y1, x2, y2 = shape.figure.line
    assert x2 > x1
    assert y2 > y1
    assert shapes.first_stage(replace(snapshot(), more={})) is None


def test_balance_stands_beside_its_band() -> None:
    figure = shapes.balance(snapshot())
    assert figure is not None
    assert figure.band is not None
    assert [bar.text for bar in figure.bars] == ["0.012, 12,500 and 12,400 turns", "−0.031, 12,500 and 12,400 turns"]
    assert all(bar.at is not None and figure.band[0] < bar.at < figure.band[1] for bar in figure.bars)
    assert shapes.balance(replace(snapshot(), more={})) is None


def test_shapes_of_other_claims_are_left_out_where_nothing_was_estimated() -> None:
    rows = snapshot()
    assert shapes.automation(rows) is not None
    assert shapes.four_levers(rows) is not None
    bare = replace(rows, estimates=[row for row in rows.estimates if row["claim_id"] == "C1"], checks=[])
    assert shapes.automation(bare) is None
    assert shapes.four_levers(bare) is None
    assert "How much automation" not in render(bare, around())


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_whole_and_holds_nothing_from_elsewhere(kind: Kind) -> None:
    page = Page(render(snapshot(kind, CHANGES), around()))
    assert page.open == []
    assert not {"script", "link", "iframe", "img", "object", "form", "base"} & {tag for tag, _ in page.tags}
    policies = [attrs["content"] for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    for tag, attrs in page.tags:
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
        for name in ("href", "src", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#"), (tag, attrs)
    html = render(snapshot(kind), around())
    assert "//" not in re.sub(r"<text.*?</text>", "", html)
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_has_a_title_and_a_description(kind: Kind) -> None:
    html = render(snapshot(kind), around())
    drawn = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(drawn) > 15
    assert all("<title" in svg and "<desc" in svg and 'role="img"' in svg for svg in drawn)
    ids = re.findall(r'id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_hostile_text_stays_text_in_every_section() -> None:
    rows = poison(snapshot("inconclusive", CHANGES))
    attempts = [Attempt(HOSTILE, None, 0, HOSTILE)]
    html = render(
        rows, around(coverage=f"# {HOSTILE}\n\n{HOSTILE} **{HOSTILE}** `{HOSTILE}`\n\n|a|\n|---|\n|{HOSTILE}|\n", attempts=attempts)
    )
    page = Page(html)
    clean = Page(
        render(
            snapshot("inconclusive", CHANGES),
            around(coverage="# a\n\nb **c** `d`\n\n|a|\n|---|\n|e|\n", attempts=[Attempt("a", None, 0, "b")]),
        )
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert "img" not in {tag for tag, _ in page.tags}
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in clean.tags]
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert page.text.count("<script>") > 100


def test_hostile_text_can_not_break_out_of_an_attribute_or_a_title() -> None:
    rows = poison(snapshot())
    html = render(rows, around())
    for title in re.findall(r"<title[^>]*>(.*?)</title>", html, flags=re.DOTALL):
        assert "<" not in title
    for opened in re.findall(r"<(?!!doctype)[a-z][^<>]*>", html):
        assert opened.count('"') % 2 == 0, opened


def test_a_snapshot_without_optional_tables_still_renders(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    write_database(path, snapshot(), without=("meta.plan_history", *snapshot().more))
    rows = read_snapshot(path)
    assert (rows.plans, rows.more) == ([], {})
    text = Page(render(rows, around(coverage=""))).text
    assert "holds no history of the plan" in text
    assert "does not list the designs" in text
    assert "twoway coverage makes it" in text
    assert plan_notice(rows) is None


def test_what_is_read_from_the_file_renders_as_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    rows = snapshot("contradicted", CHANGES)
    write_database(path, rows)
    read = read_snapshot(path)
    assert [row["claim_id"] for row in read.verdicts] == [row["claim_id"] for row in rows.verdicts]
    assert read.more["claim.roster_shifts"] == [{"shifts": 1, "incidents": 1, "empty_shifts": 0}]
    text = Page(render(read, around())).text
    for words in (
        "Changed after data were seen:",
        *CHANGES,
        "1092 shifts with turns have planned and actual hours",
        "talking at people does more",
    ):
        assert words in text


def test_the_same_rows_make_the_same_page() -> None:
    first, second = snapshot("supported", CHANGES), snapshot("supported", CHANGES)
    assert render(first, around()) == render(second, around())


def test_a_plan_changed_after_the_data_is_told_first_and_in_full() -> None:
    text = Page(render(snapshot("supported", CHANGES), around())).text
    assert text.index("plan changed after data were seen: 2 entries") < text.index("Supported, strongly")
    assert CHANGES[0] in text
    assert "only plan that this home ever published" not in text
    unchanged = Page(render(snapshot(), around())).text
    assert "plan changed" not in unchanged
    assert "only plan that this home ever published" in unchanged


def test_the_notice_knows_one_entry_from_several_and_a_plan_that_came_back() -> None:
    assert plan_notice(snapshot("supported", CHANGES[:1])) == "plan changed after data were seen: 1 entry"
    assert plan_notice(snapshot("supported", [])) is None
    first, later = plans(CHANGES)
    back = replace(snapshot(), plans=[{**first, "is_current": True}, {**later, "is_current": False}])
    assert plan_notice(back) == "other plans tried after data were seen: 1"


def test_a_verdict_without_any_number_has_a_page() -> None:
    rows = snapshot()
    empty: Row = {**rows.verdicts[0], **NO_NUMBERS}
    text = Page(render(replace(rows, verdicts=[empty], estimates=[], checks=[], more={}, plans=[]), around())).text
    assert "the data do not allow an estimate" in text
    assert "None" not in text.replace("None was made", "")


def test_markdown_tables_become_blocks_and_nothing_else_is_understood() -> None:
    found = blocks("# A `b`\n\none\ntwo **c**\n| h | i |\n|:---|---:|\n| 1 \\| 2 | **3** |\n| 4 |\n\n<b>x</b> [y](z)\n")
    assert found == [
        Heading([Span("plain", "A "), Span("code", "b")]),
        Paragraph([Span("plain", "one two "), Span("strong", "c")]),
        Grid([[Span("plain", "h")], [Span("plain", "i")]], [[[Span("plain", "1 | 2")], [Span("strong", "3")]], [[Span("plain", "4")], []]]),
        Paragraph([Span("plain", "<b>x</b> [y](z)")]),
    ]
    assert blocks("") == []


def test_templates_switch_no_escaping_off() -> None:
    templates = Path(shapes.__file__).parent / "templates"
    sources = {path.name: path.read_text() for path in templates.glob("*.j2")}
    assert "report.html.j2" in sources
    for name, source in sources.items():
        assert not re.search(r"\|\s*safe|autoescape|Markup", source), name
        assert "http" not in re.sub(r'http-equiv="', "", source), name


def test_a_stale_source_is_named_with_the_time_it_was_last_read_whole() -> None:
    read = Attempt("desk", None, 0, "refuses the token", "2026-11-20T05:01:02+00:00")
    never, fine = Attempt("toots", None, 0, "HTTP 503"), Attempt("crm", "1", 3, None, "2026-11-22T05:00:00+00:00")
    text = Page(render(snapshot(), around(attempts=[read, never, fine]))).text
    assert "Source desk is stale. It was last read whole at 2026-11-20 05:01 UTC; the report uses that. refuses the token" in text
    assert "Source toots is stale. It was never read whole, so nothing of it is in this report. HTTP 503" in text
    assert "Source crm" not in text
