"""Sweep over the text architectures of transformers: `python -m benchmarks.architectures [--only NAME…] [--jobs N]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.architectures._candidates import candidates
from benchmarks.architectures._sweep import sweep
from benchmarks.architectures._table import line, summary


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of classes, or model types")
    parser.add_argument("--jobs", type=int, default=2, help="architectures at a time")
    parser.add_argument("--json", type=Path, help="write the rows here")
    arguments = parser.parse_args()
    chosen = [
        own
        for own in candidates()
        if not arguments.only or {own.name, own.model_class.config_class.model_type} & set(arguments.only)
    ]
    began = time.monotonic()
    rows = sweep(chosen, arguments.jobs, lambda row: print(line(row), flush=True))
    print(f"\n{summary(rows)}; {time.monotonic() - began:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) | {"works": row.works} for row in rows], indent=1) + "\n")
    return 0 if all(row.works or row.left_out for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
