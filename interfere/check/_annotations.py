"""A report as annotations of a GitHub workflow."""

from __future__ import annotations

from interfere.check._check import CheckReport
from interfere.check._words import why
from interfere.report import safe_text

_MOST = 10
"""GitHub shows this many errors and this many warnings of a step."""

_LONGEST = 1000


def annotation_lines(report: CheckReport, file: str | None = None) -> list[str]:
    """Workflow commands, one for each error and warning, the errors first.

    Nothing of a run or a policy can end a command or begin another.
    Source: "Workflow commands for GitHub Actions", https://docs.github.com/actions/reference/workflow-commands.

    Args:
        report: what to tell.
        file: the policy's path in the repository, to be shown with them.

    Returns:
        Lines to be printed; beyond the ten of a kind that GitHub shows, the last says how many more there are.
    """
    said: dict[str, list[tuple[str, str]]] = {"error": [], "warning": []}
    for finding in report.findings:
        said[finding.level].append(("The run", finding.text))
    for outcome in report.outcomes:
        if outcome.level:
            said[outcome.level].append((outcome.rule.name, why(outcome)))
    lines = []
    for level, own in said.items():
        shown = own if len(own) <= _MOST else own[: _MOST - 1]
        lines += [_command(level, title, text, file) for title, text in shown]
        if len(own) > len(shown):
            lines.append(_command(level, "interfere check", f"and {len(own) - len(shown)} more", file))
    return lines


def error_annotation(message: str) -> str:
    """The annotation of a check that could not be made.

    Args:
        message: why.
    """
    return _command("error", "interfere check", message, None)


def _command(level: str, title: str, text: str, file: str | None) -> str:
    properties = {"file": file} if file else {}
    properties["title"] = title
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_data(text)}"


def _data(text: str) -> str:
    # Cut before escaping, so that no escape is cut in two.
    return _harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _harmless(text: str) -> str:
    plain = safe_text(text)
    plain = plain if len(plain) <= _LONGEST else plain[:_LONGEST] + "…"
    # The older form of commands is recognised anywhere in a line.
    return plain.replace("##[", "# #[")
