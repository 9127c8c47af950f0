"""`twoway sources …` and `twoway init`: which systems are read, whether each works, and a first twoway.toml."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pipelines.sources.files import FilesSource

app = typer.Typer(no_args_is_help=True, help="Source systems: what is configured, and whether each works.")
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder for everything that runs produce (default ./twoway_home).")]
FAILED = 1


@app.command("list")
def list_sources(home: HomeOption = None) -> None:
    """What is configured, when each was last landed, and which systems Twoway can read."""
    from pipelines.landing import Landing
    from pipelines.settings import load_settings
    from pipelines.sources.files import CANONICAL
    from pipelines.sources.registry import MODULES, system_named

    settings = load_settings(home)
    landing = Landing(settings.paths.landing)
    configured = [(source.source_id, "files" if source.format == CANONICAL else source.format) for source in settings.sources()]
    configured += [(source.source_id, source.system.title) for source in settings.api_sources()]
    for source_id, kind in configured:
        load = landing.newest(source_id)
        when = f"last load {load.load_id} at {load.finished_at[:19]}Z" if load else "never landed"
        print(f"{source_id:<24} {kind:<12} {when}")
    known = ", ".join(f"{system.name} ({system.family}, tested against a {system.proven})" for system in map(system_named, MODULES))
    print(f"\nSystems that can be read: files, {known}.")


@app.command()
def check(home: HomeOption = None) -> None:
    """Try every configured source: can it be reached, is the token good for what is read, what did it say last."""
    from pipelines.settings import load_settings
    from pipelines.sources.files import FilesSource

    settings = load_settings(home)
    has_failed = False
    for source in [*settings.sources(), *settings.api_sources()]:
        try:
            said = _held(source) if isinstance(source, FilesSource) else source.probe()
            print(f"ok      {source.source_id}: {said}")
        except (SourceError, ConfigError) as error:
            has_failed = True
            print(f"FAILED  {source.source_id}: {error}")
    raise typer.Exit(FAILED if has_failed else 0)


def _held(source: "FilesSource") -> str:
    from pipelines.sources.files import CANONICAL

    files = source.discover()
    n_files = sum(len(each) for each in files.values())
    if source.format != CANONICAL:
        return f"{n_files} file(s) of {source.format}"
    return f"{len(files)} table(s)" if n_files == len(files) else f"{len(files)} table(s) in {n_files} files"


def init(
    folder: Annotated[Path, typer.Option("--in", help="Folder to write twoway.toml into.")] = Path(),
) -> None:
    """Write twoway.toml by asking which systems are in use. Secrets stay in the environment."""
    from pipelines.files_io import write_text_durably
    from pipelines.settings import CONFIG_FILE, source_id_of
    from pipelines.sources.registry import MODULES, system_named

    target = folder / CONFIG_FILE
    if target.exists():
        raise ConfigError(f"{target} is there already. Edit it, or write another with --in.")
    print("Answer with Enter to leave a system out.")
    entries, variables = [], []
    path = _ask("Folder with canonical files")
    if path:
        entries.append({"files": {"id": source_id_of(Path(path)), "path": path}})
    for system in map(system_named, MODULES):
        answers = {
            name: typer.prompt(f"{system.title}: {question}", default="", show_default=False) for name, question in system.asks.items()
        }
        if any(answers.values()):
            settings = {name: _answer(value, system.settings.model_fields[name].annotation) for name, value in answers.items() if value}
            entries.append({"systems": {"id": system.name, "system": system.name, **settings}})
            variables += [f"{system.name.upper()}_{secret.name.upper()}" for secret in system.secrets]
    if not entries:
        raise ConfigError("Nothing was chosen, so nothing was written: without twoway.toml the bundled data are used.")
    write_text_durably(target, "\n".join(_toml(entry) for entry in entries))
    print(f"{target}: {len(entries)} source(s).")
    if variables:
        print(f"Put into the environment: {', '.join(variables)}. Then: twoway sources check")


def _ask(question: str) -> str:
    return typer.prompt(question, default="", show_default=False)


def _answer(value: str, annotation: Any) -> Any:
    is_list = str(annotation).startswith("list")
    return [part.strip() for part in value.split(",") if part.strip()] if is_list else value.strip()


def _toml(entry: dict[str, dict[str, Any]]) -> str:
    ((table, settings),) = entry.items()
    return "\n".join([f"[[{table}]]", *(f"{name} = {_literal(value)}" for name, value in settings.items()), ""])


def _literal(value: Any) -> str:
    """A TOML basic string or array of them (TOML 1.0, "String"): JSON's escapes are a subset of TOML's."""
    import json

    return json.dumps(value, ensure_ascii=False)
