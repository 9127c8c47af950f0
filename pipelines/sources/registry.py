"""Every source system that Twoway can read, by name."""

from functools import cache
from importlib import import_module

from pipelines.errors import ConfigError
from pipelines.sources.kit.endpoints import System

# Name: module and its System. Imported when asked for: an HTTP stack takes two seconds that files don't need.
MODULES = {
    "bluesky": "pipelines.sources.social.bluesky:BLUESKY",
    "bottlecrm": "pipelines.sources.crm.bottlecrm:BOTTLECRM",
    "github": "pipelines.sources.support.github:GITHUB",
    "hubspot": "pipelines.sources.crm.hubspot:HUBSPOT",
    "mastodon": "pipelines.sources.social.mastodon:MASTODON",
    "request_tracker": "pipelines.sources.support.request_tracker:REQUEST_TRACKER",
    "zendesk": "pipelines.sources.support.zendesk:ZENDESK",
}


@cache
def system_named(name: str) -> System:
    """The system of that name.

    Raises:
        ConfigError: there is none; lists the systems.
    """
    if name not in MODULES:
        raise ConfigError(f"There is no source system {name!r}. Systems: {', '.join(MODULES)}. Files need an entry [[files]].")
    module, _, attribute = MODULES[name].partition(":")
    return getattr(import_module(module), attribute)
