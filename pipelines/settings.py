"""The only reader of the environment and of `twoway.toml`."""

import hashlib
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from pipelines.errors import ConfigError
from pipelines.files_io import write_text_durably
from pipelines.identity.probable import require_splink
from pipelines.paths import BUNDLED_INPUT, DEFAULT_PLAN, REVENUE_PLAN, Home
from pipelines.sources.files import CANONICAL, FilesSource
from pipelines.sources.kit.endpoints import System, SystemSettings
from pipelines.sources.kit.sync import ApiSource
from pipelines.sources.registry import system_named

CONFIG_FILE = "twoway.toml"
# A plan that travels with its data: used where none is named.
PLAN_FILE = "plan.yml"
# Where money is on record, money is the outcome.
REVENUE_TABLE = "crm_revenue"
BUNDLED_SOURCE = "communities"
# The bundled facts were read on this day; looking from there keeps their verdict the same for ever.
BUNDLED_AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
# The bundled data are public and pseudonymous already, so a public key keeps their hashes the same everywhere.
BUNDLED_KEY = b"twoway bundled data, public key"


class FilesSettings(BaseModel):
    """One `[[files]]` entry: a folder of canonical files, or of a vendor's export."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    path: Path
    time_zone: str | None = None
    format: Literal["canonical", "hubspot_export", "zendesk_export"] = CANONICAL


class IdentitySettings(BaseModel):
    """The `[identity]` table: whether persons are also tied by evidence that is only probable."""

    model_config = ConfigDict(extra="forbid")

    probable_links: bool = False
    threshold: Annotated[float, Field(gt=0.5, le=1)] = 0.95


class Settings(BaseSettings):
    """Configuration of one run. Environment variables (`TWOWAY_…`) go before `twoway.toml`."""

    model_config = SettingsConfigDict(env_prefix="TWOWAY_", toml_file=CONFIG_FILE, extra="forbid")

    home: Path = Path("twoway_home")
    files: list[FilesSettings] = []
    systems: list[dict[str, Any]] = []
    identity: IdentitySettings = IdentitySettings()
    plan: Path = DEFAULT_PLAN
    hide_agents: bool = False
    memory_limit: str = "1GB"
    secret_key: SecretStr | None = None

    @field_validator("memory_limit")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        if not re.fullmatch(r"\d+(\.\d+)?\s?[KMGT]i?B", value):
            raise ValueError("must be a size like 2GB")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [entry.id for entry in self.files] + [entry.id for _, entry in self.system_entries()]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"every entry of files and systems needs an id of its own; {twice[0]!r} stands twice")
        return self

    @field_validator("secret_key")
    @classmethod
    def _hides_something(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value():
            raise ValueError("is empty, so that everyone could compute the hashes; set a key, or leave it out")
        return value

    @property
    def is_bundled(self) -> bool:
        return not self.files and not self.systems

    @property
    def system_names(self) -> list[str]:
        """Source systems in use, in order of name."""
        return sorted({system.name for system, _ in self.system_entries()})

    def system_entries(self) -> list[tuple[System, SystemSettings]]:
        """The `[[systems]]` entries, each checked by its own system.

        Raises:
            ValueError: an entry does not fit its system.
        """
        found = []
        for entry in self.systems:
            system = system_named(str(entry.get("system", "")))
            found.append((system, system.settings.model_validate(entry)))
        return found

    @property
    def paths(self) -> Home:
        return Home(self.home.resolve())

    def sources(self) -> list[FilesSource]:
        """The folders in use; the bundled data where nothing is configured."""
        if self.is_bundled:
            return [FilesSource(BUNDLED_SOURCE, BUNDLED_INPUT)]
        return [FilesSource(entry.id, entry.path, entry.time_zone, entry.format) for entry in self.files]

    def api_sources(self) -> list[ApiSource]:
        """The source systems in use."""
        return [_api_source(system, entry) for system, entry in self.system_entries()]

    def person_key(self) -> bytes:
        """The key that hides persons: the environment's, else the home's, made on first use (0600)."""
        if self.is_bundled:
            return BUNDLED_KEY
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        path = self.paths.secret_key
        if not path.exists() or not path.read_text().strip():
            write_text_durably(path, secrets.token_hex(32), mode=0o600)
        return path.read_text().strip().encode()


def secrets_of(system: System, entry: SystemSettings) -> dict[str, SecretStr]:
    """A system's secrets from the environment: `<SYSTEM>_<NAME>`, or `<ID>_<NAME>` where several sources share a system.

    Raises:
        ConfigError: one that is required is missing; names the variable.
    """
    found = {}
    for secret in system.secrets:
        names = system.variables(secret, entry.id)
        value = next((os.environ[name] for name in names if os.environ.get(name)), None)
        if value is not None:
            found[secret.name] = SecretStr(value)
        elif secret.is_required:
            raise ConfigError(f"{system.title} ({entry.id}) needs {secret.meaning}. Put it into the environment as {names[1]}.")
    return found


def _api_source(system: System, entry: SystemSettings) -> ApiSource:
    # The environment is asked when a sync begins: listing sources or looking at the UI needs no secret.
    return ApiSource(system, entry, lambda: system.connect(entry, secrets_of(system, entry)))


def load_settings(home: Path | None = None, input_folder: Path | None = None, plan: Path | None = None) -> Settings:
    """Settings of this run: what the command line says, then the environment, then `twoway.toml`.

    Raises:
        ConfigError: naming the setting that does not fit, or what must be installed for it.
    """
    given: dict[str, object] = {}
    if home is not None:
        given["home"] = home
    if plan is not None:
        given["plan"] = plan
    if input_folder is not None:
        given["files"] = [{"id": source_id_of(input_folder), "path": input_folder}]
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        if isinstance(cause := error.errors()[0].get("ctx", {}).get("error"), TOMLDecodeError):
            raise ConfigError(f"{Path(CONFIG_FILE).resolve()} is not TOML: {cause}. Correct it there.") from error
        wrong = "; ".join(": ".join([*([".".join(map(str, e["loc"]))] if e["loc"] else []), e["msg"]]) for e in error.errors())
        raise ConfigError(f"The configuration does not fit. {wrong}") from error
    if settings.identity.probable_links:
        require_splink()
    return _with_plan_beside_the_data(settings)


def _with_plan_beside_the_data(settings: Settings) -> Settings:
    """Unless a plan was named: the `plan.yml` in the only input folder, else the plan shipped for what the input holds."""
    if "plan" in settings.model_fields_set:
        return settings
    if len(settings.files) == 1 and not settings.systems and (beside := settings.files[0].path / PLAN_FILE).is_file():
        return settings.model_copy(update={"plan": beside})
    has_revenue = any(found.name.split(".")[0] == REVENUE_TABLE for each in settings.files for found in each.path.glob(f"{REVENUE_TABLE}*"))
    return settings.model_copy(update={"plan": REVENUE_PLAN}) if has_revenue else settings


def source_id_of(folder: Path) -> str:
    """A folder's name as a source id: letters, digits, dots, dashes and underscores only."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().name).strip("-._")
    return name[:64] or hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def now() -> datetime:
    """The present instant to the second; asked once a run, never by a model."""
    return datetime.now(UTC).replace(microsecond=0)


def instant(text: str) -> datetime:
    """An instant in UTC from ISO 8601 text with a zone.

    Raises:
        ConfigError: the text is no such instant.
    """
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{text!r} is not a point in time with its zone. Write it like 2026-01-31T09:30:00Z.")
