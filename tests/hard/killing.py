"""Kills a command at random moments, resumes it, and compares what it wrote with an uninterrupted run.

Run as a program of its own: it imports everything once and starts every sitting as a fork of itself, which saves the
seconds that each import takes. It has no threads of its own when it forks.

    python -m tests.hard.killing FOLDER MOMENTS SEED COMMAND [OPTION...]

Prints how many of the sittings were killed before they were done; the exit code is 1 if a resumed run differs.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARYING = {"command", "environment", "seconds", "sittings", "date"}
"""What a second sitting may say otherwise: when, and how long it took."""


def sitting(arguments: list[str], log: Path) -> int:
    """Start a command in a process of its own and return the process's number."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        from interfere_cli import app

        sys.argv = ["interfere", *arguments]
        try:
            app(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    finally:
        os._exit(code)


def wait(pid: int) -> int:
    """The exit code of a process; minus the signal where one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(arguments: list[str], after: float, log: Path) -> bool:
    """Run a command, kill it after some seconds, and say whether that was before its end."""
    pid = sitting(arguments, log)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    code = wait(pid)
    assert code in (0, -signal.SIGKILL), f"{code}: {log.read_text()[-2000:]}"
    return code != 0


def resumed(arguments: list[str], out: Path, log: Path, *, always: bool = False) -> None:
    """Bring a command to its end, whatever a killed sitting has left."""
    if out.exists() and not always:
        return
    part = out.with_name(out.name + ".part")
    flag = ["--resume"] if part.is_dir() and not always else []
    code = wait(sitting([*arguments, *flag], log))
    assert code == 0, f"{code}: {log.read_text()[-2000:]}"


def plain(document: Any) -> Any:
    """A document without what may vary."""
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items() if key not in VARYING}
    return [plain(value) for value in document] if isinstance(document, list) else document


def differences(one: Path, other: Path) -> Iterator[str]:
    """Files of two finished runs that differ: arrays and weights in any bit, tables and results in any number."""
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    for name in sorted(names):
        a, b = one / name, other / name
        if not (a.is_file() and b.is_file()):
            yield f"{name} is in one of them only"
        elif name.suffix == ".json":
            if plain(json.loads(a.read_text("utf-8"))) != plain(json.loads(b.read_text("utf-8"))):
                yield str(name)
        elif name.suffix == ".csv":
            with a.open(encoding="utf-8", newline="") as first, b.open(encoding="utf-8", newline="") as second:
                if plain(list(csv.DictReader(first))) != plain(list(csv.DictReader(second))):
                    yield str(name)
        elif name.suffix in (".safetensors", ".npy") and a.read_bytes() != b.read_bytes():
            yield str(name)


def say(text: str) -> None:
    """Tell the test that started this program."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    folder, moments, seed, *arguments = sys.argv[1:]
    warnings.simplefilter("ignore")
    always = arguments[0] == "trajectory"
    # What a command imports on its way is imported once, here.
    import interfere_cli  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torch
    import transformers
    import transformers.models.bert.modeling_bert
    import transformers.models.gpt2.modeling_gpt2
    import transformers.models.llama.modeling_llama  # noqa: F401

    import interfere.deltas
    import interfere.experiment
    import interfere.gradients
    import interfere.importance
    import interfere.report._write
    import interfere.trajectory

    torch.set_num_threads(1)
    # They take most of a run's time, and show what the compared tables hold.
    interfere.report._write.write_figures = lambda *_: []
    where, log = Path(folder), Path(folder) / "log"
    target = where / "run"
    wait(sitting([*arguments, "--output-dir", str(where / "warm")], log))
    assert (where / "warm" / "results.json").is_file(), log.read_text()[-2000:]
    began = time.monotonic()
    resumed([*arguments, "--output-dir", str(target)], target, log)
    seconds = time.monotonic() - began
    whole = target.rename(where / "whole")
    draw, count, wrong = random.Random(int(seed)), 0, 0
    for moment in range(int(moments)):
        own = [*arguments, "--output-dir", str(target)]
        log.write_text("")
        after = draw.uniform(0.0, seconds)
        count += killed(own, after, log)
        resumed(own, target, log, always=always)
        found = list(differences(whole, target))
        if found:
            wrong += 1
            say(f"moment {moment}, after {after:.2f} s of {seconds:.2f}: {'; '.join(found[:5])}")
        shutil.rmtree(target)
        shutil.rmtree(target.with_name("run.part"), ignore_errors=True)
    say(f"{count} of {moments} killed before the end, {wrong} differ, {seconds:.1f} s a run")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
