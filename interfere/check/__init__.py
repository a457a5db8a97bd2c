"""Checks that CI can rely on: a run held against a policy."""

from interfere.check._annotations import annotation_lines, error_annotation
from interfere.check._check import CheckReport, check_result
from interfere.check._document import check_document
from interfere.check._draft import draft_policy
from interfere.check._gate import Finding
from interfere.check._junit import junit_error, junit_xml
from interfere.check._policy import Policy, Rule, RunDemands
from interfere.check._quantities import INTERVALS
from interfere.check._read import parse_policy, read_policy
from interfere.check._summary import LIMIT, markdown_error, markdown_summary
from interfere.check._terminal import print_check
from interfere.check._verdict import Judged, Outcome

__all__ = [
    "INTERVALS",
    "LIMIT",
    "CheckReport",
    "Finding",
    "Judged",
    "Outcome",
    "Policy",
    "Rule",
    "RunDemands",
    "annotation_lines",
    "check_document",
    "check_result",
    "draft_policy",
    "error_annotation",
    "junit_error",
    "junit_xml",
    "markdown_error",
    "markdown_summary",
    "parse_policy",
    "print_check",
    "read_policy",
]
