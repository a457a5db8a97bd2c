"""Lines of a text file, numbered as an editor numbers them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from interfere.errors import InputError

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_lines(path: Path, language: str | None = None) -> list[str]:
    r"""Read a UTF-8 file, gzipped if its name ends in ``.gz``, and split it at ``\n`` and ``\r\n`` only.

    Every other character that Unicode counts as a line end (a lone ``\r``, form feed, U+0085, U+2028) belongs to the
    text: documents must not be cut in two, and line numbers must be the same in the files of all languages.

    Args:
        path: the file. A byte order mark is dropped.
        language: whose text it is, for messages; None where it is not one language's.

    Returns:
        The lines without their ends; a line end at the end of the file does not start another line.

    Raises:
        InputError: the file is missing, unreadable, damaged or not UTF-8.
    """
    label = str(path) if language is None else f"{path} (language {language!r})"
    data = _read_bytes(path, label)
    if data.startswith(_UTF16):
        raise InputError(f"{label} is not UTF-8 but looks like UTF-16; save it as UTF-8.")
    mark = len(_BOM) if data.startswith(_BOM) else 0
    try:
        text = data[mark:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start + mark
        line = data.count(b"\n", 0, at) + 1
        raise InputError(
            f"{label} is not UTF-8: byte 0x{data[at]:02x} at offset {at:,}, in line {line:,}, "
            f"cannot be read; save the file as UTF-8."
        ) from error
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _read_bytes(path: Path, label: str) -> bytes:
    """The content of a file, unzipped where its name says that it is zipped."""
    try:
        if path.suffix.casefold() == ".gz":
            with gzip.open(path) as file:
                return file.read()
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{label} does not exist.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{label} is not a whole gzip file ({error}); compress it again.") from error
    except OSError as error:
        raise InputError(f"{label} cannot be read: {error.strerror or error}.") from error
