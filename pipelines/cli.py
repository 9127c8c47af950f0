"""The `twoway` command."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.erasure.command import erase
from pipelines.errors import ConfigError, LockedError, TwowayError
from pipelines.experiment.command import app as experiment_app
from pipelines.roster.command import app as roster_app
from pipelines.sources.command import app as sources_app
from pipelines.sources.command import init

USAGE, LOCKED = 2, 3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Does answering people beat talking at them? A test on a company's own data.",
)
app.add_typer(experiment_app, name="experiment")
app.add_typer(roster_app, name="roster")
app.add_typer(sources_app, name="sources")
app.command()(init)
app.command()(erase)
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder for everything that runs produce (default ./twoway_home).")]


@app.command()
def run(
    home: HomeOption = None,
    input_folder: Annotated[
        Path | None, typer.Option("--input", help="Folder of canonical files (default: the bundled data, or twoway.toml).")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Instant to look from, like 2026-01-31T09:30:00Z (default: now).")] = None,
    plan: Annotated[Path | None, typer.Option(help="Analysis plan to decide by (default: the one that ships).")] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Compute everything anew, not only what changed.")] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day (UTC) from which source systems are read once more.")
    ] = None,
) -> None:
    """Pull, build, check, estimate, decide, publish, report."""
    from pipelines.paths import shown
    from pipelines.plan import load_plan
    from pipelines.report.card import whole_output
    from pipelines.report.summary import read_snapshot
    from pipelines.running import PUBLISHED_STALE, STOPPED, run_refresh
    from pipelines.settings import instant, load_settings

    settings = load_settings(home, input_folder, plan)
    load_plan(settings.plan)
    if as_of is not None:
        instant(as_of)
    paths = settings.paths
    print(f"twoway run in {shown(paths.root)}", file=sys.stderr, flush=True)
    again = since.replace(tzinfo=UTC) if since is not None else None
    result = run_refresh(settings, as_of, show_progress=True, full_refresh=full_refresh, since=again)
    for message in result.messages:
        print(message, file=sys.stderr)
    if result.exit_code == STOPPED:
        served = f"{shown(paths.snapshot)} is still the one before." if paths.snapshot.exists() else "There is no snapshot yet."
        print(f"Nothing was published. {served}", file=sys.stderr)
    else:
        print(whole_output(read_snapshot(paths.snapshot), paths.report, paths.snapshot))
        if result.exit_code == PUBLISHED_STALE:
            print("Published, but with a stale source (above).", file=sys.stderr)
    raise typer.Exit(result.exit_code)


@app.command()
def verdict(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows of claim.claim_verdict as JSON.")] = False,
) -> None:
    """Print the verdicts of the published snapshot."""
    from pipelines.report.card import whole_output
    from pipelines.report.summary import read_snapshot
    from pipelines.settings import load_settings

    paths = load_settings(home).paths
    snapshot = read_snapshot(paths.snapshot)
    if as_json:
        print(json.dumps(snapshot.verdicts, indent=1, default=str))
    else:
        print(whole_output(snapshot, paths.report, paths.snapshot))


@app.command()
def power(
    home: HomeOption = None,
    weeks: Annotated[int, typer.Option(help="Length of the planned trials.", min=1, max=520)] = 13,
    holdout: Annotated[str, typer.Option(help="Share of customers held out of broadcasts.")] = "5%",
    priority: Annotated[str, typer.Option(help="Share of tickets given priority.")] = "50%",
    speedup: Annotated[float, typer.Option(help="Halvings of the reply time that priority brings.", min=0.05, max=10)] = 1.0,
    staffing: Annotated[
        float, typer.Option(help="Share of reply times that staffing explains, where no roster tells.", min=0.001, max=1)
    ] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON.")] = False,
) -> None:
    """Print the smallest detectable effect, and the weeks and tickets that would find what matters."""
    from pipelines.experiment.command import share_of
    from pipelines.experiment.planning import Trials
    from pipelines.experiment.power_command import power_table, power_text
    from pipelines.settings import load_settings

    paths = load_settings(home).paths
    planned = Trials(weeks, share_of(holdout), share_of(priority), speedup, staffing)
    table = power_table(paths.snapshot, planned)
    print(json.dumps(table.as_json(), indent=1) if as_json else power_text(table))


@app.command()
def query(sql: Annotated[str, typer.Argument(help="A SQL query.")], home: HomeOption = None) -> None:
    """Run read-only SQL on the published snapshot."""
    import duckdb

    from pipelines.settings import load_settings

    path = load_settings(home).paths.snapshot
    if not path.exists():
        raise TwowayError(f"{path} is not there: nothing was published yet. Run `twoway run` first.")
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        try:
            connection.sql(sql).show(max_rows=10_000)
        except duckdb.Error as error:
            raise ConfigError(str(error).splitlines()[0]) from error


@app.command()
def explain(
    subject: Annotated[
        str, typer.Argument(metavar="TICKET_OR_CUSTOMER", help="A ticket's id, or a customer's (or its first 8 characters).")
    ],
    source: Annotated[str | None, typer.Option(help="The ticket's source, where several have that id.")] = None,
    home: HomeOption = None,
) -> None:
    """Work out one ticket's numbers line by line, or show one customer's."""
    from pipelines.explain.command import explain as explained
    from pipelines.settings import load_settings

    explanation = explained(load_settings(home).paths, subject, source)
    print(explanation.text)
    if not explanation.agrees:
        raise typer.Exit(1)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the company's files.")],
    world: Annotated[str, typer.Option(help="Which truth holds: true, false, null, confounded, …")] = "true",
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 1,
    customers: Annotated[int, typer.Option(help="Number of customers.")] = 4000,
    weeks: Annotated[int, typer.Option(help="Number of weeks.")] = 52,
    waits: Annotated[
        str | None,
        typer.Option(help="How waits come about: law (a formula of load and urgency) or queue (agents take one ticket after another)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the company in a folder that is not empty.")] = False,
) -> None:
    """Simulate a company with known truth, as files to run on."""
    from pipelines.simulate.command import simulate_into

    print(simulate_into(out, world, seed, customers, weeks, force, waits))


@app.command()
def coverage(
    sims: Annotated[int, typer.Option(min=2, help="Companies to simulate in each world.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other companies.")] = 0,
    home: HomeOption = None,
) -> None:
    """Simulate companies of the published company's shape and tell how often the product is wrong on them."""
    from pipelines.coverage.certificate import certify_company, write_company_certificate
    from pipelines.coverage.company import shape_of
    from pipelines.paths import shown
    from pipelines.report.render import write_report
    from pipelines.settings import load_settings

    settings = load_settings(home)
    paths = settings.paths
    text = certify_company(shape_of(paths.snapshot), sims, seed)
    write_company_certificate(text, paths.coverage)
    write_report(paths, settings)
    print(text)
    print(f"Kept in {shown(paths.coverage)}, and shown in the report.", file=sys.stderr)


