"""Files that are either there whole or not at all."""

import hashlib
import os
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(temporary: Path, target: Path) -> None:
    """Put a finished file in another's place: readers see the old one or the new one, whole."""
    fsync(temporary)
    temporary.replace(target)
    fsync(target.parent)


def write_text_durably(target: Path, text: str, mode: int = 0o644) -> None:
    """Write a text file whole or not at all."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=mode)
    temporary.write_text(text)
    replace_durably(temporary, target)
