"""The `files` source: a folder of CSV, JSONL or Parquet files, in the canonical contract or as a vendor's product exports them.

Files are read by DuckDB, cast to the contract column by column, and checked row by row. Nothing is guessed: a cell that does
not fit names its file, column, row and value. Everything wrong with a folder is found in one go, so that it can be mended in
one go.
"""

from pipelines.sources.files.source import CANONICAL, FilesSource

__all__ = ["CANONICAL", "FilesSource"]
