"""The README's commands and programs, run as written, on a tiny checkpoint."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interfere import bundled_corpus, load_result
from tests.place import furnish, run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (interfere .*)$", README, flags=re.MULTILINE)
LANGUAGES = ["ar", "de", "en", "es", "fr", "ja", "ko", "ru", "uk", "zh"]
PROGRAMS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the README calls `my-model` and `texts`, after all its commands and programs."""
    folder = furnish(tmp_path_factory.mktemp("user"))
    for command in COMMANDS:
        program = "from interfere_cli import main; main()"
        done = run([sys.executable, "-c", program, *shlex.split(command)[1:]], folder)
        (folder / f"{shlex.split(command)[1]}.out").write_text(done.stdout, encoding="utf-8")
    for program in PROGRAMS:
        run([sys.executable, "-c", program], folder)
    return folder


@pytest.mark.slow
def test_commands_and_programs_run_as_written(place: Path) -> None:
    assert len(COMMANDS) == 10
    assert len(PROGRAMS) == 3
    assert list(load_result(place / "first-look").languages) == ["de", "en", "ru", "uk"]
    assert (place / "run" / "results.json").is_file()
    assert (place / "run-by-module" / "pairs.csv").is_file()
    assert "specificity" in load_result(place / "importance").tables
    assert (place / "importance" / "report.html").is_file()
    assert list(load_result(place / "deltas").tables["deltas"]["language"]) == ["de", "en"]
    trained = load_result(place / "experiment").tables["models"]
    assert (place / "findings.html").stat().st_size < 5_000_000
    assert sorted(set(trained["mixture"])) == ["de", "de+en", "en"]
    assert (place / "experiment" / "models" / trained["folder"][0] / "config.json").is_file()


@pytest.mark.slow
def test_a_policy_is_broken_on_purpose_and_mended(place: Path) -> None:
    command = [sys.executable, "-c", "from interfere_cli import main; main()"]
    command += shlex.split(next(each for each in COMMANDS if "--policy" in each))[1:]
    policy = place / "interfere-policy.toml"
    written = policy.read_text(encoding="utf-8")
    rule, bound = re.search(r'name = "Pairs agree".*?^(at_least = \S+)', written, re.DOTALL | re.MULTILINE).span(1)
    policy.write_text(written[:rule] + "at_least = 0.99" + written[bound:], encoding="utf-8")
    failed = subprocess.run(command, cwd=place, capture_output=True, text=True, encoding="utf-8", check=False)
    assert failed.returncode == 1
    said = " ".join(failed.stdout.split())
    assert re.search(r"Pairs agree: corrected of \w\w–\w\w, body is \S+ \[\S+ \S+\], below at_least = 0.99", said), said
    policy.write_text(written, encoding="utf-8")
    run(command, place)


@pytest.mark.slow
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
