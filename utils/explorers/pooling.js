explore("pooling", (root, settings, say) => {
  const N = settings.size, pattern = settings.pattern;
  const SHIFT = Math.floor((N - pattern.length) / 2);
  const KINDS = { max: "the maximum", average: "the average", pick: "the first pixel" };
  const state = readAddress({ ...settings.start });
  const inside = (value, low, high) => Math.min(Math.max(Math.round(value), low), high);
  state.right = inside(state.right, -SHIFT, SHIFT);
  state.down = inside(state.down, -SHIFT, SHIFT);
  state.window = inside(state.window, 1, 4);
  state.stride = inside(state.stride, 1, 4);
  if (!(state.kind in KINDS)) state.kind = "max";

  const changed = (key, value) => { state[key] = value; draw(); };
  const right = slider("right", "shift right", -SHIFT, SHIFT, state.right, changed);
  const down = slider("down", "shift down", -SHIFT, SHIFT, state.down, changed);
  const window_ = slider("window", "window", 1, 4, state.window, changed);
  const stride = slider("stride", "stride", 1, 4, state.stride, changed);
  const kind = html("select", { name: "kind", onchange: () => changed("kind", kind.value) },
    ...Object.entries(KINDS).map(([value, words]) => html("option", { value, selected: value === state.kind }, words)));
  const picture = svg("svg", {
    viewBox: "0 0 800 390", tabindex: "0", role: "application", "aria-roledescription": "drawing", "data-part": "picture",
    "aria-label": "Input and pooled map. The arrow keys move the pattern.",
    onkeydown: (event) => {
      const by = { ArrowLeft: ["right", -1], ArrowRight: ["right", 1], ArrowUp: ["down", -1], ArrowDown: ["down", 1] }[event.key];
      if (!by) return;
      event.preventDefault();
      const bar = by[0] === "right" ? right : down;
      state[by[0]] = bar.set(inside(state[by[0]] + by[1], -SHIFT, SHIFT));
      draw();
    },
  });
  let groups = [];
  const layout = watchWidth(root, () => draw());
  const cellAt = (event) => {
    const point = pointIn(groups[0], event);
    return [(point.x - 8) * N / 340, (point.y - 34) * N / 340];
  };
  draggable(picture, (event) => {
    const [x, y] = cellAt(event);
    return x >= 0 && x < N && y >= 0 && y < N ? { x, y, right: state.right, down: state.down } : null;
  }, (event, from) => {
    const [x, y] = cellAt(event);
    state.right = right.set(inside(from.right + x - from.x, -SHIFT, SHIFT));
    state.down = down.set(inside(from.down + y - from.y, -SHIFT, SHIFT));
    draw();
  });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const note = html("p", { class: "ex-quiet" },
    "Drag the pattern, or give the drawing the focus and use the arrow keys. Orange: differs from the pattern in the middle (shift 0, 0).");
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" },
      html("fieldset", {}, html("legend", {}, "Pattern"), right, down),
      html("fieldset", {}, html("legend", {}, "Pooling"), window_, stride, html("label", { class: "ex-choice" }, "takes", kind)),
      html("div", { class: "ex-buttons" }, button("Reset", () => {
        Object.assign(state, settings.start);
        [right, down, window_, stride].forEach((bar, k) => bar.set(state[["right", "down", "window", "stride"][k]]));
        kind.value = state.kind;
        draw();
      }))),
    html("div", { class: "ex-picture" }, picture)), result, note);

  function place(rightwards, downwards) {
    const grid = Array.from({ length: N }, () => new Array(N).fill(0));
    pattern.forEach((row, i) => row.forEach((value, j) => { grid[SHIFT + downwards + i][SHIFT + rightwards + j] = value; }));
    return grid;
  }

  function pool(grid) {
    const { window: K, stride: S, kind: how } = state, length = Math.floor((N - K) / S) + 1;
    return Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => {
      const seen = [];
      for (let u = 0; u < K; u++) for (let v = 0; v < K; v++) seen.push(grid[i * S + u][j * S + v]);
      if (how === "max") return Math.max(...seen);
      if (how === "pick") return seen[0];
      return seen.reduce((a, b) => a + b, 0) / seen.length;
    }));
  }

  function draw() {
    const grid = place(state.right, state.down), still = place(0, 0);
    const pooled = pool(grid), before = pool(still);
    const differ = (a, b) => a.flat().filter((value, k) => Math.abs(value - b.flat()[k]) > 1e-9).length;
    const parts = [], cell = 340 / N, top = 34, gap = 96, O = pooled.length;
    const outCell = Math.min(340 / O, 56), outX = 8 + 340 + gap, outY = top + (340 - O * outCell) / 2;
    const pooledParts = [];
    const show = (parts, values, old, x0, y0, side) => values.forEach((row, i) => row.forEach((value, j) => {
      const colour = grey(value), moved = Math.abs(value - old[i][j]) > 1e-9;
      parts.push(svg("rect", { x: x0 + j * side, y: y0 + i * side, width: side, height: side, fill: rgb(colour), stroke: "#7d8893" }));
      if (moved) parts.push(svg("rect", { x: x0 + j * side + 2, y: y0 + i * side + 2, width: side - 4, height: side - 4, fill: "none", stroke: "#ff7a1a", "stroke-width": 2.4 }));
      if (side > 34) parts.push(svg("text", { x: x0 + (j + 0.5) * side, y: y0 + (i + 0.5) * side + 5, "text-anchor": "middle", style: "fill:" + inkOn(colour) },
        String(+value.toFixed(2)).replace(/^0\./, ".")));
    }));
    show(parts, grid, still, 8, top, cell);
    show(pooledParts, pooled, before, outX, outY, outCell);
    const first = { x: 8, y: top, width: state.window * cell, height: state.window * cell };
    parts.push(svg("rect", { ...first, fill: "none", stroke: "#2f9be6", "stroke-width": 3.5 }));
    pooledParts.push(svg("rect", { x: outX, y: outY, width: outCell, height: outCell, fill: "none", stroke: "#2f9be6", "stroke-width": 3.5 }));
    parts.push(svg("rect", { x: 8, y: top, width: 340, height: 340, fill: "transparent", class: "ex-grip" }));
    const arrow = svg("path", { d: "M366 204h52m-10 -8l10 8l-10 8", fill: "none", stroke: "var(--quiet)", "stroke-width": 2 });
    parts.push(svg("text", { x: 178, y: 22, "text-anchor": "middle" }, "input, " + N + "\u00d7" + N));
    pooledParts.push(svg("text", { x: outX + O * outCell / 2, y: Math.max(outY - 12, 18), "text-anchor": "middle" }, "pooled, " + O + "\u00d7" + O));
    groups = arrange(picture, layout.narrow, 800, 390, [[0, 356, parts], [outX + O * outCell / 2 - 178, 356, pooledParts]], [arrow]);
    const moved = differ(grid, still), kept = differ(pooled, before);
    result.textContent = "Shift " + signed(state.right) + " right, " + signed(state.down) + " down: " + moved + " of " + N * N +
      " input cells changed, " + kept + " of " + O * O + " pooled cells changed.";
    root.dataset.pooled = JSON.stringify(pooled);
    writeAddress(root, state);
    say(result.textContent);
  }
  draw();
});
