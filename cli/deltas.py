"""`interfere deltas`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfere.errors import InputError
from interfere.settings import EvaluationSettings

from ._options import (
    HOW,
    OUT,
    WHAT,
    BatchSizeOption,
    DataOption,
    DeviceOption,
    DtypeOption,
    LanguagesOption,
    OutputFormatOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    TrustRemoteCodeOption,
)
from ._processes import own_device, processes
from ._shared import parse_batch_size, parse_bytes, split_list, user_errors
from ._show import analyze_and_show

if TYPE_CHECKING:
    from interfere.deltas import Model

_DEFAULT = EvaluationSettings()


def deltas(
    multilingual: Annotated[
        list[str],
        typer.Option(
            help="A folder or hub name; or NAME=MODEL, several times, for a curve: bilingual=B, trilingual=T.",
            rich_help_panel=WHAT,
        ),
    ],
    monolingual: Annotated[
        list[str],
        typer.Option(
            help="LANGUAGE=MODEL, once a language; or LANGUAGE@BYTES=MODEL for models of several amounts of text, as "
            "in en@10MB=M1.",
            rich_help_panel=WHAT,
        ),
    ],
    data: DataOption = None,
    languages: LanguagesOption = None,
    documents: Annotated[
        str, typer.Option(help="Held-out documents that are read of each language, or all.", rich_help_panel=HOW)
    ] = str(_DEFAULT.documents),
    max_length: Annotated[
        int | None,
        typer.Option(help="Tokens of a window. Default: what the model takes, at most 512.", rich_help_panel=HOW),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="New tokens of each window of a long document. Default: half a window.", rich_help_panel=HOW),
    ] = None,
    mask_passes: Annotated[
        str,
        typer.Option(
            help="Masked LM: sets of tokens, together all of them, that are masked one after the other; or all: one "
            "token at a time.",
            rich_help_panel=HOW,
        ),
    ] = str(_DEFAULT.mask_passes),
    whole_word: Annotated[
        bool,
        typer.Option("--whole-word", help="Masked LM: mask whole words, to compare tokenizers.", rich_help_panel=HOW),
    ] = False,
    seed: SeedOption = _DEFAULT.seed,
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-deltas"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Measure how much better or worse a multilingual model is than monolingual ones, in bits per byte.

    All models read the same held-out documents, which none of them may have been trained on. Writes a run directory
    with report.html, results.json, a CSV for each table and figures, and prints what was found.

    Example: interfere deltas --multilingual M --monolingual en=M1 --monolingual de=M2 --data held-out/
    """
    with user_errors(), processes() as ranks:
        settings = EvaluationSettings(
            documents=_number_or_all(documents, "--documents"),
            max_length=max_length,
            stride=stride,
            mask_passes=_number_or_all(mask_passes, "--mask-passes"),
            whole_word=whole_word,
            batch_size=parse_batch_size(batch_size),
            seed=seed,
        )
        many, one = _multilingual(multilingual), _monolingual(monolingual)
        from interfere.corpus import read_corpus
        from interfere.deltas import list_models, require_text
        from interfere.results import RunDirectory

        run = ranks.decide(lambda: RunDirectory.check(output_dir, resume=resume, overwrite=overwrite))
        corpus = read_corpus(data, split_list(languages))
        require_text(list_models(many, one), corpus)
        from interfere.checkpoint import load_checkpoint
        from interfere.deltas import analyze_deltas

        load = partial(
            load_checkpoint, dtype=dtype, device=own_device(device, shard=False), trust_remote_code=trust_remote_code
        )
        analyze = partial(analyze_deltas, many, one, corpus, settings, load=load)
        analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)


def _number_or_all(text: str, option: str) -> int | None:
    """A whole number; None for `all`."""
    if text == "all":
        return None
    if not text.lstrip("-").isdecimal():
        raise InputError(f"{option} {text!r}: give a whole number, or all")
    return int(text)


def _multilingual(given: list[str]) -> dict[str, Model]:
    """Name → model, in the order that they were given."""
    out: dict[str, Model] = {}
    for item in given:
        name, equals, model = item.partition("=")
        # A folder may have the sign in its name.
        if not equals or Path(item).exists():
            name, model = "multilingual", item
        if not name or not model:
            raise InputError(f"--multilingual {item!r}: give a model, or NAME=MODEL")
        if name in out:
            raise InputError(f"--multilingual: two models are called {name!r}; name each, as in bilingual=FOLDER")
        out[name] = model
    return out


def _monolingual(given: list[str]) -> dict[str, Model | dict[float, Model]]:
    """Language → model, or bytes of text → model."""
    plain: dict[str, Model] = {}
    sized: dict[str, dict[float, Model]] = {}
    for item in given:
        name, equals, model = item.partition("=")
        if not equals or not name or not model:
            raise InputError(f"--monolingual {item!r}: give LANGUAGE=MODEL, as in en=FOLDER")
        language, at, text = name.partition("@")
        if language in plain or (not at and language in sized):
            raise InputError(
                f"--monolingual {item!r}: {language!r} has a model already; for several give the text that each was "
                f"trained on, as in {language}@10MB=FOLDER"
            )
        if not at:
            plain[language] = model
            continue
        size = float(parse_bytes(text, f"--monolingual {name}"))
        if size in sized.setdefault(language, {}):
            raise InputError(f"--monolingual {item!r}: {language!r} has a model of that much text already")
        sized[language][size] = model
    return {**plain, **sized}
