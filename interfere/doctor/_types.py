"""What an examination finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One question, and its answer.

    Args:
        name: the question's name, which stays.
        status: `ok`; `warn` where numbers of a run would have to be read with care; `fail` where they would mean
            nothing or a run would not get that far.
        sentence: what was found, what it means, and what to do about it.
        value: the number behind the answer, where there is one.
        limit: the number from which on the answer is another one, where there is one.
        languages: those that the answer is about; none where it is about all or about the model.
    """

    name: str
    status: Status
    sentence: str
    value: float | None = None
    limit: float | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The parameters of one kind in one layer.

    Args:
        layer: as in the results of an analysis: `encoder.3`, `embeddings`, `head`.
        kind: `attention`, `mlp`, `norm` and so on.
        tensors: how many tensors.
        parameters: how many numbers they hold, shared ones counted once.
        in_scope: whether their gradients would be measured.
    """

    layer: str
    kind: str
    tensors: int
    parameters: int
    in_scope: bool


@dataclass(frozen=True)
class LanguageFacts:
    """One language's text, as the tokenizer and the model see it; None where it could not be found out.

    Args:
        language: the language.
        documents: documents read.
        skipped: documents that were left out when the text was read: blank, or repeated.
        sampled: documents that the numbers from here on come from, spread evenly over the text.
        empty: of these, the documents in which nothing can be predicted.
        size: UTF-8 bytes of these.
        unknown: share of their tokens that are the unknown one.
        lost: share of their bytes, white space aside, that do not come back when the tokens are decoded.
        tokens_per_byte: tokens for each byte.
        tokens_per_character: tokens for each character.
        cut: share of them that are longer than the model is given.
        chunk_tokens: predicted tokens of a chunk, as a mean over the chunks that a run would read.
        loss: mean loss of a prediction on a few documents, in nats.
        guessing: this loss as a share of that of guessing every token alike.
    """

    language: str
    documents: int
    skipped: int
    sampled: int
    empty: int | None = None
    size: int | None = None
    unknown: float | None = None
    lost: float | None = None
    tokens_per_byte: float | None = None
    tokens_per_character: float | None = None
    cut: float | None = None
    chunk_tokens: float | None = None
    loss: float | None = None
    guessing: float | None = None


@dataclass(frozen=True)
class Overlap:
    """How alike the tokens of two languages are.

    Args:
        a: a language.
        b: another one, or the same.
        overlap: between one's half of the documents and the other's other half, both ways averaged; of a language with
            itself the ceiling that its other overlaps are read against.
    """

    a: str
    b: str
    overlap: float


@dataclass(frozen=True)
class SharedText:
    """Documents that two languages, or one language twice, have alike.

    Args:
        a: a language.
        b: another one; the same where documents repeat within it.
        exact: documents that are the same word for word.
        normalised: the same or all but the same: when case, white space and Unicode forms are not told apart.
        share: `normalised` as a share of the documents of whichever language has fewer.
    """

    a: str
    b: str
    exact: int
    normalised: int
    share: float


@dataclass(frozen=True)
class Gap:
    """How far a document's gradient in a padded batch is from its gradient alone.

    Args:
        document: which document, in words.
        group: a layer; `body` for all parameters in scope.
        difference: the norm of the difference as a share of the norm alone (and, for a layer, of a thousandth of the
            whole norm, so that a layer with all but no gradient is not judged by its rounding).
    """

    document: str
    group: str
    difference: float


@dataclass(frozen=True)
class Cost:
    """What `interfere gradients` would need with these settings; all but `disk` are estimates.

    Args:
        device: where the model is.
        gram: `exact` or `sketch`, as it would be chosen.
        chunks: chunks to be computed, those of the calibration slot included.
        tokens: padded tokens to be read.
        seconds: for the gradients of all chunks and their inner products, without loading and drawing.
        memory: bytes at the peak, on the device of the model.
        weights: of these, the parameters and buffers.
        gradients: of these, gradients, their sums and their vectors.
        activations: of these, what a microbatch keeps until its gradient is formed, and its logits.
        rest: of these, what is neither: libraries, text, and what is there for a moment; 0 on a device of its own.
        disk: bytes of vectors that lie in the run directory until the run is done.
    """

    device: str
    gram: str
    chunks: int
    tokens: int
    seconds: float
    memory: int
    weights: int
    gradients: int
    activations: int
    rest: int
    disk: int


@dataclass(frozen=True)
class Diagnosis:
    """What would be analysed, and whether it can be trusted.

    Args:
        model: id, revision, architecture, objective, number of parameters and hash of the checkpoint; the id alone
            where it did not load.
        settings: those that matter here, with what would be chosen for those left open.
        checks: in the order in which they were made.
        parts: parameters by layer and kind, in the model's order.
        languages: one row a language.
        overlap: one row a pair of languages and one a language.
        shared: pairs with documents alike, those with most first.
        gaps: for some documents, alone against in a padded batch.
        cost: None where nothing could be run.
    """

    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    checks: tuple[Check, ...]
    parts: tuple[Part, ...] = ()
    languages: tuple[LanguageFacts, ...] = ()
    overlap: tuple[Overlap, ...] = ()
    shared: tuple[SharedText, ...] = ()
    gaps: tuple[Gap, ...] = ()
    cost: Cost | None = None

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return self.count("fail") == 0

    def count(self, status: Status) -> int:
        """How many checks have a status."""
        return sum(check.status == status for check in self.checks)

    def check(self, name: str) -> Check | None:
        """The check of a name, None where it was not made."""
        return next((check for check in self.checks if check.name == name), None)
