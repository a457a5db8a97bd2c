"""Hard text and hard machines through whole commands: long lines, many languages, hostile names, no room."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere.corpus import read_corpus
from interfere.errors import InputError
from interfere.results import load_result
from tests.hard.refusals import harmless
from tests.text import some_text, write_text
from tests.tiny import save_tiny

FAST = ("--chunks", "4", "--tokens-per-chunk", "20", "--quiet")
HOSTILE = ("=cmd()", "@SUM(1)", "+1", "<b>x", "<script>", "[red]", "$x$", "עבר", "الع", "a&b", '"q"', "|x|", "e\u0301")
ESCAPES = "\x1b[31m<img src=x onerror=alert(1)>\x1b]0;x\x07\u202e\n=cmd()"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "bert", "bert")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


class Elements(HTMLParser):
    """Counts elements and keeps their attributes' names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}


def require_harmless(output: Path, shown: str, plain: Path) -> None:
    """Nothing in a run, or in what was printed, is more than text."""
    assert all(harmless(line) for line in shown.split("\n")), ascii(shown)
    page, usual = (Elements((folder / "report.html").read_text("utf-8")) for folder in (output, plain))
    assert page.tags <= usual.tags
    assert page.handlers <= usual.handlers
    for file in output.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.reader(rows):
                for cell in row:
                    assert not cell.startswith(("=", "@", "\t", "\r")), (file.name, cell)
                    assert not re.match(r"[+-](?![0-9.])", cell), (file.name, cell)
    json.loads((output / "results.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def plain(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with nothing odd in it, whose page shows what elements there usually are."""
    folder = tmp_path_factory.mktemp("plain")
    texts = write_text(folder / "texts", {name: some_text(name, 24) for name in ("de", "en", "ru")})
    assert run("gradients", "--model", bert, "--data", texts, *FAST, "--output-dir", folder / "run").exit_code == 0
    return folder / "run"


def test_hostile_names_of_languages_documents_and_models_are_text(bert: Path, plain: Path, tmp_path: Path) -> None:
    rows = [
        json.dumps({"text": text, "id": f"{ESCAPES}{number}", "source": f"=1+1 {number}", "language": name})
        for place, name in enumerate(HOSTILE[::2])
        for number, text in enumerate(some_text(("de", "en", "hi", "ru", "zh")[place % 5], 20, seed=place))
    ]
    data = tmp_path / "<i>\x1b[31m=text.jsonl"
    data.write_text("\n".join(rows), encoding="utf-8")
    model = tmp_path / "\x1b[31m<u>=cmd()"
    save_tiny(model, "bert")
    config = json.loads((model / "config.json").read_text())
    config |= {"_name_or_path": ESCAPES, "id2label": {"0": ESCAPES}, "interfere_signal": ESCAPES}
    (model / "config.json").write_text(json.dumps(config))
    done = run("gradients", "--model", model, "--data", data, *FAST, "--output-dir", tmp_path / "run")
    assert done.exit_code == 0, done.output
    require_harmless(tmp_path / "run", done.output, plain)
    assert set(load_result(tmp_path / "run").languages) == set(HOSTILE[::2])
    joined = run("report", tmp_path / "run", "--output", tmp_path / "joined.html")
    assert joined.exit_code == 0, joined.output
    assert (
        Elements((tmp_path / "joined.html").read_text("utf-8")).handlers
        <= Elements((plain / "report.html").read_text("utf-8")).handlers
    )


@pytest.mark.parametrize("where", ["model", "data", "languages", "output-dir", "adam-state", "mixture", "tokenizer"])
def test_errors_are_one_harmless_line(bert: Path, tmp_path: Path, where: str) -> None:
    options = {"model": str(bert), "output-dir": str(tmp_path / "r"), "data": str(tmp_path)}
    write_text(tmp_path, {name: some_text(name, 24) for name in ("de", "en")})
    (tmp_path / "file").write_text("")
    evil = f"/file/{ESCAPES}" if where in ("output-dir", "data") else ESCAPES
    options[where] = str(tmp_path) + evil if where in ("output-dir", "data") else evil
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    done = run("gradients", *flags, *FAST, *(("--metric", "adam") if where == "adam-state" else ()))
    assert done.exit_code in (2, 3), done.output
    assert "Traceback" not in done.output
    lines = [line for line in done.stderr.split("\n") if line]
    assert len(lines) == 1
    assert harmless(lines[0]), ascii(lines[0])


@pytest.mark.parametrize(
    "option",
    [
        ("--batch-size", "--5"),
        ("--batch-size", "9" * 5000),
        ("--memory-budget", "9" * 400 + "GiB"),
        ("--output-dir", "x" * 300),
        ("--data", "x" * 300),
        ("--mixture", "de=nan"),
        ("--chunks", "9" * 18),
    ],
)
def test_numbers_and_names_beyond_all_bounds(bert: Path, plain: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    texts = plain.parent / "texts"
    given = ["--model", bert, "--data", texts, "--output-dir", tmp_path / "r", *FAST]
    done = run("gradients", *given, f"{option[0]}={option[1]}")
    assert done.exit_code in (2, 3), done.output
    assert done.stderr.startswith("interfere: ")


@pytest.mark.slow
def test_lines_of_ten_megabytes_are_cut_and_counted(bert: Path, tmp_path: Path) -> None:
    texts = {name: some_text(name, 24) for name in ("de", "en")}
    for number, word in ((3, "слово مرحبا wort "), (9, "\u200b\u202eab "), (14, "ab")):
        texts["de"][number] = (f"{number} " + word * (10_000_000 // len(word.encode()) + 1)).strip()
    began = time.monotonic()
    folder = write_text(tmp_path / "texts", texts)
    done = run("gradients", "--model", bert, "--data", folder, *FAST, "--output-dir", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert time.monotonic() - began < 300
    found = load_result(tmp_path / "run")
    assert found.data["de"]["cut"] >= 1
    assert found.data["en"]["cut"] == 0
    assert any("cut" in warning for warning in found.warnings)


@pytest.mark.slow
def test_two_hundred_languages(bert: Path, plain: Path, tmp_path: Path) -> None:
    names = [*HOSTILE, *(f"l{number:03d}" for number in range(200 - len(HOSTILE)))]
    own = ("de", "en", "hi", "ru", "zh")
    texts = {name: some_text(own[place % 5], 20, seed=place) for place, name in enumerate(names)}
    folder = write_text(tmp_path / "texts", texts)
    done = run("gradients", "--model", bert, "--data", folder, *FAST, "--output-dir", tmp_path / "run")
    assert done.exit_code == 0, done.output
    found = load_result(tmp_path / "run")
    assert len(found.languages) == 200
    assert len(found.pairs.query("group == 'body'")) == 200 * 199 // 2
    assert (tmp_path / "run" / "report.html").stat().st_size < 20_000_000
    require_harmless(tmp_path / "run", done.output, plain)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "de.txt")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_corpus(tmp_path)
    (tmp_path / "de.txt").unlink()
    (tmp_path / "de.txt").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_corpus(tmp_path)


def test_a_file_that_was_packed_to_fill_the_memory(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "de.jsonl.gz").write_bytes(gzip.compress(b'{"text": "' + b"a" * 100_000_000 + b'"}', 6))
    with pytest.raises(InputError, match="expands to more than 200 times"):
        read_corpus(tmp_path)


_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
from interfere_cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
@pytest.mark.parametrize("command", ["gradients", "importance", "deltas", "experiment", "trajectory"])
def test_a_full_disk_is_said_and_the_run_goes_on_afterwards(
    bert: Path, plain: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["--data", str(plain.parent / "texts"), "--output-dir", "run", "--quiet"]
    own = {
        "gradients": ["--model", bert, "--chunks", "4", "--tokens-per-chunk", "20"],
        "importance": ["--model", bert, "--chunks", "4", "--tokens-per-chunk", "20"],
        "deltas": ["--multilingual", bert, "--monolingual", f"de={bert}", "--documents", "20"],
        "experiment": ["--widths", "8", "--context", "16", "--batch-size", "2", "--updates", "6", "--seeds", "1"],
        "trajectory": ["--checkpoints", bert, "--chunks", "4", "--tokens-per-chunk", "20"],
    }[command]
    said = []
    for most in (300, 20_000):
        resume = ["--resume"] if (tmp_path / "run.part").is_dir() and command != "trajectory" else []
        done = subprocess.run(
            [sys.executable, "-c", _LIMITED, str(most), command, *map(str, own), *texts, *resume],
            cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("interfere: ")
        assert len(done.stderr.strip().split("\n")) <= 2
        assert command == "trajectory" or not (tmp_path / "run").exists()
        said.append(done.stderr)
    resume = ["--resume"] if (tmp_path / "run.part").is_dir() and command != "trajectory" else []
    monkeypatch.chdir(tmp_path)
    done_at_last = run(command, *own, *texts, *resume)
    assert done_at_last.exit_code == 0, (said, done_at_last.output)


@pytest.mark.parametrize("command", ["gradients", "deltas", "experiment", "trajectory", "importance"])
def test_an_output_folder_that_cannot_be_written(bert: Path, plain: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")
    own = {
        "deltas": ["--multilingual", bert, "--monolingual", f"de={bert}"],
        "experiment": ["--widths", "8", "--context", "16", "--batch-size", "2", "--updates", "6", "--seeds", "1"],
        "trajectory": ["--checkpoints", bert, *FAST],
    }.get(command, ["--model", bert, *FAST])
    done = run(command, *own, "--data", plain.parent / "texts", "--output-dir", tmp_path / "file" / "run")
    assert done.exit_code == 3, done.output
    assert done.stderr.startswith("interfere: cannot write to")
    assert "Traceback" not in done.output
