"""docs/definitions.md: what each metric means, worked out on an example, and how vendors define theirs.

The definitions come from the dbt docs, the examples from docs/examples, the rest from docs/definitions.yml.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pipelines.dbt import ensure_manifest
from pipelines.errors import TwowayError
from pipelines.explain.example import Company, load_company
from pipelines.explain.measures import Measure, Workings
from pipelines.explain.ticket_text import timeline_lines, value_in_words
from pipelines.explain.words import arithmetic
from pipelines.paths import PROJECT
from pipelines.settings import load_settings

CONTENT = PROJECT / "docs" / "definitions.yml"
PAGE = PROJECT / "docs" / "definitions.md"
UNVERIFIED = "as documented, not verified here"


class DefinitionsPage:
    """The page, before it is written.

    Args:
        manifest: dbt's manifest.
        content: docs/definitions.yml.
        company: the example's rows.
    """

    def __init__(self, manifest: dict[str, Any], content: dict[str, Any], company: Company) -> None:
        self._docs = {name.split(".")[-1]: doc["block_contents"].strip() for name, doc in manifest["docs"].items()}
        self._columns = {
            f"{node['schema']}.{node['name']}.{column}"
            for node in manifest["nodes"].values()
            if node["resource_type"] == "model"
            for column in node["columns"]
        }
        self._content = content
        self._company = company

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return self._content["metrics"]

    @cached_property
    def workings(self) -> dict[str, dict[str, Measure]]:
        """Measures of the example's tickets by ticket and column."""
        tickets = sorted({metric["example"]["ticket"] for metric in self.metrics if "ticket" in metric["example"]})
        return {
            ticket: {measure.column: measure for measure in Workings(self._company.ticket(ticket).timeline).measures()}
            for ticket in tickets
        }

    def is_published(self, metric: dict[str, Any]) -> bool:
        """Whether the models that the metric stands in exist: what does not, has no example that could be tested."""
        return all(column in self._columns for column in metric["columns"])

    def text(self) -> str:
        """The page as Markdown."""
        blocks = ["\n".join(self._opening()), *("\n".join(self._section(metric)) for metric in self.metrics)]
        return "\n\n".join(blocks) + "\n"

    def _opening(self) -> Iterator[str]:
        yield "<!-- Written by `make docs`; change docs/definitions.yml, docs/examples/ or the dbt docs instead. -->"
        yield "# Definitions"
        yield ""
        yield "What each metric means, worked out on an example, and how Zendesk, Intercom and Sprout Social define theirs, so that a"
        yield "difference to a vendor's screen can be explained. A test runs the example through the models and compares every value"
        yield "printed here. `twoway explain TICKET` works out any ticket of your own in the same way."
        yield ""
        yield f"The vendors' pages linked here were read on {self._content['read_on']}; what has no link is {UNVERIFIED}."
        yield ""
        yield "Four things make most of the difference to a vendor's screen:"
        yield ""
        yield "1. **When the clock starts**: here with the first public customer message, elsewhere with the creation of the ticket."
        yield "2. **Which tickets count**: here none that the company opened, and no merged, deleted, spam or test ticket."
        yield "3. **Who never got an answer**: here they stay, censored; averages over answered tickets leave them out."
        yield "4. **Business time**: here every schedule counts for the time that it was in force, across changes and holidays."
        yield ""
        yield "## The example"
        for ticket in self.workings:
            published = self._company.ticket(ticket)
            yield ""
            yield f"Ticket {ticket}, times of {self._company.zone.key}. The schedule is open from 09:00 to 11:00 and from 12:00 to 17:00 on"
            yield "weekdays."
            yield ""
            yield "```"
            yield from (line.removeprefix("  ") for line in timeline_lines(published, Workings(published.timeline)))
            yield "```"
        yield ""
        yield "Its rows, and those of the other examples, stand in [examples/company.yml](examples/company.yml)."
        yield ""
        yield "## Metrics"
        yield ""
        yield from (f"- [{metric['title']}](#{_anchor(metric['title'])})" for metric in self.metrics)

    def _section(self, metric: dict[str, Any]) -> Iterator[str]:
        yield f"## {metric['title']}"
        for doc in metric.get("docs", [metric["id"]]):
            yield ""
            definition, *facts = self._docs[f"metric__{doc}"].splitlines()
            yield definition
            yield ""
            yield from (f"- {fact}" for fact in facts)
        if metric["columns"]:
            yield f"- Columns: {', '.join(f'`{column}`' for column in metric['columns'])}"
        yield ""
        yield "**Example.**" + ("" if "ticket" in metric["example"] else f" {self._story(metric)}")
        if "ticket" in metric["example"]:
            yield ""
            yield from self._worked_out(metric)
        yield ""
        yield "| vendor | calls it | defines it as | source |"
        yield "|---|---|---|---|"
        for vendor in metric["vendors"]:
            yield f"| {vendor['vendor']} | {vendor['name']} | {vendor['says']} | {self._source(vendor.get('source'))} |"
        yield ""
        yield f"**Why the numbers differ.** {metric['differs']}"

    def _story(self, metric: dict[str, Any]) -> str:
        if not self.is_published(metric):
            return "None yet: this version does not publish the table."
        return metric["example"]["text"].format(**{name: value["expected"] for name, value in metric["example"]["values"].items()})

    def _worked_out(self, metric: dict[str, Any]) -> Iterator[str]:
        ticket, expected = metric["example"]["ticket"], metric["example"]["expected"]
        yield f"| ticket {ticket} | value | how |"
        yield "|---|---|---|"
        for column, wanted in expected.items():
            measure = self.workings[ticket][column]
            if not measure.equals(wanted):
                raise TwowayError(f"docs/definitions.yml expects {column} of ticket {ticket} to be {wanted}; it is {measure.value}.")
            seconds = f" ({wanted:,} s)" if column.endswith("_seconds") else ""
            yield f"| {measure.label} | {value_in_words(measure.value)}{seconds} | {arithmetic(measure, self._company.zone)} |"

    def _source(self, key: str | None) -> str:
        if key is None:
            return UNVERIFIED
        source = self._content["sources"][key]
        return f"[{source['title']}]({source['url']})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def load_page(manifest: Path) -> DefinitionsPage:
    """The page of this checkout."""
    content = yaml.safe_load(CONTENT.read_text())
    content["read_on"] = str(content["read_on"])
    return DefinitionsPage(json.loads(manifest.read_text()), content, load_company())


def main() -> None:
    """Write docs/definitions.md."""
    settings = load_settings()
    PAGE.write_text(load_page(ensure_manifest(settings.paths, settings.memory_limit)).text())
    print(PAGE.relative_to(PROJECT))


if __name__ == "__main__":
    main()
