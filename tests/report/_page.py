"""What can be read off a page."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.tables = [], [], [], []
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
