"""One architecture from a saved checkpoint to gradients, importance and evaluation, each against plain autograd."""

from __future__ import annotations

import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from benchmarks.architectures import _reference as reference
from benchmarks.architectures._candidates import Candidate
from benchmarks.architectures._models import save_tiny, translates
from benchmarks.architectures._reference import Told
from interfere import GradientSettings, ImportanceSettings, analyze_gradients, analyze_importance, bundled_corpus
from interfere.checkpoint import Checkpoint, load_checkpoint
from interfere.corpus import Corpus, corpus_from_texts
from interfere.errors import InterfereError
from interfere.evaluation import evaluate
from interfere.runs import prepare_reading
from interfere.settings import EvaluationSettings

LANGUAGES = ("de", "ru")
SOURCE = "en"
"""What translation models translate from."""

TOLERANCE = 1e-3
"""How far a chunk's gradient, a score or a document's bits may be off, as a share of their size: float32 rounding of
models whose layers amplify it."""

_CHUNKS = 4
_DOCUMENTS = 12
_CHARACTERS = 32
_TOKENS = 90


@dataclass
class Row:
    """What was found of one architecture.

    Args:
        name: the class.
        task: the mapping that it is from.
        model_type: its config's.
        parameters: of the tiny model.
        objective: what interfere measures it with.
        loss_path: `fast` or `plain`.
        scoring: `batched` or `one by one`.
        checks: part → "" where it agrees with autograd, else what is wrong.
        limits: what is done in another way than with most, and why.
        left_out: why it was not tried.
        seconds: what all of it took.
    """

    name: str
    task: str
    model_type: str = ""
    parameters: int = 0
    objective: str = ""
    loss_path: str = ""
    scoring: str = ""
    checks: dict[str, str] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    left_out: str = ""
    seconds: float = 0.0

    @property
    def works(self) -> bool:
        """Whether everything that was tried agrees."""
        return not self.left_out and bool(self.checks) and not any(self.checks.values())


def check(candidate: Candidate) -> Row:
    """Make a tiny model of a class and measure it."""
    row = Row(
        candidate.name, candidate.task, candidate.model_class.config_class.model_type, left_out=candidate.left_out
    )
    if row.left_out:
        return row
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="interfere-") as folder:
        warnings.simplefilter("ignore")
        _Trial(candidate, row, Path(folder)).run()
    return row


