explore("parameter-builder", (root, settings, say) => {
  const PRESETS = settings.presets, MOST = 12;
  const PARTS = { conv: ["channels", "kernel", "stride", "padding"], pool: ["kernel", "stride", "padding"], dense: ["units"] };
  const LIMITS = { channels: [1, 4096], units: [1, 10000], kernel: [1, 15], stride: [1, 8], padding: [0, 7] };
  const START = { conv: ["conv", 16, 3, 1, 1], pool: ["pool", 2, 2, 0], dense: ["dense", 10] };
  const state = readAddress({ channels: 0, side: 0, layers: "" });
  const fits = (name, value) => Number.isInteger(value) && value >= LIMITS[name][0] && value <= LIMITS[name][1];
  function parse(text) {
    const layers = text.split(";").map((part) => part.split(",").map((word, k) => (k ? Number(word) : word)));
    const right = layers.length <= MOST && layers.every(([kind, ...numbers]) =>
      kind in PARTS && numbers.length === PARTS[kind].length && numbers.every((value, k) => fits(PARTS[kind][k], value)));
    return right ? layers : null;
  }
  let layers, input;
  function load(name) {
    layers = PRESETS[name].layers.map((layer) => [...layer]);
    input = [...PRESETS[name].input];
  }
  load(settings.preset);
  const linked = state.layers && parse(state.layers);
  if (linked) layers = linked;
  if (linked && state.channels >= 1 && state.channels <= 16 && state.side >= 1 && state.side <= 512) input = [Math.round(state.channels), Math.round(state.side)];

  const preset = html("select", { name: "preset", onchange: () => { load(preset.value); rows(); draw(); } },
    ...Object.keys(PRESETS).map((name) => html("option", { value: name, selected: name === settings.preset }, name)));
  const entry = (value, name, words, changed, wide) => html("input", {
    type: "number", min: LIMITS[name][0], max: LIMITS[name][1], step: 1, value, "aria-label": words, autocomplete: "off", class: wide ? "wide" : null,
    oninput: (event) => {
      const next = Number(event.target.value);
      if (event.target.value === "" || !fits(name, next)) return;
      changed(next);
      draw();
    },
  });
  const of = (k, limit, words) => html("input", { type: "number", min: 1, max: limit, step: 1, value: input[k], "aria-label": words, autocomplete: "off",
    oninput: (event) => {
      const next = Number(event.target.value);
      if (!Number.isInteger(next) || next < 1 || next > limit) return;
      input[k] = next;
      draw();
    } });
  const start = html("span", {});
  const body = html("tbody", {});
  const head = (words, right) => html("th", { scope: "col", class: right ? "number" : null }, words);
  const table = html("table", { class: "ex-layers" },
    html("caption", { class: "unseen" }, "Layers from the input upwards"),
    html("thead", {}, html("tr", {}, head("layer"), head("settings"), head("output", true), head("parameters", true), head("multiply-adds", true), head("shares"), html("th", { scope: "col" }, html("span", { class: "unseen" }, "remove")))), body);
  // What is convolved or pooled comes before the dense layers, which leave no rows and columns.
  const insert = (kind) => {
    const dense = layers.findIndex((layer) => layer[0] === "dense");
    const at = kind === "dense" || dense < 0 ? layers.length : dense;
    layers.splice(at, 0, [...START[kind]]);
    rows();
    draw();
    body.rows[at].querySelector("input").focus();
  };
  const adds = Object.entries({ conv: "Add a convolution", pool: "Add pooling", dense: "Add a dense layer" }).map(([kind, words]) =>
    button(words, () => insert(kind)));
  const remove = (n) => {
    layers.splice(n, 1);
    rows();
    draw();
    body.rows[Math.min(n, layers.length - 1)].querySelector("input").focus();
  };
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const key = html("p", { class: "ex-quiet" }, html("span", { "aria-hidden": "true", style: "color:var(--window)" }, "\u25a0 "), "parameters  ", html("span", { "aria-hidden": "true", style: "color:var(--accent)" }, "\u25a0 "), "multiply-adds: the share of each layer");
  watchWidth(root, () => {});
  root.append(html("div", { style: "display:flex;flex-wrap:wrap;gap:4px 18px;align-items:center" },
    html("label", { class: "ex-choice" }, "Network", preset), start), table,
    html("div", { class: "ex-buttons" }, ...adds, button("Reset", () => { preset.value = settings.preset; load(settings.preset); rows(); draw(); })), result, key);

  let cells = [];
  function rows() {
    start.replaceChildren("Input ", of(0, 16, "input channels"), " channels, side ", of(1, 512, "input side"));
    cells = layers.map(() => ({}));
    body.replaceChildren(...layers.map((layer, n) => {
      const [kind] = layer, cell = cells[n];
      const inputs = PARTS[kind].flatMap((name, k) => [
        html("span", { "aria-hidden": "true" }, k ? " " + { kernel: "K", stride: "S", padding: "P" }[name] + " " : ""),
        entry(layer[k + 1], name, name + " of layer " + (n + 1), (next) => { layer[k + 1] = next; }, name === "units" || name === "channels")]);
      inputs[0].textContent = { conv: "maps ", pool: "K ", dense: "units " }[kind];
      for (const [name, words] of [["output", "output"], ["parameters", "parameters"], ["macs", "multiply-adds"]]) cell[name] = html("td", { class: "number", "data-name": words });
      cell.bars = html("td", { class: "bars" });
      return html("tr", {}, html("th", { scope: "row" }, (n + 1) + " " + { conv: "convolution", pool: "pooling", dense: "dense" }[kind]),
        html("td", { class: "settings" }, ...inputs), cell.output, cell.parameters, cell.macs, cell.bars,
        html("td", { class: "remove" }, html("button", { type: "button", disabled: layers.length === 1, "aria-label": "Remove layer " + (n + 1), onclick: () => remove(n) }, "\u00d7")));
    }));
    adds.forEach((add) => { add.disabled = layers.length >= MOST; });
  }

  function count() {
    let shape = [input[0], input[1], input[1]], flat = null;
    const done = [];
    for (const [kind, ...numbers] of layers) {
      if (kind === "dense") {
        const inside = flat === null ? shape.reduce((a, b) => a * b, 1) : flat;
        flat = numbers[0];
        done.push({ output: [flat], parameters: flat * (inside + 1), macs: flat * inside });
        continue;
      }
      if (flat !== null) return { done, problem: "a dense layer has no rows and columns left to " + (kind === "conv" ? "convolve" : "pool") + ": put it before the dense layers" };
      const [K, S, P] = kind === "conv" ? numbers.slice(1) : numbers;
      const side = Math.floor((shape[1] + 2 * P - K) / S) + 1;
      if (shape[1] + 2 * P < K) return { done, problem: "its kernel of " + K + " does not fit into " + (shape[1] + 2 * P) + " pixels" };
      if (kind === "pool" && P > K / 2) return { done, problem: "pooling takes a padding of at most half its kernel" };
      const channels = kind === "conv" ? numbers[0] : shape[0];
      done.push({ output: [channels, side, side], parameters: kind === "conv" ? channels * (shape[0] * K * K + 1) : 0, macs: kind === "conv" ? channels * side * side * shape[0] * K * K : 0 });
      shape = [channels, side, side];
    }
    return { done, problem: null };
  }

  const number = (value) => value.toLocaleString("en-GB");
  function draw() {
    const { done, problem } = count();
    const total = { parameters: 0, macs: 0 };
    for (const layer of done) { total.parameters += layer.parameters; total.macs += layer.macs; }
    cells.forEach((cell, n) => {
      const layer = done[n];
      cell.output.textContent = layer ? layer.output.join("\u00d7") : "\u2013";
      cell.parameters.textContent = layer ? number(layer.parameters) : "\u2013";
      cell.macs.textContent = layer ? number(layer.macs) : "\u2013";
      const share = (name) => (layer && total[name] ? layer[name] / total[name] : 0);
      cell.bars.replaceChildren(svg("svg", { viewBox: "0 0 180 20", preserveAspectRatio: "none", style: "width:100%;height:20px", "aria-hidden": "true" },
        svg("rect", { x: 0, y: 2, width: 180 * share("parameters"), height: 7, fill: "var(--window)" }),
        svg("rect", { x: 0, y: 11, width: 180 * share("macs"), height: 7, fill: "var(--accent)" })));
    });
    result.textContent = problem ? "Layer " + (done.length + 1) + " cannot be built: " + problem + "." :
      number(total.parameters) + " parameters, " + number(total.macs) + " multiply-adds for one picture.";
    Object.assign(root.dataset, { counts: JSON.stringify(done), parameters: total.parameters, macs: total.macs, problem: problem || "" });
    Object.assign(state, { channels: input[0], side: input[1], layers: layers.map((layer) => layer.join(",")).join(";") });
    writeAddress(root, state);
    say(result.textContent);
  }
  rows();
  draw();
});
