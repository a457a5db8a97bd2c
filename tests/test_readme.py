"""The README's commands and programs, run as written, on a tiny checkpoint."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interfere import bundled_corpus, load_result
from tests.text import some_text, write_text
from tests.tiny import save_tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (interfere .*)$", README, flags=re.MULTILINE)
LANGUAGES = ["ar", "de", "en", "es", "fr", "ja", "ko", "ru", "uk", "zh"]
PROGRAMS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the README calls `my-model` and `texts`, after all its commands and programs."""
    folder = tmp_path_factory.mktemp("user")
    save_tiny(folder / "my-model", "llama")
    write_text(folder / "texts", {name: some_text(name, 40) for name in ("de", "en", "ru")})
    write_text(folder / "held-out", {name: some_text(name, 20, seed=1) for name in ("de", "en")})
    for seed, name in enumerate(("model-de", "model-en"), start=1):
        save_tiny(folder / name, "llama", seed=seed)
    for command in COMMANDS:
        program = "from interfere_cli import main; main()"
        done = run([sys.executable, "-c", program, *shlex.split(command)[1:]], folder)
        (folder / f"{shlex.split(command)[1]}.out").write_text(done.stdout, encoding="utf-8")
    [processes] = re.findall(r"^    torchrun (.*)$", README, flags=re.MULTILINE)
    run([sys.executable, "-m", "torch.distributed.run", *shlex.split(processes)], folder)
    for program in PROGRAMS:
        run([sys.executable, "-c", program], folder)
    return folder


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done


def test_commands_and_programs_run_as_written(place: Path) -> None:
    assert len(COMMANDS) == 6
    assert len(PROGRAMS) == 4
    assert list(load_result(place / "first-look").languages) == ["de", "en", "ru", "uk"]
    assert (place / "run" / "results.json").is_file()
    assert (place / "run-by-two" / "report.html").is_file()
    assert (place / "run-by-module" / "pairs.csv").is_file()
    assert "specificity" in load_result(place / "importance").tables
    assert (place / "importance" / "report.html").is_file()
    assert list(load_result(place / "deltas").tables["deltas"]["language"]) == ["de", "en"]
    trained = load_result(place / "experiment").tables["models"]
    assert sorted(set(trained["mixture"])) == ["de", "de+en", "en"]
    assert (place / "experiment" / "models" / trained["folder"][0] / "config.json").is_file()
    named = set(re.findall(r"^\| `([\w.]+)/?` \|", README, flags=re.MULTILINE))
    assert named == {path.name for path in (place / "run").iterdir()}


def test_the_demo_ends_by_naming_its_report_and_determines_most(place: Path) -> None:
    report = place / "interfere-demo" / "report.html"
    assert report.is_file()
    last = (place / "demo.out").read_text(encoding="utf-8").splitlines()[-1]
    assert last == f"The report: {report.relative_to(place)}"
    result = load_result(place / "interfere-demo")
    assert list(result.languages) == list(bundled_corpus().languages) == LANGUAGES
    body = result.pairs[result.pairs["group"] == "body"]
    undetermined = (body["verdict"] == "undetermined").sum()
    assert undetermined < len(body) / 3
    assert f"{undetermined} of 45 pairs are undetermined" in report.read_text(encoding="utf-8")
    related = result.matrix("corrected")
    for a, b in (("ru", "uk"), ("es", "fr"), ("de", "en")):
        assert related.loc[a, b] > 0.4 > abs(related.loc[a, "ko"])


def test_what_the_readme_points_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([\w-]+)`", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
