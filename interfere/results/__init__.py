"""Results of analyses: their document, and the folder that they are stored in."""

from interfere.results._files import escape_cell, load_result, result_document, table_csv, write_result
from interfere.results._lock import LOCK, FolderLock
from interfere.results._result import SCHEMA_VERSION, Result
from interfere.results._run_directory import RunDirectory
from interfere.results._unit_scores import own_units, unit_scores

__all__ = [
    "LOCK",
    "SCHEMA_VERSION",
    "FolderLock",
    "Result",
    "RunDirectory",
    "escape_cell",
    "load_result",
    "own_units",
    "result_document",
    "table_csv",
    "unit_scores",
    "write_result",
]
