"""A report as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from interfere.check._check import CheckReport
from interfere.check._verdict import Outcome
from interfere.check._words import condition, judged_by, row_words, why
from interfere.report import safe_text

_ROWS = 100
"""Rows of a rule that are told one by one."""

_SUITE = "interfere check"


def junit_xml(report: CheckReport) -> str:
    """A test case for the run as a whole and one for each rule.

    What fails the check is a `failure`; a rule that some rows leave undetermined is `skipped`; warnings pass, with the
    words as their output. Characters that XML cannot hold become U+FFFD.

    Args:
        report: what to tell.
    """
    suite = Xml.Element("testsuite", name=_SUITE)
    errors = [finding.text for finding in report.findings if finding.level == "error"]
    warnings = [finding.text for finding in report.findings if finding.level == "warning"]
    whole = _case(suite, "run", "the run is whole")
    if errors:
        Xml.SubElement(whole, "failure", type="run", message=safe_text(errors[0])).text = _lines(errors)
    if warnings:
        Xml.SubElement(whole, "system-out").text = _lines(warnings)
    for outcome in report.outcomes:
        _rule_case(suite, outcome)
    return _finished(suite)


def junit_error(message: str) -> str:
    """The same of a check that could not be made: one test case with an error, so that no older report is read as new.

    Args:
        message: why.
    """
    suite = Xml.Element("testsuite", name=_SUITE)
    Xml.SubElement(_case(suite, "run", "the check can be made"), "error", type="input", message=safe_text(message))
    return _finished(suite)


def _case(suite: Xml.Element, table: str, name: str) -> Xml.Element:
    return Xml.SubElement(suite, "testcase", classname=safe_text(f"interfere.{table}"), name=safe_text(name), time="0")


def _rule_case(suite: Xml.Element, outcome: Outcome) -> None:
    case = _case(suite, outcome.rule.table, outcome.rule.name)
    message = safe_text(why(outcome))
    failing = outcome.not_passed
    lines = [f"{condition(outcome.rule)} ({judged_by(outcome)})"]
    lines += [f"{each.status}: {row_words(outcome, each)}" for each in failing[:_ROWS]]
    if len(failing) > _ROWS:
        lines.append(f"and {len(failing) - _ROWS:,} more rows")
    if outcome.level == "error":
        Xml.SubElement(case, "failure", type=outcome.status.replace(" ", "-"), message=message).text = _lines(lines)
    elif outcome.status == "undetermined":
        Xml.SubElement(case, "skipped", message=message)
    elif outcome.level == "warning":
        Xml.SubElement(case, "system-out").text = _lines([f"warning: {message}", *lines])
    else:
        Xml.SubElement(case, "system-out").text = message


def _lines(texts: list[str]) -> str:
    return "\n".join(safe_text(text) for text in texts)


def _finished(suite: Xml.Element) -> str:
    counts = {"tests": len(suite)}
    counts |= {f"{name}s": len(suite.findall(f"testcase/{name}")) for name in ("failure", "error")}
    counts["skipped"] = len(suite.findall("testcase/skipped"))
    root = Xml.Element("testsuites")
    for element in (root, suite):
        element.attrib.update({name: str(count) for name, count in counts.items()})
    root.append(suite)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"
