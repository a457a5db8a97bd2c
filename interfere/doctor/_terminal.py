"""A diagnosis on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from interfere.doctor._types import Diagnosis, LanguageFacts, Overlap, Part, Status
from interfere.report import safe_text
from interfere.report._console import columns_table, heading
from interfere.report._text import UNKNOWN, count, number, share, short_names

_STYLES: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_LANGUAGE = 12
_MATRIX = 12
"""Languages of an overlap matrix that fits 80 columns; of more, the closest pairs are shown."""
_PAIRS = 10
_SHARED = 5
_LAYERS = 14


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print what would be analysed, the text, the checks, and the verdict.

    Args:
        diagnosis: what to tell.
        console: where it goes; its width is kept to.
    """
    for part in _parts(diagnosis):
        console.print(part, markup=False, highlight=False, emoji=False, soft_wrap=False)


def _parts(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    yield _title(diagnosis)
    names = short_names([row.language for row in diagnosis.languages], _LANGUAGE)
    if diagnosis.parts:
        yield heading("Parameters by layer and kind (* in scope)")
        yield _layers(diagnosis.parts)
    if diagnosis.languages:
        yield heading("Languages")
        yield _languages(diagnosis.languages, names)
        yield Text(
            "Per byte and per character: tokens. Unknown: of tokens. Lost: bytes that do not come back. Cut: of "
            "documents. Guess: the loss as a share of that of guessing.",
            style="dim",
        )
    if diagnosis.overlap:
        yield heading("Overlap of token frequencies (diagonal: with its own other half)")
        yield _overlap(diagnosis.overlap, names)
    if diagnosis.shared:
        yield heading("Documents alike")
        yield _shared(diagnosis, names)
    yield heading("Checks")
    yield _checks(diagnosis)
    yield Text(f"\n{verdict(diagnosis)}", style="green" if diagnosis.passed else "bold red")


def verdict(diagnosis: Diagnosis) -> str:
    """The last line."""
    counts = f"{len(diagnosis.checks)} checks: {diagnosis.count('ok')} ok, {diagnosis.count('warn')} warn, "
    counts += f"{diagnosis.count('fail')} fail"
    if not diagnosis.passed:
        return f"FAILED ({counts}): results would not mean what they say."
    rest = "; read the warnings first" if diagnosis.count("warn") else ""
    return f"PASSED ({counts}){rest}."


def _title(diagnosis: Diagnosis) -> Text:
    model = diagnosis.model
    words = safe_text(model["id"])
    if "architecture" in model:
        words += (
            f": {safe_text(model['architecture'])}, {safe_text(model['objective'])}, {model['parameters']:,} parameters"
        )
    return Text(words, style="bold")


def _layers(parts: Sequence[Part]) -> Table:
    kinds = list(dict.fromkeys(part.kind for part in parts))
    layers: dict[str, list[Part]] = {}
    for part in parts:
        layers.setdefault(part.layer, []).append(part)
    folded = _fold(layers)
    table = columns_table(("layer", "left"), *((kind, "right") for kind in kinds), ("all", "right"))
    shown = short_names([name for name, _ in folded], 24)
    for name, own in folded:
        cells = [sum(part.parameters for part in own if part.kind == kind) for kind in kinds]
        mark = "*" if all(part.in_scope for part in own) else " "
        table.add_row(
            Text(f"{mark} {shown[name]}"),
            *(Text(_compact(cell) if cell else "") for cell in cells),
            Text(_compact(sum(cells))),
        )
    return table


def _fold(layers: dict[str, list[Part]]) -> list[tuple[str, list[Part]]]:
    """Layers in a row that have the same numbers of parameters as one line, `encoder.0 … encoder.11 (each)`."""
    runs: list[tuple[list[str], list[Part]]] = []
    for layer, own in layers.items():
        previous = runs[-1] if runs else None
        if previous is not None and _shape(previous[1]) == _shape(own) and _stack(previous[0][-1]) == _stack(layer):
            previous[0].append(layer)
        else:
            runs.append(([layer], own))
    out = []
    for names, own in runs:
        name = names[0] if len(names) == 1 else f"{names[0]}–{names[-1].rpartition('.')[2]} (each)"
        out.append((safe_text(name), own))
    return out


def _shape(parts: Sequence[Part]) -> list[tuple[str, int, bool]]:
    return [(part.kind, part.parameters, part.in_scope) for part in parts]


def _stack(layer: str) -> str:
    return layer.rpartition(".")[0]


def _compact(value: int) -> str:
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g}{unit}" if value < 1000 * size else f"{value / size:.0f}{unit}"
    return str(value)


def _languages(rows: Sequence[LanguageFacts], names: dict[str, str]) -> Table:
    heads = ("docs", "chunk", "/byte", "/char", "unknown", "lost", "cut", "loss", "guess")
    table = columns_table(("language", "left"), *((head, "right") for head in heads))
    for row in rows:
        cells = (
            count(row.documents),
            _or(row.chunk_tokens, count),
            _or(row.tokens_per_byte, number),
            _or(row.tokens_per_character, number),
            _or(row.unknown, share),
            _or(row.lost, share),
            _or(row.cut, share),
            _or(row.loss, number),
            _or(row.guessing, share),
        )
        table.add_row(Text(names[row.language]), *map(Text, cells))
    return table


def _or(value: float | None, words: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else words(value)


def _overlap(rows: Sequence[Overlap], names: dict[str, str]) -> Table:
    languages = list(dict.fromkeys(row.a for row in rows if row.a == row.b))
    values = {(row.a, row.b): row.overlap for row in rows}
    if len(languages) > _MATRIX:
        table = columns_table(("pair", "left"), ("overlap", "right"), ("own halves", "right"))
        pairs = sorted((row for row in rows if row.a != row.b), key=lambda row: -row.overlap)[:_PAIRS]
        for row in pairs:
            own = f"{values[row.a, row.a]:.2f}, {values[row.b, row.b]:.2f}"
            table.add_row(Text(f"{names[row.a]} {names[row.b]}"), Text(f"{row.overlap:.2f}"), Text(own))
        return table
    short = short_names(languages, 5)
    table = columns_table(("", "left"), *((short[name], "right") for name in languages))
    for a in languages:
        cells = [values.get((a, b), values.get((b, a), float("nan"))) for b in languages]
        table.add_row(Text(names[a]), *(Text(number(cell)) for cell in cells))
    return table


def _shared(diagnosis: Diagnosis, names: dict[str, str]) -> Table:
    table = columns_table(("languages", "left"), ("exact", "right"), ("alike", "right"), ("share", "right"))
    for row in diagnosis.shared[:_SHARED]:
        pair = f"{names[row.a]}, {names[row.b]}" if row.a != row.b else f"{names[row.a]} (within)"
        table.add_row(Text(pair), Text(count(row.exact)), Text(count(row.normalised)), Text(share(row.share)))
    return table


def _checks(diagnosis: Diagnosis) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=4)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in diagnosis.checks:
        style = _STYLES[check.status]
        table.add_row(Text(check.status, style=style), Text(check.name), Text(safe_text(check.sentence)))
    return table
