explore("coral-thresholds", (root, settings, say) => {
  const T = settings.biases.length, REACH = 8, COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
  const tidy = (value) => Math.round(Math.min(Math.max(value, -REACH), REACH) * 10) / 10;
  const state = { score: settings.score, method: settings.method };
  settings.biases.forEach((bias, k) => { state["b" + (k + 1)] = bias; });
  readAddress(state);
  for (const key of Object.keys(state)) if (key !== "method") state[key] = tidy(state[key]);
  if (state.method !== "OR") state.method = "CORAL";

  function tenths(name, words) {
    const shown = html("output", {}, signed(state[name].toFixed(1)));
    const input = html("input", {
      type: "range", name, min: -REACH, max: REACH, step: 0.1, value: state[name], autocomplete: "off",
      oninput: () => { state[name] = tidy(Number(input.value)); draw(); },
    });
    const label = html("label", { class: "ex-slider" }, html("span", {}, words), input, shown);
    label.show = () => { input.value = state[name]; shown.textContent = signed(state[name].toFixed(1)); };
    return label;
  }
  const score = tenths("score", "score g(x)");
  const bars = settings.biases.map((_, k) => tenths("b" + (k + 1), "bias b" + (k + 1)));
  const method = html("select", { name: "method", onchange: () => { state.method = method.value; draw(); } },
    html("option", { value: "CORAL", selected: state.method === "CORAL" }, "CORAL: shared weights"),
    html("option", { value: "OR", selected: state.method === "OR" }, "OR: own weights a task"));
  const picture = svg("svg", {
    viewBox: "0 0 800 400", tabindex: "0", role: "application", "aria-roledescription": "drawing", "data-part": "picture",
    "aria-label": "Probability of each task against the score, with the thresholds on the line below. Left and right arrow move the score, digits choose a threshold that Shift and the arrows move.",
    onkeydown: (event) => {
      const by = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
      if (event.key >= "1" && event.key <= String(T)) chosen = Number(event.key) - 1;
      else if (by && event.shiftKey) state["b" + (chosen + 1)] = tidy(state["b" + (chosen + 1)] - by * slope(chosen));
      else if (by) state.score = tidy(state.score + by);
      else return;
      event.preventDefault();
      draw();
    },
  });
  let chosen = 0, groups = [];
  const layout = watchWidth(root, () => draw());
  const LEFT = 52, WIDTH = 430, LINE = 316;
  const x = (g) => LEFT + (g + REACH) / (2 * REACH) * WIDTH;
  const threshold = (k) => -state["b" + (k + 1)] / slope(k);
  const scoreAt = (event) => (pointIn(groups[0], event).x - LEFT) / WIDTH * 2 * REACH - REACH;
  draggable(picture, (event) => {
    const point = pointIn(groups[0], event);
    if (point.x < LEFT - 14 || point.x > LEFT + WIDTH + 14 || point.y < 0 || point.y > 390) return null;
    const near = settings.biases.map((_, k) => [Math.abs(x(threshold(k)) - point.x), k]).sort((a, b) => a[0] - b[0])[0];
    const held = point.y > LINE - 6 && near[0] < 16 ? near[1] : "score";
    if (held !== "score") chosen = held;
    move(held, event);
    return held;
  }, (event, held) => move(held, event));
  function move(held, event) {
    if (held === "score") state.score = tidy(scoreAt(event));
    else state["b" + (held + 1)] = tidy(-scoreAt(event) * slope(held));
    draw();
  }
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const note = html("p", { class: "ex-quiet", "data-part": "note" });
  const reset = () => {
    settings.biases.forEach((bias, k) => { state["b" + (k + 1)] = bias; });
    Object.assign(state, { score: settings.score, method: settings.method });
    draw();
  };
  const order = () => {
    const sorted = bars.map((_, k) => state["b" + (k + 1)]).sort((a, b) => b - a);
    sorted.forEach((bias, k) => { state["b" + (k + 1)] = bias; });
    draw();
  };
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" },
      html("label", { class: "ex-choice" }, "Head", method),
      html("fieldset", {}, html("legend", {}, "Picture"), score),
      html("fieldset", {}, html("legend", {}, "Tasks"), ...bars),
      html("div", { class: "ex-buttons" }, button("Order the biases", order), button("Reset", reset))),
    html("div", { class: "ex-picture" }, picture)), result, note);

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const slope = (k) => (state.method === "OR" ? settings.slopes[k] : 1);
  const chance = (k, g) => sigmoid(slope(k) * g + state["b" + (k + 1)]);

  function draw() {
    score.show();
    bars.forEach((bar) => bar.show());
    method.value = state.method;
    const p = settings.biases.map((_, k) => chance(k, state.score));
    const over = p.filter((value) => value > 0.5).length;
    const rising = p.slice(1).filter((value, k) => value > p[k]).length;
    result.textContent = over + " of " + T + " probabilities are above one half: rank r" + (over + 1) + " of " + (T + 1) +
      " (label " + over + "). " + (rising === 0 ? "They fall in order: consistent." :
      rising + (rising === 1 ? " pair contradicts itself" : " pairs contradict themselves") + ": P(y > r) rises where r grows.");
    note.textContent = state.method === "CORAL" ?
      "All curves are the same curve, shifted: they never cross. The order of the biases is the order of the probabilities, for every picture." :
      "Every task has its own weights, so the curves have their own steepness and may cross: ordered for one picture, contradictory for another.";
    paint(p);
    Object.assign(root.dataset, { probabilities: JSON.stringify(p), label: over, inconsistencies: rising });
    writeAddress(root, state);
    say(result.textContent);
  }

  function paint(p) {
    const left = LEFT, width = WIDTH, top = 14, height = 228, right = [];
    const y = (value) => top + (1 - value) * height;
    const parts = [svg("rect", { x: left, y: top, width, height: 376, fill: "transparent", class: "ex-grip" })];
    for (const value of [0, 0.5, 1]) {
      parts.push(svg("line", { x1: left, x2: left + width, y1: y(value), y2: y(value), stroke: "var(--line)", "stroke-dasharray": value === 0.5 ? "6 5" : null }));
      parts.push(svg("text", { x: left - 8, y: y(value) + 6, "text-anchor": "end" }, value === 0.5 ? "\u00bd" : String(value)));
    }
    for (const g of [-8, -4, 0, 4, 8]) parts.push(svg("text", { x: x(g), y: top + height + 24, "text-anchor": "middle", class: "ex-quiet" }, signed(g)));
    p.forEach((value, k) => {
      const points = [];
      for (let g = -REACH; g <= REACH + 1e-9; g += 0.2) points.push(x(g).toFixed(1) + "," + y(chance(k, g)).toFixed(1));
      parts.push(svg("polyline", { points: points.join(" "), fill: "none", stroke: COLOURS[k], "stroke-width": 3 }));
    });
    parts.push(svg("line", { x1: x(state.score), x2: x(state.score), y1: top - 6, y2: LINE, stroke: "var(--ink)", "stroke-width": 2 }));
    p.forEach((value, k) => parts.push(svg("circle", { cx: x(state.score), cy: y(value), r: 6, fill: COLOURS[k], stroke: "var(--ground)", "stroke-width": 1.5 })));
    // The line: thresholds, where a task says one half, cut it into ranks.
    const over = p.filter((value) => value > 0.5).length;
    const ends = [-REACH, ...settings.biases.map((_, k) => Math.min(Math.max(threshold(k), -REACH), REACH)).sort((a, b) => a - b), REACH];
    for (let rank = 0; rank <= T; rank++) {
      const from = x(ends[rank]), to = x(ends[rank + 1]), here = rank === over;
      if (to - from < 0.5) continue;
      parts.push(svg("rect", { x: from, y: LINE - 22, width: to - from, height: 24, fill: here ? "var(--done)" : "var(--pixel)", stroke: "var(--line)" }));
      if (to - from > 24) parts.push(svg("text", { x: (from + to) / 2, y: LINE - 4, "text-anchor": "middle", style: here ? "font-weight:700" : null }, "r" + (rank + 1)));
    }
    p.forEach((_, k) => {
      const at = x(Math.min(Math.max(threshold(k), -REACH), REACH));
      parts.push(svg("path", { d: "M" + at + " " + (LINE + 2) + "l11 18a12 12 0 1 1 -22 0z", fill: COLOURS[k], stroke: k === chosen ? "var(--ink)" : "var(--ground)", "stroke-width": k === chosen ? 2.5 : 1.5, class: "ex-grip", "data-threshold": k + 1 }));
      parts.push(svg("text", { x: at, y: LINE + 31, "text-anchor": "middle", style: "fill:#10151a;font-weight:700;font-size:16px;pointer-events:none" }, String(k + 1)));
    });
    parts.push(svg("path", { d: "M" + x(state.score) + " " + (LINE - 22) + "l-9 -13h18z", fill: "var(--ink)", class: "ex-grip" }));
    parts.push(svg("text", { x: left, y: LINE + 62, class: "ex-quiet", style: "font-size:16px" }, "drag a threshold, or the score"));
    parts.push(svg("text", { x: left + width, y: LINE + 62, "text-anchor": "end" }, "score g(x)"));
    const step = (height + 98) / T, x0 = 622, tall = step * T;
    right.push(svg("line", { x1: x0 + 85, x2: x0 + 85, y1: top, y2: top + tall, stroke: "var(--line)", "stroke-dasharray": "6 5" }));
    p.forEach((value, k) => {
      const middle = top + step * (k + 0.5), bad = k > 0 && value > p[k - 1];
      right.push(svg("text", { x: x0 - 10, y: middle + 6, "text-anchor": "end" }, "P(y > r" + (k + 1) + ")"));
      right.push(svg("rect", { x: x0, y: middle - step * 0.32, width: Math.max(170 * value, 1), height: step * 0.64, fill: COLOURS[k], stroke: bad ? "var(--ink)" : "none", "stroke-width": 3 }));
      right.push(svg("text", { x: x0 + (value > 0.6 ? 170 * value - 8 : 170 * value + 8), y: middle + 6, "text-anchor": value > 0.6 ? "end" : "start",
        style: value > 0.6 ? "fill:#10151a" : null }, value.toFixed(2).replace(/^0/, "") + (bad ? " \u2191" : "")));
    });
    right.push(svg("text", { x: x0 + 85, y: top + tall + 24, "text-anchor": "middle", class: "ex-quiet" }, "\u00bd"));
    groups = arrange(picture, layout.narrow, 800, 400, [[22, 468, parts], [516, 284, right]]);
  }
  draw();
});
