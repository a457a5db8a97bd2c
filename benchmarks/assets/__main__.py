"""Fetch assets and print where they are."""

from __future__ import annotations

import argparse
import logging
import sys

from benchmarks.assets import (
    GNOME_LANGUAGES,
    UDHR_LANGUAGES,
    AssetError,
    TextSummary,
    cache_directory,
    e5_encoder,
    gnome_text,
    smollm2,
    udhr_text,
)


def _describe(summary: TextSummary) -> str:
    counts = f"{summary.written} documents a language from {summary.sources} sources ({summary.shared} with repeats)"
    return f"{summary.directory}  {' '.join(summary.languages)}: {counts}"


FETCHERS = {
    "smollm2": lambda: str(smollm2()),
    "gnome": lambda: _describe(gnome_text(GNOME_LANGUAGES, cache_directory() / "text" / "gnome")),
    "udhr": lambda: _describe(udhr_text(list(UDHR_LANGUAGES), cache_directory() / "text" / "udhr")),
    "e5": lambda: str(e5_encoder()),
}


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is named, and return 1 if something of it could not be had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assets", description=__doc__)
    parser.add_argument("asset", nargs="*", choices=[*FETCHERS, "all"], default="all", help="default: all")
    asked = parser.parse_args(arguments).asset
    # argparse gives the default back as it is, and what was typed as a list.
    names = list(FETCHERS) if "all" in asked else asked
    failed = False
    for name in names:
        try:
            print(f"{name}: {FETCHERS[name]()}", flush=True)
        except AssetError as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
