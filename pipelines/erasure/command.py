"""`twoway erase`: who is meant, what would go, the person's confirmation, and the receipt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import ConfigError, TwowayError

if TYPE_CHECKING:
    from pipelines.erasure.find import Person
    from pipelines.paths import Home
    from pipelines.settings import Settings


def erase(
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="An e-mail, a handle, a phone number, an external id, source:id, or a published customer id (or its first 8 characters).",
        ),
    ],
    home: Annotated[Path | None, typer.Option("--home", help="Folder for everything that runs produce (default ./twoway_home).")] = None,
    input_folder: Annotated[Path | None, typer.Option("--input", help="Folder of canonical files, where runs are given one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Build and publish anew without the person, as `twoway run` does.")] = True,
    as_of: Annotated[str | None, typer.Option(help="Instant that this run looks from (default: now).")] = None,
) -> None:
    """Remove a customer everywhere, landing included, for good. Leaves a receipt.

    The person's tickets, posts, deals and other records go, with all that hangs on them; in what others wrote the e-mail, phone number and
    handle are blanked out. Keyed hashes stay, so that no later pull, file or backfill brings the person back.
    """
    from pipelines.erasure.erase import erase as erased
    from pipelines.erasure.erase import finish_erasure, plan_erasure
    from pipelines.erasure.receipt import receipt_text, table_text
    from pipelines.landing import Landing
    from pipelines.paths import shown
    from pipelines.settings import instant, load_settings
    from pipelines.sources.kit.sync import finish_pending
    from pipelines.warehouse import run_lock

    settings = load_settings(home, input_folder)
    if as_of is not None:
        instant(as_of)
    paths = settings.paths
    _check_sources(settings)
    with run_lock(paths):
        key = settings.person_key()
        for source in settings.api_sources():
            finish_pending(source, Landing(paths.landing))
        if not dry_run and (finished := finish_erasure(paths, key)):
            print(f"Finished the erasure {finished['receipt']}, which had not come to its end.", file=sys.stderr)
        plan = plan_erasure(paths, key, person)
        if plan is None:
            _nobody(paths, key, person)
            return
        if dry_run or not yes:
            print(_who(plan.person))
            print(table_text(plan.counts))
        if dry_run:
            print("Nothing was changed (--dry-run).")
            return
        if not yes and not typer.confirm("Erase this person for good?"):
            print("Nothing was changed.")
            raise typer.Exit(1)
        receipt = erased(paths, key, plan)
        print(receipt_text(receipt, shown(paths.erasures / f"{receipt['receipt']}.json")))
        if not run:
            print("Not built anew (--no-run): `twoway run` publishes without the person.")
            return
        raise typer.Exit(_run(settings, as_of))


def _who(person: "Person") -> str:
    """For the terminal alone: what is tied together as one person."""
    from pipelines.explain.words import printable

    found = ", ".join(f"{source}:{id_} ({kind})" for source, kind, id_ in sorted(person.identities))
    resolved = (
        ""
        if person.is_resolved
        else "\nFound through landing alone: there is no build that tells which other identities are the same person's."
    )
    return f"The person: {printable(found)}{resolved}\n"


def _check_sources(settings: "Settings") -> None:
    """A home of other sources than the configured ones has another key, and would be built anew from other data."""
    from pipelines.landing import Landing

    landed = set(Landing(settings.paths.landing).source_ids())
    configured = {source.source_id for source in [*settings.sources(), *settings.api_sources()]}
    if not landed:
        raise TwowayError(f"{settings.paths.root} holds no landed data, so there is nobody to erase. Is it the right --home?")
    if not landed & configured:
        raise ConfigError(
            f"The home holds {', '.join(sorted(landed))}, of which the configuration names none."
            " Name the data as for `twoway run`: by --input DIR, or in twoway.toml. Nothing was changed."
        )


def _nobody(home: "Home", key: bytes, person: str) -> None:
    from pipelines.erasure.erase import was_erased

    if was_erased(home, key, person):
        print("That person was erased already: nothing is left, and what comes later is left out.")
        return
    raise ConfigError(
        "Nobody goes by that. Give an e-mail, a handle, a phone number, an external id, source:id, or a published customer id:"
        ' twoway query "select customer_id from core.dim_customer". Nothing was changed.'
    )


def _run(settings: "Settings", as_of: str | None) -> int:
    from pipelines.paths import shown
    from pipelines.running import STOPPED, run_refresh

    print("Building and publishing without the person:", file=sys.stderr, flush=True)
    result = run_refresh(settings, as_of, show_progress=True, full_refresh=True)
    for message in result.messages:
        print(message, file=sys.stderr)
    if result.exit_code == STOPPED:
        print("The person is erased, but nothing was published anew. Mend what is above and run `twoway run`.", file=sys.stderr)
    else:
        print(f"Published without the person: {shown(settings.paths.snapshot)}")
    return result.exit_code
