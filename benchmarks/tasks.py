"""`python -m benchmarks.tasks --experiment RUN --output DIR`: a labelled task on real text, with matched models.

Which part of the GNOME documentation is a paragraph from? The models are those that an experiment has trained (such as
`python -m benchmarks.experiment encoder`): fine-tuned, the one of all languages on each of them, the monolingual ones
on their own, and scored within and across languages.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.assets import gnome_guides, gnome_text
from interfere.corpus import read_corpus
from interfere.report import write_run
from interfere.results import RunDirectory, load_result
from interfere.settings import TaskSettings
from interfere.tasks import TaskModel, analyze_task_deltas, read_labelled

GUIDES = ("files", "hardware", "net", "prefs")
"""The guides with more than thirty pages each."""

TEST = 3  # every third page is of the test set, so that no page is on both sides


def write_guides(languages: list[str], folder: Path) -> dict[str, Counter[str]]:
    """Write `LANG.train.jsonl` and `LANG.test.jsonl` of paragraphs with the guide that their page stands under.

    Returns:
        Part → guide → paragraphs of one language; all have the same.
    """
    guides = gnome_guides()
    gnome_text(languages, folder / "text")
    corpus = read_corpus(folder / "text", languages)
    pages = {g: sorted(p for p, own in guides.items() if own == g) for g in GUIDES}
    held_out = {page for own in pages.values() for page in own[::TEST]}
    labelled = folder / "labelled"
    labelled.mkdir(parents=True)
    counts = {"train": Counter[str](), "test": Counter[str]()}
    for language in languages:
        rows: dict[str, list[str]] = {"train": [], "test": []}
        for document in corpus.documents[language]:
            guide = guides.get(document.source or "")
            if guide in GUIDES:
                part = "test" if document.source in held_out else "train"
                row = {"id": document.id, "text": document.text, "label": guide}
                rows[part].append(json.dumps(row, ensure_ascii=False))
                counts[part][guide] += language == languages[0]
        for part, lines in rows.items():
            (labelled / f"{language}.{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", type=Path, required=True, help="a run with models of all languages and of each")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    trained = load_result(given.experiment)
    models = trained.tables["models"]
    languages = list(trained.languages)
    first = models[models["seed"] == models["seed"].min()].set_index("mixture")["folder"]
    folder = given.output.with_name(given.output.name + ".text")
    for part, guides in write_guides(languages, folder).items():
        print(part, dict(guides))
    run = RunDirectory.check(given.output).open()
    began = time.monotonic()
    result = analyze_task_deltas(
        {"all": TaskModel(str(first["+".join(languages)]))},
        {language: TaskModel(str(first[language])) for language in languages},
        read_labelled(folder / "labelled", "text-classification"),
        TaskSettings("text-classification", seeds=given.seeds, epochs=given.epochs, learning_rate=1e-3),
        workdir=run.work,
        command=shlex.join(["python", "-m", "benchmarks.tasks", *sys.argv[1:]]),
    )
    write_run(result, run.path)
    run.finish()
    print(f"{time.monotonic() - began:.0f} s: {given.output}")
    print(result.tables["task_scores"].to_string())
    print(result.tables["task_deltas"].to_string())


if __name__ == "__main__":
    main()
