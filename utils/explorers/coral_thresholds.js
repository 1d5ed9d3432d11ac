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
    "aria-label": "Probability of each task against the score. Left and right arrow move the score.",
    onkeydown: (event) => {
      const by = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
      if (!by) return;
      event.preventDefault();
      state.score = tidy(state.score + by);
      draw();
    },
  });
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
    writeAddress(state);
    say(result.textContent);
  }

  function paint(p) {
    const left = 52, width = 430, top = 20, height = 320;
    const x = (g) => left + (g + REACH) / (2 * REACH) * width, y = (value) => top + (1 - value) * height;
    const parts = [];
    for (const value of [0, 0.5, 1]) {
      parts.push(svg("line", { x1: left, x2: left + width, y1: y(value), y2: y(value), stroke: "var(--line)", "stroke-dasharray": value === 0.5 ? "6 5" : null }));
      parts.push(svg("text", { x: left - 8, y: y(value) + 6, "text-anchor": "end" }, value === 0.5 ? "\u00bd" : String(value)));
    }
    for (const g of [-8, -4, 0, 4, 8]) parts.push(svg("text", { x: x(g), y: top + height + 24, "text-anchor": "middle", class: "ex-quiet" }, signed(g)));
    parts.push(svg("text", { x: left + width / 2, y: top + height + 50, "text-anchor": "middle" }, "score g(x)"));
    p.forEach((value, k) => {
      const points = [];
      for (let g = -REACH; g <= REACH + 1e-9; g += 0.2) points.push(x(g).toFixed(1) + "," + y(chance(k, g)).toFixed(1));
      parts.push(svg("polyline", { points: points.join(" "), fill: "none", stroke: COLOURS[k], "stroke-width": 3 }));
    });
    parts.push(svg("line", { x1: x(state.score), x2: x(state.score), y1: top - 6, y2: top + height + 6, stroke: "var(--ink)", "stroke-width": 2 }));
    p.forEach((value, k) => parts.push(svg("circle", { cx: x(state.score), cy: y(value), r: 6, fill: COLOURS[k], stroke: "var(--ground)", "stroke-width": 1.5 })));
    const step = height / T, x0 = 622;
    parts.push(svg("line", { x1: x0 + 85, x2: x0 + 85, y1: top, y2: top + height, stroke: "var(--line)", "stroke-dasharray": "6 5" }));
    p.forEach((value, k) => {
      const middle = top + step * (k + 0.5), bad = k > 0 && value > p[k - 1];
      parts.push(svg("text", { x: x0 - 10, y: middle + 6, "text-anchor": "end" }, "P(y > r" + (k + 1) + ")"));
      parts.push(svg("rect", { x: x0, y: middle - step * 0.32, width: Math.max(170 * value, 1), height: step * 0.64, fill: COLOURS[k], stroke: bad ? "var(--ink)" : "none", "stroke-width": 3 }));
      parts.push(svg("text", { x: x0 + (value > 0.6 ? 170 * value - 8 : 170 * value + 8), y: middle + 6, "text-anchor": value > 0.6 ? "end" : "start",
        style: value > 0.6 ? "fill:#10151a" : null }, value.toFixed(2).replace(/^0/, "") + (bad ? " \u2191" : "")));
    });
    parts.push(svg("text", { x: x0 + 85, y: top + height + 24, "text-anchor": "middle", class: "ex-quiet" }, "\u00bd"));
    picture.replaceChildren(...parts);
  }
  draw();
});
