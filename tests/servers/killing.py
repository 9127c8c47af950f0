"""A sync in a process of its own that is killed while half of an answer is on its way."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.landing import Landing
from pipelines.settings import secrets_of
from pipelines.sources.kit.endpoints import SystemSettings
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.registry import system_named
from tests.fakes.proxy import Proxy
from tests.fakes.server import served


def child(system_name: str, settings: str, folder: str, rows_per_load: int) -> None:
    """Sync a source; its secrets come from the environment."""
    system = system_named(system_name)
    entry = system.settings.model_validate_json(settings)
    sync(ApiSource(system, entry, lambda: system.connect(entry, secrets_of(system, entry)), rows_per_load), Landing(Path(folder)))


def sync_killed_in_answer(
    number: int,
    settings: SystemSettings,
    secrets: Mapping[str, str],
    folder: Path,
    rows_per_load: int = 200_000,
    *,
    rewrite: bool = True,
) -> list[str]:
    """Sync through a proxy until half of the answer of that number (from 1) was sent, then kill the process.

    Args:
        number: of the answer.
        settings: of the source; its base_url is the real server's.
        secrets: environment variables of the source.
        folder: landing.
        rows_per_load: after how many rows a load ends.
        rewrite: whether links to the server become links to the proxy; not where they are landed and never followed.

    Returns:
        The calls made, the killed one last.

    Raises:
        AssertionError: the sync ended before.
    """
    scheme, _, rest = settings.base_url.partition("://")
    host, slash, path = rest.partition("/")
    proxy = Proxy(f"{scheme}://{host}", rewrite)
    with served(proxy) as url:
        entry = settings.model_copy(update={"base_url": f"{url}{slash}{path}"})
        arguments = (settings.system, entry.model_dump_json(), str(folder), rows_per_load)
        code = f"from tests.servers.killing import child; child(*{arguments!r})"
        environment = {**os.environ, **secrets, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        proxy.kill = (lambda: process.pid, number)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == -9, f"ended with {process.returncode} after {len(proxy.calls)} calls: {said.decode()}"
        return proxy.calls
