"""The main tables of runs for a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from interfere.report import _text as text
from interfere.report._joined import Run
from interfere.report._main import how_to_read, main_tables, measured
from interfere.report._page import Table
from interfere.report._plain import plain, right_to_left

_ROWS = 40
_WIDE = 48  # characters of a row that fit one of the two columns of a page
_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # At the beginning of a row these would be read as an argument of the \\ before it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Two of these in a row would become another character.
    "-": "{-}",
    ",": "{,}",
    "'": "{'}",
    "?": "{?}",
    "!": "{!}",
    "\u00a0": "~",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "·": r"\textperiodcentered{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "√": r"$\surd$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "Δ": r"$\Delta$",
    "ρ": r"$\rho$",
    "ℓ": r"$\ell$",
    "\ufffd": "?",
}
_RUNS = ("-", ",", "'", "?", "!")
_HEAD = (
    "% Needs \\usepackage{booktabs,graphicx} and, with pdfLaTeX, \\usepackage[T1]{fontenc}.",
    "% Wide tables are table*, which spans both columns of a page; one that is wider still is made smaller to fit.",
)
_OTHER_SCRIPTS = (
    "% Some names are not in the Latin script: compile with LuaLaTeX or XeLaTeX, and set a font that has them",
    "% (\\usepackage{fontspec} \\setmainfont{Noto Serif}, or \\babelfont for each script).",
)
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{"
_RIGHT_TO_LEFT = "% Some are written from right to left: \\usepackage[bidi=basic]{babel} with LuaLaTeX orders them."


def latex_report(runs: Sequence[Run], title: str | None = None) -> str:
    """A table environment in the style of booktabs for each main table.

    Args:
        runs: with their pages.
        title: is put before captions.
    """
    tables, said = [], ""
    for number, run in enumerate(runs, start=1):
        before = " ".join(part for part in (title, run.name if len(runs) > 1 else "") if part)
        for i, table in enumerate(main_tables(run.result, run.page), start=1):
            label = f"tab:interfere-{re.sub('[^a-z]', '', run.result.kind)}-{number}-{i}"
            notes = [*measured(run.result)[:-1], *how_to_read(run.result)]
            tables.append(_table(table, text.safe_text(before), label, notes))
            said += before + "".join(plain(cell) for row in table.rows for cell in row.cells)
    notes = [*_HEAD]
    if any(_other_script(c) for c in said):
        notes += [*_OTHER_SCRIPTS, *([_RIGHT_TO_LEFT] if right_to_left(said) else [])]
    return "\n".join(notes) + "\n\n" + "\n\n".join(tables) + "\n"


def escaped(words: str) -> str:
    """Words that TeX sets as they are.

    Args:
        words: one line.
    """
    out = []
    for i, c in enumerate(words):
        alone = c in _RUNS and c not in (words[i - 1 : i], words[i + 1 : i + 2])
        out.append(c if alone else _CHARACTERS.get(c, c))
    return "".join(out)


def _other_script(c: str) -> bool:
    is_letter = unicodedata.category(c)[0] == "L" and c not in _CHARACTERS
    return is_letter and "LATIN" not in unicodedata.name(c, "")


def _table(table: Table, before: str, label: str, notes: Sequence[str]) -> str:
    rows = table.rows[:_ROWS]
    environment = "table*" if _width(table) > _WIDE else "table"
    more = len(table.rows) - len(rows)
    caption = (f"{escaped(before)}: " if before else "") + escaped(plain(table.caption)) + "."
    below = [*notes, *([f"{more:,} more rows are in the CSV files of the run."] if more > 0 else [])]
    columns = "".join("l" if column.words or i == 0 else "r" for i, column in enumerate(table.columns))
    lines = [
        f"\\begin{{{environment}}}[t]",
        "\\centering\\small",
        f"\\caption{{{caption}}}",
        f"\\label{{{label}}}",
        f"{_FIT}\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        _row([plain(column.name) for column in table.columns]),
        "\\midrule",
        *(_row([plain(cell) for cell in row.cells]) for row in rows),
        "\\bottomrule",
        "\\end{tabular}}",
        f"\\par\\medskip\\parbox{{\\linewidth}}{{\\footnotesize {escaped(' '.join(below))}}}",
        f"\\end{{{environment}}}",
    ]
    return "\n".join(lines)


def _width(table: Table) -> int:
    """Characters of a row whose cells are all as wide as their column, with what is between them."""
    columns = zip([column.name for column in table.columns], *(row.cells for row in table.rows[:_ROWS]), strict=True)
    return sum(max(len(plain(cell)) for cell in cells) + 2 for cells in columns)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + " \\\\"
