"""Whether two runs can be compared, and what a reader has to know of how they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interfere.results import Result

COMPARABLE = ("gradients", "importance", "deltas")
"""Kinds of results that are compared."""

_READING = ("chunks", "tokens_per_chunk", "mask_passes", "max_length", "seed", "alignment", "objective")
_MUST_AGREE: Mapping[str, Sequence[str]] = {
    "gradients": (*_READING, "scope", "granularity"),
    "importance": (*_READING, "top"),
    "deltas": ("objective", "documents", "max_length", "stride", "mask_passes", "whole_word", "seed"),
}

_INSTEAD: Mapping[str, str] = {
    "tasks": "the run keeps scores, not what was right and wrong item by item, which an interval of the difference "
    "needs; give both checkpoints to one run (the earlier one as --monolingual of each language), whose table "
    "task_deltas pairs them item by item",
    "experiment": "an experiment trains its own models, and keeps no bits per document, which an interval of the "
    "difference needs; give the models of both, which are in their folders models/, to interfere deltas",
    "trajectory": "a trajectory is of several checkpoints itself, and its own report says what changed; compare runs "
    "of interfere gradients of two of them",
    "comparison": "it is itself a comparison; compare the runs that it was made from",
}

_NO_MATTER = ("batch_size", "device", "memory_budget", "gradient_checkpointing", "shard", "loss_path", "scoring")
"""Settings that change cost and not results."""

_MATTERS: Mapping[str, str] = {
    "dtype": "weights and gradients have another precision",
    "gram": "one of them sketches gradients, with an error that is in the intervals",
    "sketch_size": "sketches have another size, and another error, which is in the intervals",
    "margin": "verdicts of the runs hold neutral against another margin; changes are held against the first run's",
    "mixture": "mixture residuals are of other mixtures and are not compared",
    "adam_state": "the metric adam weighs by another optimizer state: part of a change may be one of the metric",
    "adam_floor": "the metric adam has another floor: part of a change may be one of the metric",
}


def reasons_against(a: Result, b: Result) -> list[str]:
    """Why two runs cannot be compared, each in a clause; none where they can.

    Args:
        a: the first run.
        b: the second.
    """
    if a.kind != b.kind:
        return [f"one is of kind {a.kind}, the other of kind {b.kind}"]
    if a.kind not in COMPARABLE:
        why = _INSTEAD.get(a.kind, f"only runs of kind {', '.join(COMPARABLE)} can")
        return [f"they are of kind {a.kind}: {why}"]
    shared, fewest = common_languages(a, b), 1 if a.kind == "deltas" else 2
    if len(shared) < fewest:
        both = f"{len(shared)} language{'s' * (len(shared) != 1)}"
        return [
            f"they have {both} in common and need {fewest} (the first has {_some(a.languages)}; "
            f"the second {_some(b.languages)})"
        ]
    return [*_other_text(a, b, shared), *_other_settings(a, b), *_other_parts(a, b, shared)]


def common_languages(a: Result, b: Result) -> list[str]:
    """The languages of both runs, in the order of the first."""
    return [language for language in a.languages if language in set(b.languages)]


def _other_text(a: Result, b: Result, shared: Sequence[str]) -> list[str]:
    digests = {language: [run.data.get(language, {}).get("sha256") for run in (a, b)] for language in shared}
    unknown = [language for language, pair in digests.items() if None in pair]
    other = [language for language, pair in digests.items() if None not in pair and pair[0] != pair[1]]
    out = [f"they read other text in {_some(other)} (the SHA-256 of the documents differ)"] if other else []
    return [*out, f"it is not recorded which text they read in {_some(unknown)}"] if unknown else out


def _other_settings(a: Result, b: Result) -> list[str]:
    out = []
    for key in _MUST_AGREE[a.kind]:
        one, two = (_plain(run.settings.get(key)) for run in (a, b))
        if one != two:
            out.append(f"{_option(key)} is {_said(one)} in the first and {_said(two)} in the second")
    key = {"gradients": "metrics", "importance": "methods"}.get(a.kind, "")
    if key and not set(a.settings.get(key, ())) & set(b.settings.get(key, ())):
        one, two = (_some(run.settings.get(key, ())) for run in (a, b))
        out.append(f"they have no {key} in common ({one}; {two})")
    return out


def _other_parts(a: Result, b: Result, shared: Sequence[str]) -> list[str]:
    """Whether slot by slot, or document by document, the very same text was read."""
    if a.kind == "deltas":
        return _other_documents(a, b, shared)
    lacking = [word for word, run in (("first", a), ("second", b)) if "chunks" not in run.tables or not run.arrays]
    if lacking:
        return [f"the {word} has lost its arrays or its table of chunks" for word in lacking]
    tables = [run.tables["chunks"] for run in (a, b)]
    parts = [
        {(r["language"], r["slot"]): r for r in table.to_dict(orient="records") if r["language"] in set(shared)}
        for table in tables
    ]
    dealt = _where(parts, lambda row: row["lines"])
    if dealt:
        return [f"their slots hold other documents of {_some(dealt)}"]
    cut = _where(parts, lambda row: (row["tokens"], row["bytes"]))
    return [f"their tokenizers cut the same documents of {_some(cut)} into other tokens"] if cut else []


def _other_documents(a: Result, b: Result, shared: Sequence[str]) -> list[str]:
    """Whether the same documents were drawn, and the models that both runs have were measured by the same loss."""
    lines, objectives = [], []
    for run in (a, b):
        table = run.tables["documents"]
        lines.append({language: set(own["line"]) for language, own in table.groupby("language")})
        objectives.append(dict(zip(run.tables["models"]["model"], run.tables["models"]["objective"], strict=True)))
    other = [language for language in shared if lines[0].get(language) != lines[1].get(language)]
    out = [f"they read other documents of {_some(other)}"] if other else []
    losses = [name for name in objectives[0] if objectives[0][name] != objectives[1].get(name, objectives[0][name])]
    return [*out, f"the objective of the model {_some(losses)} is another one"] if losses else out


def _where(parts: Sequence[Mapping[Any, Any]], what: Callable[[Any], Any]) -> list[str]:
    """Languages of which a slot is not the same in both runs."""
    keys = dict.fromkeys([*parts[0], *parts[1]])
    differ = [key for key in keys if key not in parts[0] or key not in parts[1]]
    differ += [key for key in keys if key not in differ and what(parts[0][key]) != what(parts[1][key])]
    return list(dict.fromkeys(str(language) for language, _ in differ))


def settings_that_differ(a: Result, b: Result) -> dict[str, list[Any]]:
    """Setting → its value in each run, where these differ."""
    keys = dict.fromkeys([*a.settings, *b.settings])
    pairs = {key: [_plain(run.settings.get(key)) for run in (a, b)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def agreement_warnings(a: Result, b: Result) -> list[str]:
    """Sentences on what differs between two runs that can be compared.

    Args:
        a: the first run.
        b: the second.
    """
    out = []
    if a.model.get("weights_sha256") is not None and a.model.get("weights_sha256") == b.model.get("weights_sha256"):
        out.append("Both runs are of the same weights: what differs between them is not the checkpoint.")
    out += _heads(a, b)
    for key in ("architecture", "parameters"):
        one, two = a.model.get(key), b.model.get(key)
        if one != two:
            out.append(f"The checkpoints have another {_noun(key)}: {_said(one)} and {_said(two)}.")
    for run, other, word in ((a, b, "first"), (b, a, "second")):
        alone = [language for language in run.languages if language not in set(other.languages)]
        if alone:
            out.append(f"Only the {word} run has {_some(alone)}: not compared.")
    for key, (one, two) in settings_that_differ(a, b).items():
        if key in _MATTERS:
            out.append(
                f"{_option(key)} is {_said(one)} in the first run and {_said(two)} in the second: {_MATTERS[key]}."
            )
    return out


def _heads(a: Result, b: Result) -> list[str]:
    """A sentence if the runs are under heads that were trained for them, and not under the same one."""
    heads = [run.model.get("head") or {} for run in (a, b)]
    if heads[0].get("sha256") == heads[1].get("sha256"):
        return []
    if not all(heads):
        whose = f"The {'first' if heads[0] else 'second'} run is under a head that was trained for it"
    else:
        whose = "Each run is under a head that was trained for it"
        steps = [head.get("steps") for head in heads]
        whose += f", in {_said(steps[0])} and {_said(steps[1])} steps" if steps[0] != steps[1] else ""
    return [f"{whose} (--head train): part of a change may be the head's."]


def only_one_has(what: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Sentences on names that only one of the runs has.

    Args:
        what: what they name, in the plural.
        before: of the first run.
        after: of the second.
    """
    sides = (
        ("first", [n for n in before if n not in set(after)]),
        ("second", [n for n in after if n not in set(before)]),
    )
    return [f"Only the {word} run has the {what} {_some(names)}: not compared." for word, names in sides if names]


def recorded_differences(a: Result, b: Result) -> dict[str, list[Any]]:
    """What differs in the settings of two runs and is worth keeping."""
    return {key: pair for key, pair in settings_that_differ(a, b).items() if key not in _NO_MATTER}


def _some(names: Sequence[Any], most: int = 8) -> str:
    shown = [str(name) for name in names[:most]]
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    parts = [*shown, *more]
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}" if parts else "none"


def _plain(value: Any) -> Any:
    """A setting as JSON gives it back, so that a run just made and one that was loaded are alike."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _option(key: str) -> str:
    recorded = {"objective": "the objective", "alignment": "what tells documents apart", "metrics": "--metric"}
    return recorded.get(key, f"--{key.replace('_', '-')}")


def _noun(key: str) -> str:
    return {"parameters": "number of parameters"}.get(key, key)


def _said(value: Any) -> str:
    return "not set" if value is None else f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