class _Trial:
    """The parts of one check, and what they share."""

    def __init__(self, candidate: Candidate, row: Row, folder: Path) -> None:
        self.candidate, self.row, self.folder = candidate, row, folder
        texts = {
            language: [document.text for document in bundled_corpus().documents[language]]
            for language in (*LANGUAGES, SOURCE)
        }
        self.source = SOURCE if translates(candidate) else None
        self.training = [text for own in texts.values() for text in own]
        short = {name: [text[:_CHARACTERS] for text in own] for name, own in texts.items()}
        # Documents of nearly one length, so that each slot has as many.
        read = (*LANGUAGES, SOURCE) if self.source else LANGUAGES
        self.corpus: Corpus = corpus_from_texts({name: short[name][:_DOCUMENTS] for name in read})
        self.checkpoint: Checkpoint
        self.gradients: dict[int, list[dict[str, torch.Tensor]]] = {}

    def run(self) -> None:
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("checkpoint", self.load),
            ("gradient", self.gradient),
            ("batch size", self.batch_size),
            ("importance", self.importance),
            ("bits per byte", self.evaluation),
        )
        for name, step in steps:
            self.row.checks[name] = _said(step)
            if name == "checkpoint" and self.row.checks[name]:
                break

    def load(self) -> str:
        model = save_tiny(self.candidate, self.folder / "model", self.training)
        self.row.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.checkpoint = load_checkpoint(self.folder / "model")
        self.row.objective = self.checkpoint.objective
        if self.source and self.checkpoint.objective != "translation":
            return f"is taken for {self.checkpoint.objective}"
        if type(self.checkpoint.model) is not type(model):
            return f"loads as {type(self.checkpoint.model).__name__}"
        # The gradients that a model itself would not ask for are measured too.
        self.checkpoint.model.requires_grad_()
        own, saved = dict(self.checkpoint.model.named_parameters()), dict(model.named_parameters())
        apart = [name for name in saved if name not in own or not torch.equal(own[name], saved[name])]
        return f"loads with other weights in {apart[0]}" if apart else ""

    def gradient(self) -> str:
        result, found = self._gradients(batch_size=4)
        self.row.loss_path = result.settings["loss_path"]
        if self.row.loss_path != "fast":
            self.row.limits.append(result.settings.get("loss_path_reason", ""))
        if reason := result.settings.get("alone_reason"):
            self.row.limits.append(f"one document at a time: {reason}")
        reading = prepare_reading(self.checkpoint, self.corpus, "auto", self._settings(4))
        model = self.checkpoint.model
        names = list(found[0])
        for index, language in enumerate(LANGUAGES):
            chunk = reading.chunks[language, index]
            expected = reference.gradient(model, chunk.examples, names, self._told(language))
            apart = _apart(found[index], expected)
            if not apart <= TOLERANCE:
                worst = max(names, key=lambda name: float((found[index][name] - expected[name]).norm()))
                return f"the gradient is off by {apart:.2g}, most in {worst}"
            if not any(bool(own.any()) for own in expected.values()):
                return "the gradient is zero"
        self.found = found
        return ""

    def batch_size(self) -> str:
        if not hasattr(self, "found"):
            return "not compared"
        _, alone = self._gradients(batch_size=1)
        apart = max(_apart(a, b) for a, b in zip(self.found, alone, strict=True))
        return "" if apart <= TOLERANCE else f"4 documents at once and 1 differ by {apart:.2g}"

    def importance(self) -> str:
        settings = ImportanceSettings(
            chunks=_CHUNKS,
            tokens_per_chunk=_TOKENS,
            methods=("taylor", "fisher", "activation"),
            source_language=self.source,
        )
        result = analyze_importance(self.checkpoint, self.corpus, settings=settings)
        self.row.scoring = result.settings["scoring"]
        reading = prepare_reading(self.checkpoint, self.corpus, "auto", settings)
        units = result.tables["units"]
        tensors = units[units["kind"] == "tensor"]
        model = self.checkpoint.model
        parameters = dict(model.named_parameters())
        names = list(tensors["name"])
        for index, language in enumerate(LANGUAGES):
            examples = reading.chunks[language, index].examples
            slopes = dict.fromkeys(names, 0.0)
            squares = dict.fromkeys(names, 0.0)
            for example in examples:
                for name, own in reference.gradient(model, [example], names, self._told(language)).items():
                    slopes[name] += float((own * parameters[name].detach()).sum().abs()) / len(examples)
                    squares[name] += float(own.square().sum()) / len(examples)
            for method, expected in (("taylor", slopes), ("fisher", squares)):
                scores = result.arrays[method][result.languages.index(language), index]
                right = torch.tensor([expected[name] for name in names], dtype=torch.float64)
                own = torch.tensor(scores[tensors["start"].to_numpy()])
                # An expert that no token of the chunk reached has no score, and no gradient either.
                unseen = own.isnan()
                if bool(right[unseen].any()):
                    return f"{method} scores are missing of tensors that have a gradient"
                apart = float((own - right)[~unseen].norm() / right.norm())
                if not apart <= TOLERANCE:
                    return f"{method} scores of tensors are off by {apart:.2g}"
        return ""

    def evaluation(self) -> str:
        settings = EvaluationSettings(documents=2, mask_passes=3, source_language=self.source)
        documents = {language: own[:2] for language, own in self.corpus.documents.items() if language != SOURCE}
        found = evaluate(self.checkpoint, self.corpus, documents, settings, self.folder / "evaluation")
        for language in LANGUAGES:
            quality = found.quality[language]
            if quality.failed:
                return quality.failed
            expected = sum(
                reference.step_by_step(self.checkpoint.model, example, self._told(language))
                for example in quality.encoded[0].examples
            )
            apart = abs(quality.bits[0] - reference.bits(expected)) / reference.bits(expected)
            if not apart <= TOLERANCE:
                return f"the bits are off by {apart:.2g} of those token by token"
        return ""

    def _settings(self, batch_size: int) -> GradientSettings:
        return GradientSettings(
            chunks=_CHUNKS,
            tokens_per_chunk=_TOKENS,
            gram="exact",
            scope="all",
            batch_size=batch_size,
            source_language=self.source,
        )

    def _gradients(self, batch_size: int) -> tuple[Any, list[dict[str, torch.Tensor]]]:
        """The result, and the gradients of the first language's first chunk and of the second one's second."""
        folder = self.folder / f"gradients-{batch_size}"
        result = analyze_gradients(self.checkpoint, self.corpus, settings=self._settings(batch_size), workdir=folder)
        parameters = dict(self.checkpoint.model.named_parameters())
        tensors = result.tables["tensors"]
        out = []
        for index in range(len(LANGUAGES)):
            vectors: dict[str, torch.Tensor] = {}
            with safe_open(folder / f"chunk-{index:04d}-{index:04d}.safetensors", "pt") as file:
                for number, group in enumerate(result.array_groups["layer"]):
                    whole, place = file.get_tensor(f"vector/euclidean/{number}").double(), 0
                    for name in tensors[tensors["layer"] == group]["tensor"]:
                        size = parameters[name].numel()
                        vectors[name] = whole[place : place + size].view(parameters[name].shape)
                        place += size
            out.append(vectors)
        return result, out

    def _told(self, language: str) -> Told:
        """What a model is told beside the tokens, as its documentation has it."""
        config = self.checkpoint.model.config
        if config.model_type == "xmod":
            number = [name[:2] for name in config.languages].index(language)
            return lambda ids: {"lang_ids": torch.tensor([number])}
        if config.model_type == "xlm":
            return lambda ids: {"langs": torch.full_like(ids, config.lang2id[language])}
        if config.model_type == "xlnet":
            return lambda ids: {"perm_mask": torch.ones(1, ids.shape[1], ids.shape[1]).triu(1)}
        return lambda ids: {}


def _apart(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> float:
    """‖a − b‖ / ‖b‖."""
    difference = sum(float((found[name] - expected[name]).square().sum()) for name in expected)
    length = sum(float(own.square().sum()) for own in expected.values())
    return (difference / length) ** 0.5 if length else float(difference > 0)


def _said(step: Callable[[], str]) -> str:
    try:
        return step()
    except InterfereError as error:
        return f"refused: {error}"
    except Exception as error:
        place = _places(traceback.extract_tb(error.__traceback__))
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]} ({place})"


def _places(frames: Sequence[traceback.FrameSummary]) -> str:
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
