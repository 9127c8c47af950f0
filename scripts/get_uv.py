"""Put the locked uv into the project's own folder, from the package index, with nothing but Python.

    python scripts/get_uv.py TARGET_FOLDER

uv comes by `venv` and pip where Python has them; some systems leave them out of Python, and then the
wheel is fetched and unpacked here. Either way its SHA-256 must be one that `uv.lock` holds.
"""

import hashlib
import io
import platform
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "uv.lock"


def locked_uv() -> dict[str, Any]:
    """uv's entry in the lock file: version, and wheels with address and hash."""
    packages = tomllib.loads(LOCK.read_text())["package"]
    return next(package for package in packages if package["name"] == "uv")


def by_pip(target: Path, uv: dict[str, Any]) -> bool:
    """Try a virtual environment with pip; it honours the machine's own index and certificates."""
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in uv["wheels"])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(f"uv=={uv['version']} {hashes}\n")
        requirements.flush()
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        commands = [
            [sys.executable, "-m", "venv", str(target)],
            [*pip, "--require-hashes", "--only-binary", ":all:", "-r", requirements.name],
        ]
        return all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)


def by_hand(target: Path, uv: dict[str, Any]) -> None:
    """Fetch this platform's wheel and unpack its binary."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    system = "macosx" if sys.platform == "darwin" else "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    names = {wheel["url"].rsplit("/", 1)[-1].replace("arm64", "aarch64"): wheel for wheel in uv["wheels"]}
    wheel = next((wheel for name, wheel in names.items() if system in name and machine in name), None)
    if wheel is None:
        raise SystemExit(f"There is no uv for {system} on {machine}. Install uv {uv['version']} yourself and call `make UV=uv`.")
    with urllib.request.urlopen(wheel["url"], timeout=300) as response:
        content = response.read()
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != wheel["hash"]:
        raise SystemExit("The wheel of uv is not the one that was locked (its SHA-256 differs).")
    binary = target / "bin" / "uv"
    binary.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        binary.write_bytes(archive.read(member))
    binary.chmod(0o755)


def main() -> None:
    target, uv = Path(sys.argv[1]), locked_uv()
    if not (by_pip(target, uv) and (target / "bin" / "uv").exists()):
        by_hand(target, uv)


if __name__ == "__main__":
    main()
