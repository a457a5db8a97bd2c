"""A results.json that was damaged, or written by somebody else, is read, refused in a line, or cannot be reported."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interfere.check import check_result, parse_policy
from interfere.report import make_report
from interfere.results import load_result, write_result
from tests.hard.corpora import odd_text
from tests.hard.refusals import result_or_refusal
from tests.report._results import make_result

fuzz = settings(max_examples=int(os.environ.get("FUZZ", "25")), deadline=5000, suppress_health_check=list(HealthCheck))
_POLICY = parse_policy('schema = 1\n[[rule]]\nname = "r"\ntable = "pairs"\nquantity = "corrected"\nat_least = -0.1\n')
_value = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 10**30, 1e308, float("nan"), float("inf"), [], {}, [[]], "gradients", "../../x"]),
    odd_text,
)


@cache
def _files() -> tuple[str, bytes | None]:
    with tempfile.TemporaryDirectory() as folder:
        write_result(make_result(["de", "en", "ru"]), Path(folder))
        arrays = Path(folder, "gram.safetensors")
        return Path(folder, "results.json").read_text(), arrays.read_bytes() if arrays.is_file() else None


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from _places(child, (*path, key))


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A document of results with some of its entries replaced or taken out."""
    document = copy.deepcopy(json.loads(_files()[0]))
    for _ in range(draw(st.integers(1, 3))):
        # The top is drawn more often than chance would: most places are cells of tables.
        places = [place for place in _places(document) if len(place) <= draw(st.sampled_from([1, 2, 9]))]
        path = draw(st.sampled_from(places))
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        if draw(st.booleans()) and isinstance(parent, dict):
            del parent[path[-1]]
        else:
            parent[path[-1]] = draw(_value)
    return json.dumps(document)


def _write(folder: Path, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (folder / "results.json").write_bytes(data)
    if (arrays := _files()[1]) is not None:
        (folder / "gram.safetensors").write_bytes(arrays)


@fuzz
@given(spoiled())
def test_spoiled_results_are_read_or_refused_by_every_reader(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        folder.mkdir()
        _write(folder, text)
        result = result_or_refusal(lambda: load_result(folder))
        if result is not None:
            assert all(isinstance(language, str) for language in result.languages)
            result_or_refusal(lambda: check_result(result, _POLICY))
        result_or_refusal(lambda: make_report([folder], "markdown"))
        result_or_refusal(lambda: make_report([folder], "latex"))


@fuzz
@given(st.binary(max_size=60) | st.integers(0, 3000).map(lambda at: _files()[0].encode()[:at]))
def test_bytes_that_are_no_results_are_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name), data)
        assert result_or_refusal(lambda: load_result(name)) is None


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"schema_version": ' + "9" * 5000 + "}", "1e999"])
def test_documents_made_to_break_a_reader_are_refused(tmp_path: Path, text: str) -> None:
    _write(tmp_path, text)
    assert result_or_refusal(lambda: load_result(tmp_path)) is None