@app.command()
def report(
    home: HomeOption = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Tell where the report is."""
    from pipelines.settings import load_settings

    path = load_settings(home).paths.report
    if not path.exists():
        raise TwowayError(f"{path} is not there: nothing was published yet. Run `twoway run` first.")
    print(path)
    if open_it:
        typer.launch(path.as_uri())


@app.command()
def ui(home: HomeOption = None, port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Start the Dagster UI on 127.0.0.1."""
    from pipelines.paths import PROJECT
    from pipelines.running import write_instance_config
    from pipelines.settings import load_settings

    paths = load_settings(home).paths
    paths.prepare()
    write_instance_config(load_settings(home))
    environment = {**os.environ, "DAGSTER_HOME": str(paths.dagster), "TWOWAY_HOME": str(paths.root)}
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "--workspace", str(PROJECT / "workspace.yaml")]
    raise typer.Exit(subprocess.run([*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, check=False).returncode)


def main() -> None:
    """Entry point: messages for people, a stack trace only with `--debug`."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    code = 0
    try:
        app(args=arguments)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except TwowayError as error:
        if debug:
            raise
        print(f"twoway: {error}", file=sys.stderr)
        code = USAGE if isinstance(error, ConfigError) else LOCKED if isinstance(error, LockedError) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Great Expectations and duckdb-engine together make DuckDB's bindings print dozens of lines about
    # leaked objects while the interpreter is torn down; all files are closed by now, so skip that.
    os._exit(code)
