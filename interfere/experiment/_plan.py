"""Which models an experiment trains, and which of them are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interfere.checkpoint import check_device
from interfere.errors import InputError, RunError
from interfere.experiment._prepare import Prepared, document_starts
from interfere.experiment._presets import (
    config_width,
    make_config,
    mask_id,
    plain_config,
    tag_ids,
    type_ids_are_tokens,
)
from interfere.experiment._spec import JobSpec, Kind, Member, total_updates
from interfere.experiment._tokenizer import BOS, language_tag, load_experiment_tokenizer
from interfere.settings import ExperimentSettings

_FIRST_CHECKPOINT = 0.03
"""Share of the training after which the first of several checkpoints is kept: conflict changes most at the start."""

_PLAIN = re.compile(r"[A-Za-z0-9_]{1,20}")


@dataclass(frozen=True)
class Match:
    """Two models that differ in nothing but what a language was trained with.

    Args:
        language: the language, as the corpus calls it; its member has the same name in both.
        mixture: the model of several languages.
        mono: the model of this one alone.
    """

    language: str
    mixture: JobSpec
    mono: JobSpec


def plan_jobs(settings: ExperimentSettings, prepared: Prepared, folder: str | Path) -> list[JobSpec]:
    """List the models of an experiment.

    Args:
        settings: what to train.
        prepared: its text.
        folder: where models go, each in a folder of its name.

    Returns:
        Every model once, monolingual ones first.

    Raises:
        InputError: pairs name a language that is not there, there are too few languages for a mixture, the
            architecture cannot be made, or there is no such device.
        RunError: a language has less training text than one sequence.
    """
    check_device(settings.device)
    planning = _Planning.of(settings, prepared, Path(folder))
    mixtures = list(_mixtures(settings, list(prepared.streams)))
    jobs = [
        planning.job(kind, languages, share, width, settings.seed + turn)
        for kind, languages in mixtures
        for width in (settings.widths or (None,))
        for share in settings.text
        for turn in range(settings.seeds)
    ]
    return list({job.name: job for job in jobs}.values())


def matched_models(specs: Sequence[JobSpec]) -> list[Match]:
    """Pair every mixture with the monolingual model of each of its languages.

    Of a half or a clone only the language itself is compared: its partner is there to be a neighbour.
    """
    of_kind: dict[Kind, Kind] = {"half": "half-mono", "clone": "clone-mono"}
    mono = {(each.kind, each.members[0].name, _setting(each)): each for each in specs if len(each.members) == 1}
    found = []
    for spec in specs:
        members = spec.members[:1] if spec.kind in of_kind else spec.members
        for member in members if len(spec.members) > 1 else ():
            single = mono.get((of_kind.get(spec.kind, "mono"), member.name, _setting(spec)))
            if single is not None:
                found.append(Match(member.language, spec, single))
    return found


def checkpoint_updates(count: int, updates: int) -> tuple[int, ...]:
    """After which updates a model is kept: at distances that grow by a constant factor, and at the end."""
    exponents = [1 - i / (count - 1) for i in range(count)] if count > 1 else [0.0]
    return tuple(sorted({max(1, round(updates * _FIRST_CHECKPOINT**exponent)) for exponent in exponents}))


def updates_per_language(settings: ExperimentSettings, prepared: Prepared) -> dict[str, int]:
    """How many updates each language takes part in, in any mixture."""
    sizes = {language: stream.bytes for language, stream in prepared.streams.items()}
    mean = sum(sizes.values()) / len(sizes)
    power = 0.0 if settings.temperature is None else 1 / settings.temperature
    return {language: max(1, round(settings.updates * (size / mean) ** power)) for language, size in sizes.items()}


def _setting(spec: JobSpec) -> tuple[int, float, int]:
    return spec.width, spec.text, spec.seed


def _mixtures(settings: ExperimentSettings, languages: list[str]) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    asked = set(settings.mixtures)
    least = {"pairs": 2, "triples": 3, "all": 2}
    for mixture, count in least.items():
        if mixture in asked and len(languages) < count:
            raise InputError(f"--mixtures {mixture}: there are {len(languages)} languages; give at least {count}")
    if asked & {"mono", *least}:
        yield from (("mono", (language,)) for language in languages)
    for control in ("half", "clone"):
        if control in asked:
            for language in languages:
                yield ("half-mono" if control == "half" else "clone-mono"), (language,)
            for language in languages:
                yield ("half" if control == "half" else "clone"), (language,)
    if "pairs" in asked:
        yield from (("pair", pair) for pair in _pairs(settings.pairs, languages))
    if "triples" in asked:
        yield from (("triple", three) for three in combinations(languages, 3))
    if "all" in asked:
        yield "all", tuple(languages)


def _pairs(named: tuple[str, ...] | None, languages: list[str]) -> list[tuple[str, ...]]:
    if named is None:
        return list(combinations(languages, 2))
    found = []
    for name in named:
        # Names of languages may hold a hyphen themselves, such as pt-BR.
        cuts = [(name[:place], name[place + 1 :]) for place, letter in enumerate(name) if letter == "-"]
        fitting = [
            tuple(sorted(cut)) for cut in cuts if cut[0] in languages and cut[1] in languages and cut[0] != cut[1]
        ]
        if len(fitting) != 1:
            raise InputError(
                f"--pairs {name!r}: give two different languages of {', '.join(languages)}, joined by a hyphen"
            )
        found.append(fitting[0])
    return sorted(set(found))


@dataclass(frozen=True)
class _Planning:
    """What the plans of all models share."""

    settings: ExperimentSettings
    prepared: Prepared
    folder: Path
    tokenizer: Any
    updates: Mapping[str, int]
    starts: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, settings: ExperimentSettings, prepared: Prepared, folder: Path) -> _Planning:
        tokenizer = load_experiment_tokenizer(prepared.tokenizer)
        bos = int(tokenizer.convert_tokens_to_ids(BOS))
        return cls(
            settings,
            prepared,
            folder.resolve(),
            tokenizer,
            updates_per_language(settings, prepared),
            {language: document_starts(stream, bos) for language, stream in prepared.streams.items()},
        )

    def job(self, kind: Kind, languages: tuple[str, ...], share: float, width: int | None, seed: int) -> JobSpec:
        settings = self.settings
        copies = 2 if kind.startswith("clone") else 1
        tags = self.prepared.tags
        config = make_config(settings, self.tokenizer, tags, width=width, copies=copies)
        members = tuple(self._members(kind, languages, share, type_ids_are_tokens(config)))
        name = f"{self._label(kind, languages)}-w{config_width(config)}-t{share:g}-s{seed}"
        return JobSpec(
            name=name,
            kind=kind,
            folder=str(self.folder / name),
            members=members,
            architecture=settings.architecture,
            config=plain_config(config),
            tokenizer=str(self.prepared.tokenizer),
            bos_id=int(self.tokenizer.convert_tokens_to_ids(BOS)),
            mask_id=mask_id(self.tokenizer),
            width=config_width(config),
            text=share,
            seed=seed,
            context=settings.context,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            warmup=settings.warmup,
            schedule=settings.schedule,
            weight_decay=settings.weight_decay,
            joint=settings.joint,
            mask_rate=settings.mask_rate,
            checkpoints=checkpoint_updates(settings.checkpoints, total_updates(members, settings.joint)),
            threads=settings.threads,
            device=settings.device,
        )

    def _label(self, kind: Kind, languages: tuple[str, ...]) -> str:
        if kind == "all":
            return "all"
        numbers = {language: index for index, language in enumerate(self.prepared.streams)}
        # A name that a file system may not take, or that means something here, gives way to the language's number.
        plain = [name if _PLAIN.fullmatch(name) and name != "all" else f"@{numbers[name]}" for name in languages]
        control, _, alone = kind.partition("-")
        if control in ("half", "clone"):
            return f"{control}.{plain[0]}" + ("" if alone else f"+{control}")
        return "+".join(plain)

    def _members(
        self, kind: Kind, languages: tuple[str, ...], share: float, types_are_tokens: bool
    ) -> Iterator[Member]:
        if not kind.startswith(("half", "clone")):
            yield from (self._member(language, share, types_are_tokens) for language in languages)
            return
        halved = kind.startswith("half")
        own = self._member(languages[0], share, types_are_tokens, half=0 if halved else None)
        yield own
        if kind == "half":
            other = self._member(languages[0], share, types_are_tokens, half=1)
            yield replace(other, name=f"{own.language}/half")
        elif kind == "clone":
            shift = self.prepared.vocabulary
            kinds = shift if types_are_tokens else self.prepared.tags
            yield replace(
                own,
                name=f"{own.language}/clone",
                shift=shift,
                begin_id=own.begin_id + shift,
                type_id=None if own.type_id is None else own.type_id + kinds,
            )

    def _member(self, language: str, share: float, types_are_tokens: bool, half: int | None = None) -> Member:
        stream, settings = self.prepared.streams[language], self.settings
        # The second half of a language's text has a tag of its own, after those of all languages.
        number = list(self.prepared.streams).index(language) + (len(self.prepared.streams) if half == 1 else 0)
        (tag,) = tag_ids(self.tokenizer, [language_tag(number)])
        bos = int(self.tokenizer.convert_tokens_to_ids(BOS))
        start, stop = self._part(language, share, half)
        if stop - start <= settings.context:
            raise RunError(
                f"language {language!r} has {stop - start} tokens of training text in a share of {share:g}"
                f"{' and a half of it' if half is not None else ''}, and a sequence takes {settings.context}; "
                "give more text, or a smaller --context"
            )
        return Member(
            name=language,
            language=language,
            tokens=stream.path,
            sha256=stream.sha256,
            start=start,
            stop=stop,
            updates=self.updates[language],
            begin_id=tag if settings.signal == "tag" else bos,
            type_id=None if settings.signal != "embedding" else tag if types_are_tokens else number,
            shift=0,
        )

    def _part(self, language: str, share: float, half: int | None) -> tuple[int, int]:
        """Where a share of a language's text, or one half of that, begins and ends: whole documents."""
        ends = np.append(self.starts[language][1:], self.prepared.streams[language].tokens)
        stop = int(ends[np.argmin(np.abs(ends - share * ends[-1]))])
        if half is None:
            return 0, stop
        middle = int(ends[np.argmin(np.abs(ends - stop / 2))])
        return (0, middle) if half == 0 else (middle, stop)
