explore("shared-weight", (root, settings, say) => {
  const N = settings.signal.length, K = settings.weights.length, O = N - K + 1, LAST = O + 1;
  const INK = ["#d55e00", "#0072b2"];
  const join = (values) => values.join(",");
  const state = readAddress({ signal: join(settings.signal), weights: join(settings.weights), targets: join(settings.targets), step: 0, rate: 1, update: "sum" });
  const parse = (text, standard) => {
    const values = text.split(",").map(Number);
    return values.length === standard.length && values.every((v) => Number.isFinite(v) && Math.abs(v) <= 9) ? values : [...standard];
  };
  let x = parse(state.signal, settings.signal), w = parse(state.weights, settings.weights), t = parse(state.targets, settings.targets);
  let step = Math.min(Math.max(Math.round(state.step), 0), LAST), rate = Math.min(Math.max(Math.round(state.rate), 1), 10);
  let update = state.update === "average" ? "average" : "sum";

  const field = (values, k, words) => html("input", {
    type: "number", min: -9, max: 9, step: "any", value: values[k], "aria-label": words, autocomplete: "off", class: "ex-bare",
    oninput: (event) => {
      const value = Number(event.target.value);
      if (event.target.value === "" || !Number.isFinite(value) || Math.abs(value) > 9) return;
      values[k] = value;
      step = 0;
      draw();
    },
  });
  const rows = html("div", {});
  function fields() {
    const line = (words, values, name) => html("p", {}, html("span", { style: "display:inline-block;min-width:4.2em" }, words),
      ...values.map((_, k) => field(values, k, name + " " + (k + 1))).flatMap((input) => [input, " "]));
    rows.replaceChildren(line("weights", w, "weight"), line("input", x, "input"), line("targets", t, "target"));
  }
  const next = button("Next step", () => { step = Math.min(step + 1, LAST); draw(); });
  const back = button("Back", () => { step = Math.max(step - 1, 0); draw(); });
  const take = button("Take the step", () => { w = updated(); step = 0; fields(); draw(); }, "Take the step: replace the weights by the updated ones");
  const reset = button("Reset", () => {
    x = [...settings.signal]; w = [...settings.weights]; t = [...settings.targets];
    step = 0; rate = 1; update = "sum"; bar.set(1); choice.value = update;
    fields(); draw();
  });
  const bar = slider("rate", "rate \u00d7 0.1", 1, 10, rate, (_, value) => { rate = value; draw(); });
  const choice = html("select", { name: "update", onchange: () => { update = choice.value; draw(); } },
    html("option", { value: "sum", selected: update === "sum" }, "the sum of the uses"),
    html("option", { value: "average", selected: update === "average" }, "their average"));
  const picture = svg("svg", { viewBox: "0 0 800 400", role: "img", "data-part": "picture" });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const note = html("p", { class: "ex-quiet ex-formula", "data-part": "note" });
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" }, html("fieldset", {}, html("legend", {}, "Numbers (edit them)"), rows),
      html("fieldset", {}, html("legend", {}, "Update"), html("label", { class: "ex-choice" }, "by", choice), bar),
      html("div", { class: "ex-buttons" }, next, back, take, reset)),
    html("div", { class: "ex-picture" }, picture)), result, note);

  const layout = watchWidth(root, () => draw());
  const outputs = () => Array.from({ length: O }, (_, p) => w.reduce((sum, weight, k) => sum + weight * x[p + k], 0));
  const errors = () => outputs().map((value, p) => value - t[p]);
  const gradient = (uses) => w.map((_, k) => errors().slice(0, uses).reduce((sum, error, p) => sum + error * x[p + k], 0));
  const updated = () => w.map((weight, k) => weight - 0.1 * rate * gradient(O)[k] / (update === "average" ? O : 1));
  const loss = (values) => 0.5 * values.reduce((sum, error) => sum + error * error, 0);
  const show = (value) => signed((Math.abs(value) < 5e-4 ? 0 : value).toFixed(3).replace(/\.?0+$/, ""));

  function draw() {
    const y = outputs(), e = errors(), uses = Math.min(step, O), so_far = gradient(uses);
    if (step === 0) {
      result.textContent = "Forward: each output is w1 times its left input plus w2 times its right one. Loss \u00bd\u2211(y \u2212 t)\u00b2 = " + show(loss(e)) + ".";
      note.textContent = "The same two weights serve all three outputs. What is the gradient of w1? Guess, then step.";
    } else if (step <= O) {
      const p = step - 1;
      result.textContent = "Use " + step + ": output " + step + " is off by " + show(e[p]) + ". It adds " + show(e[p]) + " \u00d7 " + show(x[p]) + " = " + show(e[p] * x[p]) +
        " to w1 and " + show(e[p]) + " \u00d7 " + show(x[p + 1]) + " = " + show(e[p] * x[p + 1]) + " to w2.";
      note.textContent = "So far: dL/dw1 = " + show(so_far[0]) + ", dL/dw2 = " + show(so_far[1]) + ".";
    } else {
      const after = updated();
      const y2 = Array.from({ length: O }, (_, p) => after.reduce((sum, weight, k) => sum + weight * x[p + k], 0));
      result.textContent = "All uses together: dL/dw1 = " + show(so_far[0]) + ", dL/dw2 = " + show(so_far[1]) + ". By " + (update === "sum" ? "the sum" : "the average") +
        " at rate " + (rate / 10).toFixed(1) + ": w1 becomes " + show(after[0]) + ", w2 " + show(after[1]) + ".";
      note.textContent = "Loss " + show(loss(e)) + " \u2192 " + show(loss(y2.map((value, p) => value - t[p]))) + ". The average of " + O + " uses is the sum at a rate " + O + " times smaller: same direction, shorter step.";
    }
    next.disabled = step >= LAST;
    back.disabled = step <= 0;
    take.disabled = step < LAST;
    paint(y, e);
    Object.assign(root.dataset, { outputs: JSON.stringify(y), gradient: JSON.stringify(so_far), updated: JSON.stringify(updated()), step });
    Object.assign(state, { signal: join(x), weights: join(w), targets: join(t), step, rate, update });
    writeAddress(root, state);
    picture.setAttribute("aria-label", "Inputs below, outputs above, joined by the shared weights. " + result.textContent);
    say(result.textContent);
  }

  function paint(y, e) {
    const parts = [], low = 330, high = 120;
    const inX = (n) => 90 + n * 125, outX = (p) => 90 + (p + (K - 1) / 2) * 125;
    for (let p = 0; p < O; p++) {
      const now = step === p + 1, done = step > p;
      for (let k = 0; k < K; k++) {
        const x1 = inX(p + k), x2 = outX(p);
        parts.push(svg("line", { x1, y1: low - 24, x2, y2: high + 24, stroke: INK[k], "stroke-width": now ? 6 : 2.5, opacity: step === 0 || now ? 1 : done ? 0.75 : 0.3 }));
        if (now) {
          const mx = x1 + (x2 - x1) * 0.5, my = (low + high) / 2 + (k ? 22 : -8);
          parts.push(svg("rect", { x: mx - 36, y: my - 17, width: 72, height: 24, rx: 4, fill: "var(--ground)", stroke: INK[k] }));
          parts.push(svg("text", { x: mx, y: my + 1, "text-anchor": "middle" }, show(e[p] * x[p + k])));
        }
      }
    }
    const node = (cx, cy, value, name, strong) => {
      parts.push(svg("circle", { cx, cy, r: 25, fill: strong ? "var(--done)" : "var(--pixel)", stroke: "var(--quiet)", "stroke-width": strong ? 3 : 1.2 }));
      parts.push(svg("text", { x: cx, y: cy + 6, "text-anchor": "middle" }, show(value)));
      if (name) parts.push(svg("text", { x: cx, y: cy + 48, "text-anchor": "middle", class: "ex-quiet" }, name));
    };
    for (let n = 0; n < N; n++) node(inX(n), low, x[n], "x" + (n + 1), step >= 1 && step <= O && n >= step - 1 && n < step - 1 + K);
    for (let p = 0; p < O; p++) {
      node(outX(p), high, y[p], "", step === p + 1);
      parts.push(svg("text", { x: outX(p), y: high - 58, "text-anchor": "middle", class: "ex-quiet" }, "target " + show(t[p])));
      parts.push(svg("text", { x: outX(p), y: high - 36, "text-anchor": "middle" }, "error " + show(e[p])));
    }
    const sums = gradient(Math.min(step, O)), gathered = [];
    w.forEach((weight, k) => {
      const top = 60 + k * 160;
      gathered.push(svg("rect", { x: 545, y: top, width: 245, height: 130, rx: 8, fill: "none", stroke: INK[k], "stroke-width": 2.5 }));
      gathered.push(svg("text", { x: 560, y: top + 28, style: "font-weight:600" }, "w" + (k + 1) + " = " + show(weight)));
      for (let p = 0; p < Math.min(step, O); p++) {
        gathered.push(svg("text", { x: 575, y: top + 54 + p * 21, class: p === step - 1 ? null : "ex-quiet" }, "use " + (p + 1) + ": " + show(e[p] * x[p + k])));
      }
      gathered.push(svg("text", { x: 778, y: top + 28, "text-anchor": "end" }, "\u2211 = " + show(sums[k])));
    });
    arrange(picture, layout.narrow, 800, 400, [[40, 470, parts], [533, 267, gathered]]);
  }
  fields();
  draw();
});
