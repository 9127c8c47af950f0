"""What a killed sync leaves in dlt's working folder, where dlt itself would stumble over it or keep it forever."""

import shutil
from collections.abc import Iterator
from pathlib import Path


def sweep(working_folder: Path) -> None:
    """Delete packages that are done with, or that never came to be, before the pipeline is used.

    No row is lost: what is deleted was handed on to the next step, or its cursor was not stored. Only one sync of a source may run.

    Args:
        working_folder: the pipeline's own; it need not exist.
    """
    for package in _done_with(working_folder):
        shutil.rmtree(package)


def _done_with(folder: Path) -> Iterator[Path]:
    from dlt.common.storages.load_package import PackageStorage

    extracted, normalized = folder / "normalize" / "extracted", folder / "load" / "normalized"
    # Extractions that were not committed: dlt writes each to a folder with a random name, and never looks at it again.
    yield from (path for path in _folders(folder / "normalize") if path != extracted)
    # Killed while dlt deleted what it had normalized: a folder without its schema can't be normalized again.
    yield from (path for path in _folders(extracted) if (normalized / path.name).exists())
    # Killed between the mark and the move of a loaded package: dlt refuses to complete it twice.
    yield from (path for path in _folders(normalized) if (path / PackageStorage.PACKAGE_COMPLETED_FILE_NAME).exists())
    # Loaded, and known to landing by its manifest.
    yield from _folders(folder / "load" / "loaded")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
