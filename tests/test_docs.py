"""The documentation: its examples are files that run as they are, and its links lead somewhere."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from interfere_cli import app
from interfere_cli.demo import DEMO_SETTINGS
from typer.testing import CliRunner

from interfere import GradientSettings, load_result
from interfere.results import write_result
from tests.place import furnish, run
from tests.report._importance import make_importance
from tests.report._results import families, make_result
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PAGES = ("README", "gradients", "reading", "methods", "footguns")
"""The pages whose blocks are files of `docs/examples`."""
LONGEST = 300

PROGRAMS = sorted(path.name for path in EXAMPLES.glob("gradients_*.py"))
READERS = {
    "run": "read_gradients",
    "importance": "read_importance",
    "deltas": "read_deltas",
    "experiment": "read_experiment",
}
"""Run directory → the program that reads it."""
COMMANDS = sorted(path.name for path in EXAMPLES.glob("gradients_*.sh") if path.name != "gradients_processes.sh")
LONG = ("gradients_again.sh", "gradients_first_look.sh", "gradients_where.sh")
"""Those that draw many figures or read much; the README's test runs the second one too."""


def text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, content) of the fenced blocks that are commands or programs."""
    return re.findall(r"^```(sh|python)\n(.*?)^```$", text(page), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def place(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a reader works in, with what `furnish` gives, and nothing of another example."""
    for path in furnished.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_an_example_that_is_run(page: str) -> None:
    run_here = {f"{name}.py" for name in READERS.values()} | {*PROGRAMS, *COMMANDS, "gradients_processes.sh"}
    files = {name: (EXAMPLES / name).read_text(encoding="utf-8") for name in run_here}
    for language, block in blocks(page):
        found = [name for name, content in files.items() if block in content]
        assert any(Path(name).suffix == {"sh": ".sh", "python": ".py"}[language] for name in found), block


def test_every_example_that_is_run_stands_on_a_page() -> None:
    quoted = "".join(block for page in PAGES for _, block in blocks(page))
    for name in [*PROGRAMS, *COMMANDS, "gradients_processes.sh", *(f"{reader}.py" for reader in READERS.values())]:
        assert (EXAMPLES / name).read_text(encoding="utf-8") in quoted, name


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in COMMANDS])
def test_commands_run(name: str, place: Path) -> None:
    for command in commands(name):
        done = CliRunner().invoke(app, [*command[1:], "--quiet"])
        assert done.exit_code == 0, done.output
        folder = place / command[command.index("--output-dir") + 1]
        result = load_result(folder)
        assert {"de", "en"} <= set(result.languages)
        assert all(f"{language} " in done.output for language in result.languages)
        if name == "gradients_own_text.sh":
            named = set(re.findall(r"^\| `([\w.]+)/?` \|", text("gradients"), flags=re.MULTILINE))
            assert named == {path.name for path in folder.iterdir()}


def commands(name: str) -> list[list[str]]:
    """The commands of a file, each as a list of words."""
    lines = (EXAMPLES / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_options_that_the_page_explains_exist_with_the_defaults_that_it_gives() -> None:
    rows = re.findall(r"^\| `(--[\w-]+)` \| ([\w.]+)", text("gradients"), flags=re.MULTILINE)
    assert len(rows) >= 8
    known = CliRunner().invoke(app, ["gradients", "--help"], env={"COLUMNS": "200"}).output
    shown = re.sub(r"\x1b\[[\d;]*m", "", known)
    for option, default in rows:
        assert option in shown, option
        if option not in ("--mixture", "--max-length"):
            own = shown[shown.index(option) :].split("--", 2)[1]
            assert f"[default: {default}" in " ".join(own.replace("│", " ").split()), option


def test_the_demo_is_what_the_page_says() -> None:
    given = f"--mask-passes {DEMO_SETTINGS.mask_passes} --tokens-per-chunk {DEMO_SETTINGS.tokens_per_chunk}"
    assert given in text("gradients")
    assert replace(DEMO_SETTINGS, mask_passes=1, tokens_per_chunk=512) == GradientSettings()


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_run(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLES / name))
    printed = capsys.readouterr().out
    if name != "gradients_own_loss.py":
        assert "body" in printed or "de" in printed


@pytest.mark.parametrize("kind", READERS)
def test_readers_print_numbers_of_the_result(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    languages = ["de", "en", "ru", "uk"]
    result = {
        "run": lambda: make_result(languages, families()),
        "importance": lambda: make_importance(languages),
        "deltas": lambda: make_deltas(languages),
        "experiment": lambda: make_experiment(languages),
    }[kind]()
    (tmp_path / kind).mkdir()
    write_result(result, tmp_path / kind)
    monkeypatch.chdir(tmp_path)
    with pd.option_context("display.width", 300, "display.max_columns", 40, "display.max_rows", 500):
        runpy.run_path(str(EXAMPLES / f"{READERS[kind]}.py"))
    printed = capsys.readouterr().out
    named = set(re.findall(r'"(\w+)"[,\]]', (EXAMPLES / f"{READERS[kind]}.py").read_text(encoding="utf-8")))
    tables = {"body", "group", "overlap", "own_counts", "specificity", "quality", "deltas", "predictions"}
    for column in named - tables:
        assert column in printed, column


@pytest.mark.slow
def test_several_processes_run(place: Path) -> None:
    [command] = commands("gradients_processes.sh")
    run([sys.executable, "-m", "torch.distributed.run", *command[1:]], place)
    assert (place / "run-by-two" / "report.html").is_file()


@pytest.mark.parametrize("page", sorted(path.stem for path in DOCS.glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, part = target.partition("#")
        path = (DOCS / file).resolve() if file else DOCS / f"{page}.md"
        assert path.exists(), target
        if part and path.suffix == ".md":
            assert part in anchors(path.read_text(encoding="utf-8")), target


def anchors(page: str) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_pages_can_be_read_in_one_sitting(page: str) -> None:
    assert len(text(page).splitlines()) <= LONGEST


def test_the_index_has_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+)\.md[)#]", text("README")))
    assert linked >= {path.stem for path in DOCS.glob("*.md")} - {"README"}


def test_methods_name_modules_and_tests_that_exist() -> None:
    named = re.findall(r"`((?:interfere|tests)/[\w/.]+)`(?:((?:, `_\w+\.py`| and `_\w+\.py`)+))?", text("methods"))
    assert len(named) > 40
    for path, others in named:
        assert (ROOT / path).exists(), path
        for other in re.findall(r"`(_\w+\.py)`", others):
            assert (ROOT / path).with_name(other).exists(), other
