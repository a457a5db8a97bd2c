"""The README's commands and programs, run as written, on a tiny checkpoint."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.text import some_text, write_text
from tests.tiny import save_tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the README calls `my-model` and `texts`."""
    folder = tmp_path_factory.mktemp("user")
    save_tiny(folder / "my-model", "llama")
    write_text(folder / "texts", {name: some_text(name, 40) for name in ("de", "en", "ru")})
    return folder


def test_commands_and_programs_run_as_written(place: Path) -> None:
    commands = re.findall(r"^    (interfere .*)$", README, flags=re.MULTILINE)
    programs = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert commands
    assert len(programs) == 2
    for command in commands:
        program = "from interfere_cli import main; main()"
        arguments = [sys.executable, "-c", program, *shlex.split(command)[1:]]
        subprocess.run(arguments, cwd=place, check=True, capture_output=True)
    for program in programs:
        subprocess.run([sys.executable, "-c", program], cwd=place, check=True, capture_output=True)
    assert (place / "run" / "results.json").is_file()
    assert (place / "run-by-module" / "pairs.csv").is_file()
    named = set(re.findall(r"^\| `([\w.]+)/?` \|", README, flags=re.MULTILINE))
    assert named == {path.name for path in (place / "run").iterdir()}


def test_what_the_readme_points_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([\w-]+)`", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
