"""What one model is: everything that its training depends on, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from interfere.settings import Architecture, Schedule

Kind = Literal["mono", "pair", "triple", "all", "half-mono", "half", "clone-mono", "clone"]

_PLACES = ("folder", "tokenizer", "tokens")
"""Fields that say where something lies; a model is the same wherever it does."""


@dataclass(frozen=True)
class Member:
    """One language of a mixture.

    Args:
        name: what logs and objectives call it: the language, or `de/half`, `de/clone` for a control's partner.
        language: the language whose text it is.
        tokens: the file of its training text, token ids, shape (tokens,).
        sha256: of that file's ids.
        start: the first token of the file that is trained on.
        stop: the first one after it that is not.
        updates: updates that it takes part in.
        begin_id: the id that begins each sequence and document of it.
        type_id: its `token_type_ids` at every position; None: the model is given none.
        shift: added to the id of every token.
    """

    name: str
    language: str
    tokens: str
    sha256: str
    start: int
    stop: int
    updates: int
    begin_id: int
    type_id: int | None
    shift: int


@dataclass(frozen=True)
class JobSpec:
    """One model and its training, completely.

    Args:
        name: of the model, its folder's too: `de+sv-w32-t1-s0`.
        kind: which mixture it is.
        folder: where the finished model goes; it is trained in `folder.part`.
        members: the languages of the mixture.
        architecture: `decoder` or `encoder`.
        config: the model's config, JSON.
        tokenizer: the folder of the tokenizer.
        bos_id: the id that begins documents in the files of tokens.
        mask_id: the mask token's.
        width: the model's hidden size.
        text: share of the training text.
        seed: of the initial weights, the batches, the masks and the order.
        context: tokens of text in a sequence.
        batch_size: sequences of each language in an update.
        learning_rate: the highest.
        warmup: share of the updates.
        schedule: how the learning rate falls.
        weight_decay: of matrices.
        joint: whether an update holds all languages.
        mask_rate: share of tokens masked (encoder).
        checkpoints: updates after which the model is kept; the last is the end of the training.
        threads: of torch, on the CPU.
        device: where it is trained.
    """

    name: str
    kind: Kind
    folder: str
    members: tuple[Member, ...]
    architecture: Architecture
    config: Mapping[str, Any]
    tokenizer: str
    bos_id: int
    mask_id: int
    width: int
    text: float
    seed: int
    context: int
    batch_size: int
    learning_rate: float
    warmup: float
    schedule: Schedule
    weight_decay: float
    joint: bool
    mask_rate: float
    checkpoints: tuple[int, ...]
    threads: int
    device: str

    @property
    def updates(self) -> int:
        """Updates of the whole training."""
        return total_updates(self.members, self.joint)


def total_updates(members: tuple[Member, ...], joint: bool) -> int:
    """Updates of a training: joint updates hold several languages, the others one each."""
    counts = [member.updates for member in members]
    return max(counts) if joint else sum(counts)


def spec_to_json(spec: JobSpec) -> dict[str, Any]:
    """A spec as JSON."""
    document = asdict(replace(spec, config={}))
    return {
        **document,
        "config": dict(spec.config),
        "members": [asdict(member) for member in spec.members],
        "checkpoints": list(spec.checkpoints),
    }


def spec_from_json(document: Mapping[str, Any]) -> JobSpec:
    """The spec that `spec_to_json` wrote."""
    fields = dict(document)
    fields["members"] = tuple(Member(**member) for member in document["members"])
    fields["checkpoints"] = tuple(document["checkpoints"])
    return JobSpec(**fields)


def spec_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the fields in which two specs, as JSON, differ, but for the places of files."""
    return _changes(before, now, "")


def _changes(before: Any, now: Any, name: str) -> list[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [key for key in sorted(before.keys() | now.keys()) if key not in _PLACES]
        return [c for key in keys for c in _changes(before.get(key), now.get(key), f"{name}.{key}" if name else key)]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [change for index, (a, b) in pairs for change in _changes(a, b, f"{name}[{index}]")]
    return [] if before == now else [name]
