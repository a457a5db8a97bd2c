"""What may lie in a folder of text: strategies of hypothesis for files that were damaged, or made to do damage."""

from __future__ import annotations

import gzip
import json

from hypothesis import strategies as st

ODD = (
    "\x00",
    "\x1b[31m",
    "\x1b]8;;http://x\x07",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u200b",
    "\u200f",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\ufffe",
    "\U0010ffff",
    "\U000e0041",
    "<b>",
    "=cmd()",
    "שלום",
    "مرحبا",
    "e\u0301",
    "नमस्ते",
    "河",
    "🙂",
    "a",
    " ",
    "\t",
)
"""Pieces of text that programs trip over."""

odd_text = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(ODD), max_size=6).map("".join))
"""Any text, and text of pieces that programs trip over."""

_lone = st.lists(st.one_of(st.sampled_from(ODD), st.sampled_from(["\ud800", "\udfff"])), max_size=4).map("".join)
_plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    odd_text,
    _lone,
    st.sampled_from([10**400, -(10**30), 1e308, "x" * 300]),
)
_json = st.recursive(_plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3))
_KEYS = ("text", "id", "source", "language", "lang", "label", "tokens", "labels")

row = st.dictionaries(st.sampled_from(_KEYS) | odd_text, _json, max_size=5).map(json.dumps)
good_row = st.builds(
    lambda text, language, number: json.dumps({"text": text, "language": language, "id": number}),
    odd_text,
    st.sampled_from(["de", "en", "\u202eed", "<b>", "d/e", ""]),
    st.none() | st.integers(0, 3).map(str),
)
_labelled = st.builds(
    lambda text, label: json.dumps({"text": text, "label": label}), odd_text, st.sampled_from(["a", "b", 1, "", 2.5])
)
_sentence = st.builds(
    lambda words, tags: json.dumps({"tokens": words, "labels": tags[: len(words)]}),
    st.lists(odd_text, max_size=4),
    st.lists(st.sampled_from(["O", "B-X", "I-X", "B-", "x", "I-\x1b"]), min_size=4, max_size=4),
)
_broken = st.sampled_from(
    (
        "[" * 100_000,
        '{"text": "a", "text": "b"}',
        '{"text": "\\ud800"}',
        '{"text": ' + "9" * 5000 + "}",
        '{"text": NaN}',
        "{",
        '{"text": "a"} x',
        "null",
        '"text"',
        '{"a":' * 50_000,
    )
)
_conll = st.builds(
    lambda word, tag, gap: f"{word}{gap}{tag}",
    odd_text,
    st.sampled_from(["O", "B-X", "I-X", "B-", "", "I-\x1b"]),
    st.sampled_from(["\t", " ", ""]),
)
line = st.one_of(odd_text, row, good_row, _labelled, _sentence, _broken, _conll, st.just(""), st.just("-DOCSTART- O"))
"""A line of any of the formats that are read, or of none."""

_end = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b""])
_encoded = line.map(lambda text: text.encode("utf-8", "surrogatepass"))
_lines = st.lists(st.tuples(_encoded | st.binary(max_size=8), _end), max_size=8).map(
    lambda pieces: b"".join(text + end for text, end in pieces)
)
_one_format = st.sampled_from([good_row, _labelled, _sentence, _conll]).flatmap(
    lambda kind: st.lists(kind, min_size=1, max_size=12).map(lambda rows: "\n".join(rows).encode())
)

content = st.one_of(
    _lines,
    _one_format,
    st.binary(max_size=40),
    odd_text.map(lambda text: text.encode("utf-16")),
    odd_text.map(lambda text: b"\xef\xbb\xbf" + text.encode()),
)
"""The bytes of a file."""


@st.composite
def zipped(draw: st.DrawFn) -> bytes:
    """A gzip file: whole, cut, with a byte changed, with something behind it, or none at all."""
    data = gzip.compress(draw(content), 1, mtime=0)
    damage = draw(st.sampled_from(["none", "cut", "changed", "tail", "two"]))
    at = draw(st.integers(0, len(data) - 1))
    if damage == "cut":
        return data[:at]
    if damage == "changed":
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
    if damage == "tail":
        return data + draw(st.binary(min_size=1, max_size=8))
    return data + gzip.compress(b"\n{}", mtime=0) if damage == "two" else data


names = st.one_of(
    st.sampled_from(
        ["de", "en", "<b>", "=x", "-rf", ".x", "a b", "d\ne", "\x1b[1m", "\u202e", "x" * 70, "é", "e\u0301"]
    ),
    odd_text.filter(lambda name: name and "/" not in name and "\x00" not in name and len(name.encode()) < 80),
)
"""Names of languages as they may stand in a file's name."""

suffixes = st.sampled_from([".txt", ".jsonl", ".jsonl.gz", ".TXT", ".Jsonl.GZ", ".csv", ""])
