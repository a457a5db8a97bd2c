"""The page in a real browser: sorting, reading cells by mouse and keyboard, saving tables, under its own policy."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from interfere.report import write_run
from interfere.results import table_csv
from tests.report._results import CODES, layers, make_result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# A page beside the report holds it in a frame, acts as a reader does, and writes down what it sees.
DRIVER = """<!DOCTYPE html><meta charset="utf-8"><title>driver</title>
<iframe src="report.html" width="1200" height="900"></iframe><pre></pre>
<script>
document.querySelector("iframe").addEventListener("load", async (event) => {
  const out = {};
  try {
    const d = event.target.contentDocument, w = event.target.contentWindow;
    const table = [...d.querySelectorAll("table")].find((t) => t.tHead.rows[0].cells[0].textContent === "pair");
    const heads = [...table.tHead.rows[0].cells];
    const column = (i) => [...table.tBodies[0].rows].map((r) => r.cells[i].textContent.trim());
    out.columns = heads.map((h) => h.textContent);
    out.sorted = heads.map((head, i) => {
      const button = head.querySelector("button"), seen = [column(i)];
      for (let n = 0; n < 3; n++) {
        button.click();
        seen.push([heads.map((h) => h.getAttribute("aria-sort")), column(i)]);
      }
      return seen;
    });
    const readout = () => d.querySelector("[aria-live]").textContent;
    const map = d.querySelector("figure [role=application]");
    out.name = map.getAttribute("aria-label");
    map.focus();
    out.keys = ["ArrowRight", "ArrowDown", "End", "ArrowRight", "Home", "Escape"].map((key) => {
      map.dispatchEvent(new w.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      return readout();
    });
    const panel = JSON.parse(map.closest("figure").querySelector("script").textContent)[0];
    const box = map.querySelector("img").getBoundingClientRect();
    out.hovered = panel.texts.map((row, i) => row.map((_, j) => {
      const clientX = box.left + (panel.x[j] + panel.w / 2) * box.width;
      const clientY = box.top + (panel.y[i] + panel.h / 2) * box.height;
      map.dispatchEvent(new w.PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
      return readout();
    }));
    out.panel = panel;
    const saved = [], make = w.URL.createObjectURL;
    w.URL.createObjectURL = (blob) => { saved.push(blob); return make.call(w.URL, blob); };
    w.HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
    const link = d.querySelector('a[download="pairs.csv.gz"]');
    link.dispatchEvent(new w.MouseEvent("click", { bubbles: true, cancelable: true }));
    for (let n = 0; n < 50 && saved.length < 2; n++) await new Promise((r) => setTimeout(r, 50));
    out.file = saved[1];
    out.csv = await saved[0].text();
  } catch (error) {
    out.error = String(error.stack);
  }
  document.querySelector("pre").textContent = JSON.stringify(out);
});
</script>"""


def number(shown):
    return float(shown.replace("−", "-").replace("<", "").replace(",", "").split(" to ")[0])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to open the page in")
def test_a_reader_sorts_points_moves_and_saves(tmp_path):
    result = make_result(CODES[:9], groups=layers(4))
    write_run(result, tmp_path)
    (tmp_path / "driver.html").write_text(DRIVER, encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--allow-file-access-from-files", "--virtual-time-budget=20000", "--dump-dom"),
        (tmp_path / "driver.html").as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, check=True, timeout=180, encoding="utf-8").stdout
    seen = json.loads(html.unescape(re.search("<pre>(.*)</pre>", dom, re.S)[1]))
    assert "error" not in seen, seen["error"]

    # Every column sorts up, down and back; numbers as numbers, and what is missing stands last.
    for i, (name, (before, up, down, again)) in enumerate(zip(seen["columns"], seen["sorted"], strict=True)):
        assert up[0] == [None] * i + ["ascending"] + [None] * (len(up[0]) - i - 1)
        assert down[0][i] == "descending"
        assert again == [[None] * len(up[0]), before]
        for order, (_, shown) in ((1, up), (-1, down)):
            assert sorted(shown) == sorted(before)
            known = [cell for cell in shown if cell not in ("", "–")]
            assert shown[: len(known)] == known
            if name not in ("pair", "verdict", "why undetermined"):
                values = [order * number(cell) for cell in known]
                assert values == sorted(values), name
        if name == "verdict":
            assert up[1] == sorted(before, key=lambda words: words.split()[-1]) or up[1] == sorted(before)

    # Every cell says its own value, by mouse; by keyboard the neighbour's.
    panel = seen["panel"]

    def said(i, j):
        return f"\u2068{panel['rows'][i]}\u2069 · \u2068{panel['columns'][j]}\u2069: {panel['texts'][i][j]}"

    size = range(len(panel["rows"]))
    assert seen["hovered"] == [[said(i, j) for j in size] for i in size]
    body = result.pairs[result.pairs["group"] == "body"].set_index(["a", "b"])
    for i in size:
        for j in size:
            pair = tuple(sorted((panel["rows"][i], panel["columns"][j])))
            if i != j:
                shown = float(panel["texts"][i][j].split(" ")[0].replace("−", "-"))
                assert shown == pytest.approx(body.loc[pair, "corrected"], abs=0.0051)
                assert body.loc[pair, "verdict"] in panel["texts"][i][j]
    assert seen["name"].endswith("the arrow keys read its values cell by cell")
    first = seen["keys"][0]
    assert first in (said(0, 0), said(0, 1))  # without focus, the first key goes to the first cell
    column = 1 if first == said(0, 1) else 0
    last = len(size) - 1
    assert seen["keys"][1:] == [said(1, column), said(1, last), said(1, last), said(1, 0), ""]

    assert seen["file"] == "pairs.csv"
    assert seen["csv"] == table_csv(result.pairs)
