"""Servers as child processes: a free port, readiness, the log's end where one does not start, no process left behind."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Filled by `make test-servers`, one folder a server.
INSTALLED = PROJECT / ".tools" / "servers"
READY_SECONDS = 180.0
LOG_LINES = 30


def free_port() -> int:
    """A port of this machine on which nothing listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, is_ready: Callable[[], bool], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Generator[int]:
    """A server for the length of the block; gives its process id.

    Args:
        command: what to start.
        log: file for all that it prints.
        is_ready: asked until it holds; may raise OSError while nothing listens.
        env: added to this process's environment.
        cwd: folder to start in.

    Raises:
        RuntimeError: it ended, or was not ready in 180 s; holds the end of its log.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True
        )
    try:
        _wait(process, command, log, is_ready)
        yield process.pid
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], command: Sequence[str | Path], log: Path, is_ready: Callable[[], bool]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode} before it was ready:\n{_end_of(log)}")
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{command[0]} was not ready in {READY_SECONDS:.0f} s:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: servers fork workers."""
    for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def is_listening(port: int) -> bool:
    """Whether something takes connections on the port."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def installed(server: str) -> Path:
    """The folder of an installed server.

    Raises:
        RuntimeError: it is not there.
    """
    folder = INSTALLED / server
    if not (folder / ".ready").exists():
        raise RuntimeError(f"{server} is not installed. Run `make test-servers`, which brings it in.")
    return folder
