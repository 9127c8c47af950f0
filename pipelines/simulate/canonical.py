"""A simulated company as a folder of canonical files, with its frozen plan and its truth beside them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from pipelines.paths import PACKAGE
from pipelines.simulate.company import Company
from pipelines.simulate.crm_files import crm_tables
from pipelines.simulate.social_files import social_tables
from pipelines.simulate.support_files import support_tables
from pipelines.simulate.truth import write_truth

SIMULATED_PLAN = PACKAGE / "plans" / "simulated.yml"
PLAN_FILE = "plan.yml"
TRUTH_FILE = "truth.json"


def canonical_tables(company: Company) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every canonical table by name; a table in several pieces comes in consecutive ones."""
    yield from support_tables(company)
    yield from social_tables(company)
    yield from crm_tables(company)


def write_company(company: Company, folder: Path) -> dict[str, int]:
    """Write a company's canonical files as Parquet, its plan and its truth.

    Args:
        company: the company.
        folder: made if missing; files of the same names are replaced.

    Returns:
        Rows by table; a table without rows has no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    writer: pq.ParquetWriter | None = None
    open_table = ""
    for name, frame in canonical_tables(company):
        if frame.is_empty():
            continue
        piece = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if name != open_table:
            if writer is not None:
                writer.close()
            open_table, writer = name, pq.ParquetWriter(folder / f"{name}.parquet", piece.schema, compression="zstd")
        assert writer is not None
        writer.write_table(piece)
        rows[name] = rows.get(name, 0) + len(frame)
    if writer is not None:
        writer.close()
    shutil.copyfile(SIMULATED_PLAN, folder / PLAN_FILE)
    write_truth(company, folder / TRUTH_FILE)
    return rows
