"""`twoway explain`: which of the two it is, and what to say where it is neither."""

from dataclasses import dataclass

from pipelines.errors import TwowayError, shorten
from pipelines.explain.customer_text import explain_customer
from pipelines.explain.origins import rows_of_ticket
from pipelines.explain.snapshot import Published
from pipelines.explain.ticket_text import explain_ticket
from pipelines.explain.words import printable
from pipelines.paths import Home


@dataclass(frozen=True)
class Explanation:
    """What to print, and whether every measure equals the published one."""

    text: str
    agrees: bool


def explain(home: Home, subject: str, source_id: str | None) -> Explanation:
    """Explain a ticket or, where no ticket has that id, a customer.

    Raises:
        TwowayError: there is neither, or nothing was published.
        ConfigError: the id stands in several sources.
    """
    with Published(home.snapshot) as published:
        ticket = published.ticket(subject, source_id)
        if ticket is not None:
            found = explain_ticket(ticket, rows_of_ticket(home, ticket.row["source_id"], subject))
            return Explanation(found.text, not found.differing)
        customer = published.customer(subject) if source_id is None else None
        if customer is not None:
            return Explanation(explain_customer(customer), True)
        raise TwowayError(_nothing(published, subject, source_id))


def _nothing(published: Published, subject: str, source_id: str | None) -> str:
    name = printable(shorten(subject))
    sources = published.source_ids()
    if source_id is not None and source_id not in sources:
        known = f"Sources with tickets: {', '.join(map(printable, sources))}." if sources else "No source has tickets."
        return f"No source is called {printable(shorten(source_id))}. {known}"
    what = f"No ticket or customer is called {name}" if source_id is None else f"Source {source_id} has no ticket {name}"
    near = published.near(subject, source_id)
    hint = f"Near it: {', '.join(printable(shorten(each)) for each in near)}." if near else "The snapshot has no tickets."
    return f'{what}. {hint} All ids: twoway query "select source_id, ticket_id from core.fct_tickets"'
