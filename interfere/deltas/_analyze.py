"""`analyze_deltas`: from checkpoints and held-out text to a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interfere.checkpoint import Checkpoint, load_checkpoint
from interfere.corpus import Corpus, Document, read_corpus
from interfere.deltas._models import Compared, Model, Monolingual, list_models, name_of, require_text
from interfere.deltas._record import Measured, make_result
from interfere.engine import ProgressCallback
from interfere.errors import InputError
from interfere.evaluation import draw_documents, encode_document, evaluate, evaluation_objective
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.runs import model_facts, shared_folder
from interfere.settings import EvaluationSettings

Load = Callable[[str | Path], Checkpoint]


def analyze_deltas(
    multilingual: Model | Mapping[str, Model],
    monolingual: Monolingual,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    settings: EvaluationSettings | None = None,
    *,
    load: Load = load_checkpoint,
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Measure how much better or worse a multilingual model is than monolingual ones, language by language.

    Quality is bits per byte on the same held-out documents; no model may have been trained on them, which nothing here
    can see. Two checkpoints differ in more than in what they share (data, size, seed), so a difference is called
    `worse` or `better` and not interference.

    Args:
        multilingual: a model, or name → model, in the order in which they make a curve (bilingual, trilingual, …).
        monolingual: language → its model, or language → bytes of its training text → model. Differences are against
            the model of the most text; the others say how much text the multilingual model is worth.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        settings: see `EvaluationSettings`.
        load: loads a model that is given by name.
        workdir: a folder for what is finished. If it holds what an interrupted run with the same settings, text and
            weights has finished, that is not computed again. None: a temporary folder.
        progress: called after each chunk with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `deltas`; see its tables `deltas`, `quality`, `models`, `documents` and `worth`.

    Raises:
        InputError: settings, text, languages or models are wrong, or models cannot be compared.
        RunError: a model cannot be loaded, text or memory does not suffice, or `workdir` is of another run.
    """
    settings = settings if settings is not None else EvaluationSettings()
    models = list_models(multilingual, monolingual)
    corpus = read_corpus(corpus)
    require_text(models, corpus)
    drawn = draw_documents(corpus, settings.documents, settings.seed)
    documents = {language: own for language, own in drawn.items() if language != settings.source_language}
    ranks = Ranks.current()
    loaded = _Loaded(load)
    # Each model is loaded twice, so that no hour is spent on one before another turns out not to fit.
    _require_comparable(models, loaded, corpus, documents, settings)
    measured: list[Measured] = []
    with shared_folder(workdir, ranks) as folder:
        for number, model in enumerate(models):
            checkpoint = loaded.get(model)
            evaluation = evaluate(
                checkpoint,
                corpus,
                _read_by(model, documents),
                settings,
                folder / f"model-{number:03d}",
                plan={"model": model.name, "role": model.role},
                phase=f"quality of {model.name}",
                ranks=ranks,
                progress=progress,
            )
            facts = model_facts(checkpoint, evaluation.objective)
            measured.append(Measured(model, facts, len(checkpoint.tokenizer), evaluation))
            device = next(checkpoint.model.parameters())
            environment = {"device": device.device.type, "dtype": str(device.dtype).removeprefix("torch.")}
    return make_result(measured, corpus, documents, settings, environment, command)


@dataclass
class _Loaded:
    """The last model that was loaded: no two of those given by name are in memory at a time."""

    load: Load
    name: str | Path | None = None
    checkpoint: Checkpoint | None = None

    def get(self, model: Compared) -> Checkpoint:
        if isinstance(model.model, Checkpoint):
            return model.model
        if self.checkpoint is None or self.name != model.model:
            # The old one goes before the new one comes.
            self.checkpoint = None
            self.checkpoint, self.name = self.load(model.model), model.model
        return self.checkpoint


def _read_by(model: Compared, documents: Mapping[str, Sequence[Document]]) -> dict[str, Sequence[Document]]:
    return {language: own for language, own in documents.items() if model.language in ("", language)}


def _require_comparable(
    models: Sequence[Compared],
    loaded: _Loaded,
    corpus: Corpus,
    documents: Mapping[str, Sequence[Document]],
    settings: EvaluationSettings,
) -> None:
    """Make sure that all models were trained for one objective and, where that matters, cut the text alike.

    Raises:
        InputError: they were not; the message names the two that differ.
    """
    first: tuple[str, str] | None = None
    pieces: dict[str, tuple[str, list[str]]] = {}
    # Models of one language stand together, so that of a language's models the multilingual ones come first.
    for model in models:
        checkpoint = loaded.get(model)
        objective = evaluation_objective(checkpoint, settings, corpus)
        if first is None:
            first = (name_of(model.model), objective.name)
        elif objective.name != first[1]:
            raise InputError(
                f"{name_of(model.model)} is made for {objective.name} and {first[0]} for {first[1]}: their bits per "
                "byte are not of the same kind; give models of one objective"
            )
        for language, own in _read_by(model, documents).items():
            cut = [encode_document(document, language, checkpoint, objective, settings).pieces for document in own]
            name, expected = pieces.setdefault(language, (name_of(model.model), cut))
            if cut != expected and not (objective.name == "causal-lm" or settings.whole_word):
                way = (
                    "give --whole-word, which hides whole words"
                    if objective.name == "masked-lm"
                    else "give models of one"
                )
                raise InputError(
                    f"{name_of(model.model)} cuts the text of {language!r} into other tokens than {name}, and what is "
                    f"left of a word tells the rest of it: {way}"
                )
