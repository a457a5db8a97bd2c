"""Regular expressions from files that may come from anyone."""

from __future__ import annotations

import re

_LONGEST, _MOST_QUANTIFIERS = 300, 4


def is_tame(pattern: str) -> bool:
    """Whether a regular expression is matched in a time that does not explode.

    That is: few parts that may match in several ways, none of them repeated. What is optional counts like what is
    repeated, and so does a group, which may hold alternatives: thirty of either in a row are tried in 2³⁰ ways.

    Args:
        pattern: the expression, which need not be a valid one.
    """
    if len(pattern) > _LONGEST or len(re.findall(r"[*+?{(]", pattern)) > _MOST_QUANTIFIERS:
        return False
    return re.search(r"\)[*+?{]|\(\?|\\\d", pattern) is None
