from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere import check_result, load_result, read_policy
from interfere.results import write_result
from tests.check._runs import KINDS
from tests.report._results import constant, layers, make_result

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
Done = subprocess.CompletedProcess[str]
GUIDE = (DOCS / "check.md").read_text(encoding="utf-8")
RULE = '[[rule]]\nname = "Pairs agree"\ntable = "pairs"\nquantity = "corrected"\n'
PASSES, FAILS = (f"schema = 1\n{RULE}at_least = {bound}\n" for bound in (-9.0, 0.99))


def check(*arguments: str | Path, **environment: str) -> Result:
    # Whatever runs these tests may be a workflow itself.
    clean = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": "", "COLUMNS": "80", **environment}
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env=clean)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    write_result(make_result(["de", "en", "uk"], constant(0.3, "aligned"), layers(2), warnings=["short"]), folder)
    return folder


def policy(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_passed_failed_and_wrong_have_their_exit_codes(run: Path, tmp_path: Path) -> None:
    passed = check(run, "--policy", policy(tmp_path, PASSES))
    assert passed.exit_code == 0, passed.output
    assert passed.stdout.rstrip().endswith("passed: 1 warning")
    failed = check(run, "--policy", policy(tmp_path, FAILS))
    assert failed.exit_code == 1, failed.output
    assert "below at_least = 0.99 with its whole interval; 9 of 9 rows fail" in " ".join(failed.stdout.split())
    wrong = check(run, "--policy", policy(tmp_path, PASSES + "sevrity = 'warn'\n"))
    assert wrong.exit_code == 2
    assert "did you mean 'severity'?" in wrong.stderr
    assert not wrong.stdout
    assert max(map(len, failed.stdout.splitlines())) <= 80
    warned = check(run, "--policy", policy(tmp_path, FAILS + 'severity = "warn"\n'))
    assert warned.exit_code == 0
    nothing = check(run, "--policy", policy(tmp_path, PASSES + 'severity = "warn"\nlayers = ["head"]\n'))
    assert nothing.exit_code == 1
    assert "matches nothing" in nothing.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "--policy is missing"),
        (["run", "--policy", "none.toml"], "none.toml: there is no such policy"),
        (["none", "--policy", "policy.toml"], "none is not a run directory"),
        (["run", "--policy", "policy.toml", "--baseline", "none"], "--baseline: none is not a run directory"),
        (["run", "--policy", "policy.toml", "--baseline", "run"], "no rule has `change = true`"),
        (["run", "--policy", "policy.toml", "--junit", "."], "--junit . is a folder"),
        (["run", "--policy", "policy.toml", "--summary", "no/s.md"], "--summary no/s.md: there is no folder no"),
        (["run", "--policy", "policy.toml", "--overwrite"], "--overwrite is for --init"),
        (["run", "--init", "--policy", "policy.toml"], "policy.toml exists already; --overwrite replaces it"),
        (["run", "--init", "--junit", "j.xml"], "--init writes a policy and checks nothing: leave --junit out"),
        (["damaged", "--policy", "policy.toml"], "damaged/results.json: damaged"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], said: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    policy(tmp_path, PASSES)
    shutil.copytree(run, "damaged")
    text = Path("damaged/results.json").read_text(encoding="utf-8")
    Path("damaged/results.json").write_text(text[: len(text) // 2], encoding="utf-8")
    result = check(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_reports_for_ci(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    policy(tmp_path, FAILS)
    step = tmp_path / "step.md"
    step.write_text("before\n", encoding="utf-8")
    arguments = ["run", "--policy", "policy.toml", "--junit", "j.xml", "--summary", "step.md"]
    result = check(*arguments, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(step))
    assert result.exit_code == 1
    assert Xml.parse("j.xml").getroot().attrib["failures"] == "1"
    assert step.read_text(encoding="utf-8").startswith("before\n\n## ❌ interfere check FAILED: 1 error, 1 warning\n")
    first, second = result.stderr.splitlines()
    assert first.startswith("::error file=policy.toml,title=Pairs agree::corrected of de–en, body is 0.3 [0.2, 0.4],")
    assert second == "::warning file=policy.toml,title=The run::short"
    stopped, *_, last = result.stdout.splitlines()
    token = stopped.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert last == f"::{token}::"
    check(*arguments, "--no-annotations", GITHUB_ACTIONS="true")
    assert not step.read_text(encoding="utf-8").startswith("before")
    quiet = check(*arguments, "--quiet")
    assert quiet.exit_code == 1
    assert quiet.output == ""


def test_a_step_summary_that_is_almost_full_is_not_overfilled(run: Path, tmp_path: Path) -> None:
    step = tmp_path / "step.md"
    for there in (1024 * 1024 - 700, 1024 * 1024 - 1, 1024 * 1024 + 5):
        step.write_text("x" * there, encoding="utf-8")
        check(run, "--policy", policy(tmp_path, FAILS), "--summary", step, GITHUB_STEP_SUMMARY=str(step))
        assert step.stat().st_size <= max(there, 1024 * 1024)


def test_a_check_that_cannot_be_made_leaves_no_older_report(run: Path, tmp_path: Path) -> None:
    junit, summary = tmp_path / "j.xml", tmp_path / "s.md"
    reports = ["--junit", junit, "--summary", summary]
    assert check(run, "--policy", policy(tmp_path, PASSES), *reports).exit_code == 0
    wrong = check(run, "--policy", policy(tmp_path, "schema = 1\n"), *reports, "--annotations")
    assert wrong.exit_code == 2
    assert Xml.parse(junit).getroot().attrib["errors"] == "1"
    assert "could not be made" in summary.read_text(encoding="utf-8")
    assert wrong.stderr.startswith("::error title=interfere check::")


def test_json(run: Path, tmp_path: Path) -> None:
    result = check(run, "--policy", policy(tmp_path, FAILS), "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["passed"] is False
    assert len(document["rules"][0]["not_passed"]) == 9


def test_the_first_policy_of_a_new_user(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the guide says: draft a policy, pass it, break it on purpose, see why, mend it."""
    monkeypatch.chdir(tmp_path)
    drafted = check("run", "--init")
    assert drafted.exit_code == 0, drafted.output
    assert "interfere check run --policy interfere-policy.toml" in drafted.stdout
    file = Path("interfere-policy.toml")
    assert check("run", "--policy", file).exit_code == 0
    text = file.read_text(encoding="utf-8")
    tightened = re.sub(r'(name = "Pairs agree"\n(?:.*\n){3}at_least = )\S+', r"\g<1>0.99", text)
    assert tightened != text
    file.write_text(tightened, encoding="utf-8")
    failed = check("run", "--policy", file)
    assert failed.exit_code == 1
    assert "- Pairs agree: corrected of de–en, body is 0.3 [0.2, 0.4], below at_least = 0.99" in " ".join(
        failed.stdout.split()
    )
    assert failed.stdout.rstrip().endswith("FAILED: 1 error, 1 warning")
    file.write_text(text, encoding="utf-8")
    assert check("run", "--policy", file).exit_code == 0
    assert check("run", "--init").exit_code == 2
    assert check("run", "--init", "--overwrite", "--quiet").output == ""


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_run_goes_from_a_draft_to_a_pass(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write_result(KINDS[name](), folder)
    file = tmp_path / "policy.toml"
    assert check(folder, "--init", "--policy", file).exit_code == 0
    result = check(folder, "--policy", file)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("file", sorted((DOCS / "examples").glob("check-*.toml")), ids=lambda file: file.stem)
def test_the_examples_are_about_runs_as_they_are(file: Path) -> None:
    rules = read_policy(file)
    assert rules.run.kind is not None
    result = KINDS[rules.run.kind]()
    own = [rule for rule in rules.rules if not rule.change]
    report = check_result(result, type(rules)(own, rules.run, rules.file))
    assert all(outcome.status == "pass" for outcome in report.outcomes), report


def test_the_guide_names_what_there_is() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", GUIDE):
        assert (DOCS / link).exists(), link
    for name in re.findall(r"`(check-\w+\.toml)`", GUIDE):
        assert (DOCS / "examples" / name).is_file()
    [program] = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    [example] = re.findall(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert "draft_policy" in program
    assert example.startswith("schema = 1")


def test_the_programs_of_the_guide_run(run: Path, tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    [example] = re.findall(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)
    (tmp_path / "interfere-policy.toml").write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True [('No pair is opposed', 'pass')]\n# A policy for")


def test_nothing_heavy_is_imported(run: Path, tmp_path: Path) -> None:
    file = policy(tmp_path, PASSES)
    program = (
        "import sys; from interfere_cli import app; app(['check', *sys.argv[1:]], standalone_mode=False); "
        "print([name for name in ('torch', 'transformers', 'matplotlib') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(run), "--policy", str(file), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def workflow(name: str) -> dict[str, object]:
    document = yaml.safe_load((DOCS / "ci" / name).read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    assert set(document) == {"name", True, "permissions", "jobs"}
    [job] = document["jobs"].values()
    assert job["runs-on"]
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "${{" not in step.get("run", "")
    return dict(job)


def run_steps(job: dict[str, object], folder: Path, names: tuple[str, ...], **environment: str) -> list[Done]:
    """Commands of a workflow, as a runner gives them to bash."""
    for link, target in (("interfere", ROOT / "interfere"), ("docs", DOCS), ("base", ROOT)):
        if not (folder / link).exists():
            (folder / link).symlink_to(target)
    binaries = str(Path(sys.executable).parent)
    known = {**os.environ, **job["env"], "GITHUB_ACTIONS": "true", **environment}  # type: ignore[dict-item]
    known |= {"GITHUB_STEP_SUMMARY": str(folder / "step.md"), "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    commands = {step["name"]: step["run"] for step in job["steps"] if "run" in step}  # type: ignore[attr-defined]
    # All but the installation, which these tests are the end of.
    assert set(names) <= set(commands)
    out = []
    for name in names:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", commands[name]]
        out.append(subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False))
        if out[-1].returncode:
            break
    return out


def test_the_workflows_are_whole_and_name_files_that_there_are() -> None:
    for name in ("checkpoint.yml", "pre-merge.yml"):
        job = workflow(name)
        environment = job["env"]
        assert isinstance(environment, dict)
        assert (ROOT / environment["MODEL"]).is_dir()
        assert read_policy(ROOT / environment["POLICY"]).rules
        uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]  # type: ignore[attr-defined]
        assert uploads[0]["if"] == "always()"


@pytest.mark.slow
def test_the_workflow_checks_the_checkpoint_of_this_repository_and_fails_for_the_right_reason(tmp_path: Path) -> None:
    job = workflow("checkpoint.yml")
    steps = run_steps(job, tmp_path, ("Measure", "Check"))
    assert [step.returncode for step in steps] == [0, 0], steps[-1].stderr
    assert load_result(tmp_path / "run").languages == ["de", "en", "ru", "uk"]
    assert Xml.parse(tmp_path / "interference.xml").getroot().attrib["failures"] == "0"
    assert "✅ interfere check passed" in (tmp_path / "step.md").read_text(encoding="utf-8")

    text = (DOCS / "ci" / "checkpoint.toml").read_text(encoding="utf-8").replace("at_least = 0.3", "at_least = 0.99")
    (tmp_path / "stricter.toml").write_text(text, encoding="utf-8")
    [checked] = run_steps(job, tmp_path, ("Check",), POLICY="stricter.toml")
    assert checked.returncode == 1
    [error] = [line for line in checked.stderr.splitlines() if line.startswith("::error")]
    assert "title=Ukrainian and Russian stay close::corrected of ru–uk, body is" in error
    [failure] = Xml.parse(tmp_path / "interference.xml").getroot().iter("failure")
    assert "below at_least = 0.99 with its whole interval" in failure.attrib["message"]


@pytest.mark.slow
def test_the_workflow_before_merging_compares_with_the_base(tmp_path: Path) -> None:
    names = ("Measure the checkpoint that there is", "Measure the new one", "Check")
    steps = run_steps(workflow("pre-merge.yml"), tmp_path, names)
    assert [step.returncode for step in steps] == [0, 0, 0], steps[-1].stderr
    assert "0 [0, 0]" in steps[-1].stdout
