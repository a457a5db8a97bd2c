"""The tables of a result as files within its page."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Mapping

from interfere.report._page import Block, Download, Downloads, Heading
from interfere.report._text import file_names, safe_text
from interfere.results import Result, table_csv

_PACKED = 20_000  # bytes from which a file is compressed
_CELLS = 3_000_000  # of a table that is surely too large
_WORDS = "The tables of the run with all rows and all digits, kept within this page."
_SMALL = " What is packed (.csv.gz) is unpacked while it is saved, where the browser runs the page's script."


def downloads(result: Result, prefix: str = "") -> list[Block]:
    """The tables of a result as CSV files, the same as in its run directory.

    Args:
        result: of any kind.
        prefix: what file names begin with, for pages of several runs.

    Returns:
        A heading and the files; nothing for a result without tables. A file too large for any page has no source.
    """
    stems = file_names([f"{prefix}{name}" for name in result.tables])
    files = [
        _file(stems[f"{prefix}{name}"], safe_text(name), table_csv(table) if table.size < _CELLS else "", len(table))
        for name, table in result.tables.items()
    ]
    return [Heading("CSV files"), Downloads(_WORDS, files)] if files else []


def kept(block: Downloads, sources: Mapping[str, bool]) -> Downloads:
    """Files, without those that the page has no room for, and a sentence on what is there.

    Args:
        block: all files.
        sources: source of a file → whether there is room for it.
    """
    files = [f for f in block.files if sources.get(f.source)]
    gone = [f.title for f in block.files if not sources.get(f.source)]
    said = _WORDS if files else ""
    said += _SMALL if any(f.name.endswith(".gz") for f in files) else ""
    if gone:
        verb = "is" if len(gone) == 1 else "are"
        said += f" Too large for this page {verb} {', '.join(gone)}: see the run directory."
    return Downloads(said.strip(), files)


def _file(stem: str, title: str, csv: str, rows: int) -> Download:
    # A lone surrogate can stand in a JSON file, but not in UTF-8.
    data = csv.encode("utf-8", "replace")
    size = f"{rows:,} row{'' if rows == 1 else 's'}"
    if not data:
        return Download(f"{stem}.csv", "", f"{title}.csv", size)
    if len(data) < _PACKED:
        return Download(f"{stem}.csv", _uri("text/csv;charset=utf-8", data), f"{title}.csv", size)
    packed = gzip.compress(data, 9, mtime=0)
    return Download(f"{stem}.csv.gz", _uri("application/gzip", packed), f"{title}.csv", size)


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode('ascii')}"
