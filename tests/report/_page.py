"""What can be read off a page."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

VOID = {"meta", "img", "br", "link", "input", "hr"}


def without_data(page):
    """The page without what is embedded in it, whose letters mean nothing."""
    return re.sub(r"data:[\w/+;=-]*,[\w+/=]*", "data:", page)


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order.

    The page's own script and JSON within the page are no tags; any other script is one.
    """

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.tables, self.data = [], [], [], [], []
        self.script = files("interfere.report").joinpath("report.js").read_text(encoding="utf-8")
        self.own = 0
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        assert len(values) == len(attributes)
        self.tags.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append({"caption": "", "head": [], "rows": [], "cells": []})
        if tag == "tr" and "tbody" in self.open:
            self.tables[-1]["rows"].append([])
        if tag in ("th", "td"):
            table = self.tables[-1]
            (table["head"] if "thead" in self.open else table["rows"][-1]).append("")
            table["cells"].append((tag, values))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "script" in self.open:
            tag, values = self.tags.pop()
            assert tag == "script"
            if values == {"type": "application/json"}:
                self.data.append(json.loads(data))
            elif not values and data == self.script:
                policy = next(v["content"] for _, v in self.tags if v.get("http-equiv") == "Content-Security-Policy")
                digest = b64encode(sha256(data.encode()).digest()).decode()
                assert re.search(r"script-src ([^;]*)", policy)[1] == f"'sha256-{digest}'"
                self.own += 1
            else:
                self.tags.append((tag, values))
            return
        if data.strip():
            self.words.append((list(self.open), data))
        if "table" in self.open:
            table = self.tables[-1]
            if "caption" in self.open:
                table["caption"] += data
            elif "th" in self.open or "td" in self.open:
                (table["head"] if "thead" in self.open else table["rows"][-1])[-1] += data

    def text(self, tag=""):
        return [words for inside, words in self.words if not tag or tag in inside]

    def table(self, first):
        return next(t for t in self.tables if t["head"][0] == first)
