"use strict";
// What a page can do besides being read: sort tables, tell the values of cells, save tables. It does without.
(() => {
  const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });

  // A number as the first thing in a cell: "−0.30", "(0.12)", "1,234 of 5,678", "3.1%", "<0.001", "−0.2 to 0.1".
  const FIRST = /^[(<>≤≥±+]*\s*([−-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[−+-]?\d+)?)/;
  const words = (cell) => cell.textContent.trim();
  const number = (text) => {
    const found = FIRST.exec(text);
    if (!found) return null;
    const value = parseFloat(found[1].replaceAll("−", "-").replaceAll(",", ""));
    return /^\(?</.test(text) ? value * 0.999 : value;
  };
  const order = new Intl.Collator("en", { numeric: true }).compare;

  const sorted = (rows, column, asWords, descending) => {
    const keys = rows.map((row) => {
      const text = words(row.cells[column]);
      return text === "" || text === "–" ? null : asWords ? text : number(text);
    });
    const compare = asWords ? order : (a, b) => a - b;
    return rows
      .map((row, i) => [row, keys[i]])
      .sort(([, a], [, b]) => {
        if (a === null || b === null) return (a === null) - (b === null); // what is missing stays last
        return descending ? compare(b, a) : compare(a, b);
      })
      .map(([row]) => row);
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 2) return;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", "sort");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      const asWords = !rows.some((row) => number(words(row.cells[column])) !== null) || head.classList.contains("w");
      button.addEventListener("click", () => {
        // Ascending, descending, and then as it was: the first order means something.
        const now = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (now) head.setAttribute("aria-sort", now);
        body.append(...(now ? sorted(rows, column, asWords, now === "descending") : rows));
      });
    });
  };

  // One line for the whole page, which is read aloud when it changes.
  const readout = make("output", "readout");
  readout.setAttribute("role", "status");
  readout.setAttribute("aria-live", "polite");

  const apart = (name) => `\u2068${name}\u2069`; // a name keeps its own direction
  const cellsOf = (panels) =>
    panels.flatMap((p) =>
      p.texts.flatMap((row, i) =>
        row.map((text, j) => {
          const where = apart(p.rows[i]) + p.between + apart(p.columns[j]);
          const label = (panels.length > 1 && p.name ? p.name + ". " : "") + where + ": " + text;
          return { x: p.x[j], y: p.y[i], w: p.w, h: p.h, text, label };
        }),
      ),
    ).filter((cell) => cell.text !== "");

  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // The next cell in a direction within the row or column, into the next panel where one ends.
  const neighbour = (cells, from, [dx, dy], far) => {
    let best = from;
    let least = Infinity;
    for (const cell of cells) {
      const [x, y] = [cell.x + cell.w / 2 - from.x - from.w / 2, cell.y + cell.h / 2 - from.y - from.h / 2];
      const [ahead, aside] = dx ? [x * dx, Math.abs(y) / from.h] : [y * dy, Math.abs(x) / from.w];
      const cost = far ? -ahead : ahead;
      if (ahead > (dx ? from.w : from.h) / 4 && aside < 0.5 && cost < least) [best, least] = [cell, cost];
    }
    return best;
  };

  const explore = (figure, data) => {
    const image = figure.querySelector("img");
    const title = words(figure.querySelector("figcaption strong")).replace(/\.$/, "");
    const map = make("div", "map");
    const ring = make("div", "ring");
    map.tabIndex = 0;
    map.setAttribute("role", "application");
    map.setAttribute("aria-roledescription", "heatmap");
    map.setAttribute("aria-label", `${title}: the arrow keys read its values cell by cell`);
    ring.hidden = true;
    image.replaceWith(map);
    map.append(image, ring);

    let cells = null;
    let current = null;
    const all = () => (cells ??= cellsOf(JSON.parse(data.textContent)));
    const hide = () => {
      ring.hidden = true;
      readout.textContent = "";
    };
    const show = (cell) => {
      if (readout.textContent === cell.label && !ring.hidden) return;
      current = cell;
      for (const [side, share] of [["left", cell.x], ["top", cell.y], ["width", cell.w], ["height", cell.h]]) {
        ring.style[side] = `${100 * share}%`;
      }
      ring.hidden = false;
      readout.textContent = cell.label;
      const at = ring.getBoundingClientRect();
      const box = readout.getBoundingClientRect();
      const below = at.bottom + 8;
      const left = Math.min(at.left, document.documentElement.clientWidth - box.width - 8);
      readout.style.left = `${Math.max(8, left)}px`;
      readout.style.top = `${below + box.height > innerHeight ? Math.max(8, at.top - box.height - 8) : below}px`;
    };
    const point = (event) => {
      const box = image.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const cell = all().find((c) => x >= c.x && x < c.x + c.w && y >= c.y && y < c.y + c.h);
      if (cell) show(cell);
      else if (document.activeElement !== map) hide();
    };
    map.addEventListener("pointermove", point);
    map.addEventListener("pointerdown", point);
    map.addEventListener("pointerleave", () => document.activeElement !== map && hide());
    map.addEventListener("focus", () => map.matches(":focus-visible") && all().length && show(current ?? all()[0]));
    map.addEventListener("blur", hide);
    map.addEventListener("keydown", (event) => {
      const end = { Home: [-1, 0], End: [1, 0] }[event.key];
      const direction = DIRECTIONS[event.key] ?? end;
      if (event.key === "Escape") hide();
      if (!direction || event.altKey || event.ctrlKey || event.metaKey || !all().length) return;
      event.preventDefault();
      show(current ? neighbour(all(), current, direction, Boolean(end)) : all()[0]);
      ring.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  };

  // Packed tables are saved as plain CSV where the browser can unpack them.
  const unpack = async (link) => {
    const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const plain = make("a", "");
    plain.href = URL.createObjectURL(new Blob([await new Response(stream).arrayBuffer()], { type: "text/csv" }));
    plain.download = link.download.replace(/\.gz$/, "");
    plain.click();
    setTimeout(() => URL.revokeObjectURL(plain.href), 60000);
  };

  document.querySelectorAll("table").forEach(sortable);
  document.querySelectorAll("figure").forEach((figure) => {
    const data = figure.querySelector('script[type="application/json"]');
    if (data) explore(figure, data);
  });
  document.body.append(readout);
  if ("DecompressionStream" in window) {
    document.querySelectorAll('a[download$=".gz"]').forEach((link) =>
      link.addEventListener("click", (event) => {
        event.preventDefault();
        unpack(link);
      }),
    );
  }
})();
