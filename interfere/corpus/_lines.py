"""Lines of a text file, numbered as an editor numbers them."""

from __future__ import annotations

import gzip
import stat
import zlib
from pathlib import Path

from interfere.errors import InputError, RunError

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 1 << 24
_MOST_EXPANSION = 200
"""No text is packed as tightly as this: real corpora expand three to six times, endless repetition a thousand."""
_HARMLESS_SIZE = 1 << 26


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
        InputError: the file is missing, unreadable, no ordinary file, damaged or not UTF-8.
        RunError: it does not fit in memory.
    """
    label = str(path) if language is None else f"{path} (language {language!r})"
    try:
        return _decode(_read_bytes(path, label), label)
    except MemoryError as error:
        raise RunError(f"{label} does not fit in memory; give less text, or split it over several runs.") from error


def _decode(data: bytes, label: str) -> list[str]:
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
        # A pipe or a device may never come to an end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{label} is not an ordinary file but a folder, a pipe or a device; give a file.")
        return _unzip(path, label) if path.suffix.casefold() == ".gz" else path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{label} does not exist.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{label} is not a whole gzip file ({error}); compress it again.") from error
    except OSError as error:
        raise InputError(f"{label} cannot be read: {error.strerror or error}.") from error


def _unzip(path: Path, label: str) -> bytes:
    """The content of a gzip file, unless it was made to fill the memory."""
    packed = path.stat().st_size
    out = bytearray()
    with gzip.open(path) as file:
        while block := file.read(_BLOCK):
            out += block
            if len(out) > max(_HARMLESS_SIZE, _MOST_EXPANSION * packed):
                raise InputError(
                    f"{label} expands to more than {_MOST_EXPANSION} times its {packed:,} bytes, as no text does; "
                    "unzip it and look."
                )
    return bytes(out)
