explore("region-pooling", (root, settings, say) => {
  const N = 8, OUT = 2, SAMPLES = 2, value = (i, j) => N * i + j;
  const state = readAddress({ x1: settings.x1, y1: settings.y1, x2: settings.x2, y2: settings.y2, aligned: settings.aligned ? "yes" : "no" });
  const tidy = (number) => Math.round(Math.min(Math.max(number, 0), N) * 10) / 10;
  for (const key of ["x1", "y1", "x2", "y2"]) state[key] = tidy(state[key]);
  if (!(state.x1 < state.x2)) Object.assign(state, { x1: settings.x1, x2: settings.x2 });
  if (!(state.y1 < state.y2)) Object.assign(state, { y1: settings.y1, y2: settings.y2 });
  const GAP = 0.1, upper = { x1: "x2", y1: "y2" }, lower = { x2: "x1", y2: "y1" };
  function set(key, next) {
    next = tidy(next);
    if (key in upper) next = Math.min(next, tidy(state[upper[key]] - GAP));
    if (key in lower) next = Math.max(next, tidy(state[lower[key]] + GAP));
    state[key] = next;
  }
  function tenths(key, words) {
    const shown = html("output", {});
    const input = html("input", { type: "range", name: key, min: 0, max: N, step: 0.1, value: state[key], autocomplete: "off",
      oninput: () => { set(key, Number(input.value)); draw(); } });
    const label = html("label", { class: "ex-slider" }, html("span", {}, words), input, shown);
    label.show = () => { input.value = state[key]; shown.textContent = state[key].toFixed(1); };
    return label;
  }
  const bars = [tenths("x1", "left x1"), tenths("y1", "top y1"), tenths("x2", "right x2"), tenths("y2", "bottom y2")];
  const aligned = html("input", { type: "checkbox", name: "aligned", checked: state.aligned === "yes", onchange: () => { state.aligned = aligned.checked ? "yes" : "no"; draw(); } });
  function shift(dx, dy) {
    dx = Math.min(Math.max(dx, -state.x1), N - state.x2);
    dy = Math.min(Math.max(dy, -state.y1), N - state.y2);
    Object.assign(state, { x1: tidy(state.x1 + dx), x2: tidy(state.x2 + dx), y1: tidy(state.y1 + dy), y2: tidy(state.y2 + dy) });
    draw();
  }
  const picture = svg("svg", {
    viewBox: "0 0 820 356", tabindex: "0", role: "application", "aria-roledescription": "drawing", "data-part": "picture",
    "aria-label": "The map twice, left read by RoIPool, right by RoIAlign. Arrow keys move the region by a tenth of a cell, with Shift they move its lower right corner.",
    onkeydown: (event) => {
      const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
      if (!by) return;
      event.preventDefault();
      if (event.shiftKey) size(state.x2 + by[0], state.y2 + by[1]);
      else shift(...by);
    },
  });
  function size(x, y) {
    set("x2", x);
    set("y2", y);
    draw();
  }
  const CELL = 37, TOP = 40, LEFT = [6, 420], OUTS = [312, 726];
  let groups = [];
  const layout = watchWidth(root, () => draw());
  const place = (event, side) => {
    const point = pointIn(groups[side], event);
    return [(point.x - LEFT[side]) / CELL, (point.y - TOP) / CELL];
  };
  draggable(picture, (event) => {
    for (const side of [0, 1]) {
      const [x, y] = place(event, side);
      if (Math.hypot(x - state.x2, y - state.y2) < 0.5) return { side, corner: [state.x2 - x, state.y2 - y] };
      if (x >= state.x1 && x <= state.x2 && y >= state.y1 && y <= state.y2) return { side, from: [x, y], box: [state.x1, state.y1] };
    }
    return null;
  }, (event, held) => {
    const [x, y] = place(event, held.side);
    if (held.corner) size(x + held.corner[0], y + held.corner[1]);
    else shift(held.box[0] + x - held.from[0] - state.x1, held.box[1] + y - held.from[1] - state.y1);
  });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const note = html("p", { class: "ex-quiet" }, "Drag the region or its corner; arrow keys move it by a tenth of a cell. The map is a ramp, f = 8 \u00d7 row + column, so a tenth to the right should add 0.1 everywhere. RoIAlign does; RoIPool waits, then jumps.");
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" }, html("fieldset", {}, html("legend", {}, "Region, in cells of the map"), ...bars),
      html("label", { class: "ex-choice" }, aligned, "aligned: cell centres at whole numbers"),
      html("div", { class: "ex-buttons" }, button("Reset", () => {
        for (const key of ["x1", "y1", "x2", "y2"]) state[key] = settings[key];
        state.aligned = settings.aligned ? "yes" : "no";
        aligned.checked = settings.aligned;
        draw();
      }))),
    html("div", { class: "ex-picture" }, picture)), result, note);

  function pool() {
    const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map((key) => Math.round(state[key]));
    const width = Math.max(x2 - x1 + 1, 1), height = Math.max(y2 - y1 + 1, 1), clip = (v) => Math.min(Math.max(v, 0), N);
    const bins = [];
    for (let i = 0; i < OUT; i++) for (let j = 0; j < OUT; j++) {
      const top = clip(Math.floor(i * height / OUT) + y1), bottom = clip(Math.ceil((i + 1) * height / OUT) + y1);
      const left = clip(Math.floor(j * width / OUT) + x1), right = clip(Math.ceil((j + 1) * width / OUT) + x1);
      const empty = bottom <= top || right <= left;
      bins.push({ top, bottom, left, right, value: empty ? 0 : value(bottom - 1, right - 1) });
    }
    return { x1, y1, x2, y2, bins };
  }
  function read(y, x) {
    if (y < -1 || y > N || x < -1 || x > N) return 0;
    const split = (v) => {
      v = Math.max(v, 0);
      const low = Math.floor(v);
      return low >= N - 1 ? [N - 1, N - 1, 0] : [low, low + 1, v - low];
    };
    const [i, i2, u] = split(y), [j, j2, v] = split(x);
    return (1 - u) * ((1 - v) * value(i, j) + v * value(i, j2)) + u * ((1 - v) * value(i2, j) + v * value(i2, j2));
  }
  function align() {
    const half = state.aligned === "yes" ? 0.5 : 0, x1 = state.x1 - half, y1 = state.y1 - half;
    let width = state.x2 - state.x1, height = state.y2 - state.y1;
    if (!half) { width = Math.max(width, 1); height = Math.max(height, 1); }
    const points = [], values = [];
    for (let i = 0; i < OUT; i++) for (let j = 0; j < OUT; j++) {
      let sum = 0;
      for (let a = 0; a < SAMPLES; a++) for (let b = 0; b < SAMPLES; b++) {
        const y = y1 + (i + (a + 0.5) / SAMPLES) * height / OUT, x = x1 + (j + (b + 0.5) / SAMPLES) * width / OUT;
        points.push([x, y]);
        sum += read(y, x);
      }
      values.push(sum / SAMPLES ** 2);
    }
    return { points, values };
  }

  function draw() {
    bars.forEach((bar) => bar.show());
    const pooled = pool(), smooth = align(), one = (v) => String(+v.toFixed(2));
    const pv = pooled.bins.map((bin) => bin.value);
    result.textContent = "RoIPool reads " + pv.map(one).join(", ") + "; RoIAlign reads " + smooth.values.map(one).join(", ") + ".";
    const sides = [[], []];
    [0, 1].forEach((side) => {
      const X = LEFT[side], parts = sides[side];
      parts.push(svg("text", { x: X + 4 * CELL, y: 22, "text-anchor": "middle", style: "font-weight:600" }, side ? "RoIAlign: where the region is" : "RoIPool: rounded to whole cells"));
      for (let i = 0; i < N; i++) for (let j = 0; j < N; j++) {
        const shade = grey(0.45 + 0.5 * value(i, j) / 63);
        parts.push(svg("rect", { x: X + j * CELL, y: TOP + i * CELL, width: CELL, height: CELL, fill: rgb(shade), stroke: "#8b96a1" }));
        parts.push(svg("text", { x: X + (j + 0.5) * CELL, y: TOP + (i + 0.5) * CELL + 6, "text-anchor": "middle", style: "fill:#10151a" }, value(i, j)));
      }
      parts.push(svg("rect", { x: X + state.x1 * CELL, y: TOP + state.y1 * CELL, width: (state.x2 - state.x1) * CELL, height: (state.y2 - state.y1) * CELL, fill: "none", stroke: "#10151a", "stroke-width": 3, "stroke-dasharray": side ? null : "7 5" }));
      const read = side ? smooth.values : pv, ink = side ? "#0072b2" : "#b34700";
      parts.push(svg("text", { x: OUTS[side] + 44, y: TOP + 84, "text-anchor": "middle", class: "ex-quiet" }, "reads"));
      read.forEach((v, k) => {
        const x = OUTS[side] + (k % OUT) * 44, y = TOP + 96 + Math.floor(k / OUT) * 44, shade = grey(0.45 + 0.5 * v / 63);
        parts.push(svg("rect", { x, y, width: 44, height: 44, fill: rgb(shade), stroke: ink, "stroke-width": 2 }));
        parts.push(svg("text", { x: x + 22, y: y + 27, "text-anchor": "middle", style: "fill:#10151a;font-size:15px" }, one(v)));
      });
    });
    const [left, right] = sides;
    pooled.bins.forEach((bin) => {
      if (bin.bottom <= bin.top || bin.right <= bin.left) return;
      left.push(svg("rect", { x: LEFT[0] + bin.left * CELL + 2, y: TOP + bin.top * CELL + 2, width: (bin.right - bin.left) * CELL - 4, height: (bin.bottom - bin.top) * CELL - 4, fill: "#d55e00", "fill-opacity": 0.13, stroke: "#b34700", "stroke-width": 3 }));
      left.push(svg("rect", { x: LEFT[0] + (bin.right - 1) * CELL + 5, y: TOP + (bin.bottom - 1) * CELL + 5, width: CELL - 10, height: CELL - 10, fill: "none", stroke: "#b34700", "stroke-width": 2, rx: 14 }));
    });
    // A sample at y reads between the centres of cells: with half-cell alignment the centre of cell i lies at i.
    smooth.points.forEach(([x, y]) => right.push(svg("circle", { cx: LEFT[1] + (x + 0.5) * CELL, cy: TOP + (y + 0.5) * CELL, r: 6, fill: "#0072b2", stroke: "#ffffff", "stroke-width": 2 })));
    sides.forEach((parts, side) => {
      parts.push(svg("rect", { x: LEFT[side] + state.x1 * CELL, y: TOP + state.y1 * CELL, width: (state.x2 - state.x1) * CELL, height: (state.y2 - state.y1) * CELL, fill: "transparent", class: "ex-grip" }));
      parts.push(svg("rect", { x: LEFT[side] + state.x2 * CELL - 6, y: TOP + state.y2 * CELL - 6, width: 12, height: 12, fill: "#ffffff", stroke: "#10151a", "stroke-width": 2, class: "ex-grip", style: "cursor:nwse-resize" }));
    });
    groups = arrange(picture, layout.narrow, 820, 356, [[0, 406, left], [414, 406, right]]);
    Object.assign(root.dataset, { pooled: JSON.stringify(pv), aligned: JSON.stringify(smooth.values) });
    writeAddress(root, state);
    say(result.textContent);
  }
  draw();
});
