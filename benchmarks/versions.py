"""`python -m benchmarks.versions`: the tests and the sweep of architectures with other versions of what interfere uses.

`lowest` takes each package that pyproject.toml names at its lower bound, `newest` the newest there is. Each gets a
virtual environment of its own, made by uv (`pip install uv`), in which the whole `make test` and every architecture is
run. Other builds of torch are gigabytes, so this is never part of CI; docs/versions.md has what was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.assets import cache_directory

RESOLUTION = {"lowest": "lowest-direct", "newest": "highest"}
"""What is tried → how uv chooses versions for it."""

SHOWN = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "pandas", "matplotlib", "typer")
_EXTRAS = ".[gguf,tasks,peft]"
_TESTERS = ("pytest", "pytest-xdist", "hypothesis", "sentencepiece")
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Seen:
    """What came of one set of versions.

    Args:
        name: `lowest` or `newest`.
        python: the interpreter's version.
        versions: package → version, of those that matter.
        tests: pytest's last line.
        failed: the tests that failed, each with its reason's first line.
        architectures: how many classes work, and of how many.
        not_working: classes that do not work, with the reason.
    """

    name: str
    python: str
    versions: dict[str, str]
    tests: str
    failed: list[str]
    architectures: str
    not_working: list[str]


def install(name: str, folder: Path, pins: list[str]) -> Path:
    """A virtual environment with one set of versions; gives its interpreter.

    Args:
        name: key of `RESOLUTION`.
        folder: where it is made anew.
        pins: requirements beside the package's own, such as `torch==2.8.0`.
    """
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise SystemExit("uv is not there; install it with: python -m pip install uv")
    subprocess.run([uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [uv, "pip", "install", "--python", str(python), "--resolution", RESOLUTION[name], "--editable", _EXTRAS]
    subprocess.run([*command, *pins], check=True, cwd=_ROOT)
    # What runs the tests is no dependency of the package, and is the same for all.
    subprocess.run([uv, "pip", "install", "--python", str(python), *_TESTERS], check=True, cwd=_ROOT)
    return python


def run_tests(python: Path) -> tuple[str, list[str]]:
    """What `make test` runs: pytest's last line, and its lines on what failed."""
    # Other versions warn of other things, which here are no failures.
    options = ["-o", "filterwarnings=default", "-p", "no:cacheprovider", "--disable-warnings"]
    command = [python, "-m", "pytest", "-q", "-n", "2", "-m", "not checkpoint and not slow", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    done = subprocess.run(command, check=False, cwd=_ROOT, env=environment, text=True, capture_output=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    failed = [line for line in lines if re.match(r"(FAILED|ERROR) ", line)]
    return (lines[-1].strip("= ") if lines else done.stderr.strip()[-200:]), failed


def run_architectures(python: Path, rows: Path) -> tuple[str, list[str]]:
    """What the sweep finds: how many classes work, and those that do not.

    Args:
        python: the interpreter.
        rows: where the sweep writes its rows.
    """
    command = [python, "-m", "benchmarks.architectures", "--json", rows]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    rows.unlink(missing_ok=True)
    subprocess.run(command, check=False, cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL)
    if not rows.is_file():
        return "the sweep did not run to its end", []
    tried = [row for row in json.loads(rows.read_text(encoding="utf-8")) if not row["left_out"]]
    rest = [row for row in tried if not row["works"]]
    wrong = [f"{row['name']}: {'; '.join(filter(None, row['checks'].values()))}" for row in rest]
    return f"{len(tried) - len(rest)} of {len(tried)}", wrong


def versions_in(python: Path) -> tuple[str, dict[str, str]]:
    """The interpreter's version, and those of the packages that matter."""
    program = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps([platform.python_version(), {name: version(name) for name in sys.argv[1:]}]))"
    )
    told = subprocess.run([python, "-c", program, *SHOWN], check=True, text=True, capture_output=True).stdout
    interpreter, versions = json.loads(told)
    return interpreter, versions


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("name", nargs="*", help="of lowest and newest; default: both")
    parser.add_argument("--pin", action="append", default=[], help="a requirement to add, such as torch==2.8.0")
    parser.add_argument("--folder", type=Path, default=cache_directory() / "versions", help="where they are made")
    parser.add_argument("--keep", action="store_true", help="use an environment that is there already")
    parser.add_argument("--no-architectures", action="store_true", help="the tests alone")
    parser.add_argument("--json", type=Path, help="a file for what was seen")
    given = parser.parse_args(arguments)
    names = given.name or list(RESOLUTION)
    for name in names:
        if name not in RESOLUTION:
            parser.error(f"{name!r}: give lowest or newest")
    seen = []
    for name in names:
        folder = given.folder / name
        python = folder / "bin" / "python"
        if not (given.keep and python.exists()):
            python = install(name, folder, given.pin)
        interpreter, versions = versions_in(python)
        tests, failed = run_tests(python)
        nothing: tuple[str, list[str]] = ("not tried", [])
        sweep = nothing if given.no_architectures else run_architectures(python, given.folder / f"{name}.json")
        seen.append(Seen(name, interpreter, versions, tests, failed, *sweep))
        print(f"{name}: Python {interpreter}, " + ", ".join(f"{key} {value}" for key, value in versions.items()))
        print("\n".join([f"  tests: {tests}", *failed, f"  architectures: {sweep[0]}", *sweep[1]]), flush=True)
        if given.json is not None:
            given.json.write_text(json.dumps([asdict(each) for each in seen], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
