explore("receptive-field", (root, settings, say) => {
  const PRESETS = settings.presets, MOST = 6, WIDEST = 80;
  const state = readAddress({ layers: "" });
  const parse = (text) => {
    const layers = text.split(";").map((part) => part.split(",").map(Number));
    const right = layers.length <= MOST && layers.every(([k, s, d], _i) => k >= 1 && k <= 11 && s >= 1 && s <= 4 && d >= 1 && d <= 4);
    return right ? layers.map(([k, s, d]) => ({ kernel: k, stride: s, dilation: d })) : null;
  };
  let layers = (state.layers && parse(state.layers)) || PRESETS[settings.preset].map(([kernel, stride, dilation]) => ({ kernel, stride, dilation }));

  const preset = html("select", { name: "preset", onchange: () => {
    layers = PRESETS[preset.value].map(([kernel, stride, dilation]) => ({ kernel, stride, dilation }));
    rows();
    draw();
  } }, ...Object.keys(PRESETS).map((name) => html("option", { value: name, selected: name === settings.preset }, name)));
  const body = html("tbody", {});
  const add = button("Add a layer", () => { layers.push({ kernel: 3, stride: 1, dilation: 1 }); rows(); draw(); });
  const drop = button("Remove the last", () => { layers.pop(); rows(); draw(); });
  const head = (words) => html("th", { scope: "col", style: "text-align:left;padding:1px 5px;font-weight:600;background:none;color:inherit;border:0" }, words);
  const table = html("table", { style: "border-collapse:collapse;margin:4px 0;font-size:1em;color:inherit" },
    html("caption", { class: "unseen" }, "Layers of the stack, from the input upwards"),
    html("thead", {}, html("tr", { style: "background:none" }, head("layer"), head("kernel"), head("stride"), head("dilation"))), body);
  const layout = watchWidth(root, () => draw());
  const picture = svg("svg", { viewBox: "0 0 800 390", role: "img", "data-part": "picture" });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const steps = html("p", { class: "ex-quiet ex-formula", "data-part": "steps" });
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" }, html("label", { class: "ex-choice" }, "Stack", preset), table, html("div", { class: "ex-buttons" }, add, drop)),
    html("div", { class: "ex-picture" }, picture)), result, steps);

  function rows() {
    const cell = (...inner) => html("td", { style: "padding:1px 5px;background:none;border:0;color:inherit" }, ...inner);
    body.replaceChildren(...layers.map((layer, k) => html("tr", { style: "background:none" },
      html("th", { scope: "row", style: "font-weight:400;text-align:left;padding:1px 5px;background:none;border:0;color:inherit" }, String(k + 1)),
      ...[["kernel", 11], ["stride", 4], ["dilation", 4]].map(([name, high]) => cell(html("input", {
        type: "number", min: 1, max: high, step: 1, value: layer[name], "aria-label": name + " of layer " + (k + 1),
        oninput: (event) => {
          const value = Math.round(Number(event.target.value));
          if (!(value >= 1 && value <= high)) return;
          layer[name] = value;
          draw();
        },
      }))))));
    add.disabled = layers.length >= MOST;
    drop.disabled = layers.length <= 1;
  }

  function draw() {
    let field = 1, jump = 1;
    const fields = layers.map(({ kernel, stride, dilation }) => {
      field += dilation * (kernel - 1) * jump;
      jump *= stride;
      return { field, jump };
    });
    result.textContent = "One unit of layer " + layers.length + " sees " + field + " input pixel" + (field === 1 ? "" : "s") +
      "; its neighbour's view is shifted by " + jump + ".";
    steps.textContent = "Field after each layer: " + fields.map((f) => f.field).join(", ") + ". Shift between neighbours: " +
      fields.map((f) => f.jump).join(", ") + ".";
    Object.assign(root.dataset, { fields: JSON.stringify(fields.map((f) => f.field)), jumps: JSON.stringify(fields.map((f) => f.jump)) });
    state.layers = layers.map((l) => [l.kernel, l.stride, l.dilation].join(",")).join(";");
    writeAddress(root, state);
    picture.setAttribute("aria-label", "Cone of what one unit of the top layer sees. " + result.textContent);
    paint(field);
    say(result.textContent);
  }

  function paint(width) {
    const parts = [], W = layout.narrow ? 400 : 800, names = layout.narrow ? 64 : 80;
    picture.setAttribute("viewBox", "0 0 " + W + " 390");
    if (width > WIDEST) {
      picture.replaceChildren(...["A field of " + width + " pixels is too wide to draw", "(at most " + WIDEST + "); the numbers below hold."].map(
        (words, k) => svg("text", { x: W / 2, y: 180 + 24 * k, "text-anchor": "middle" }, words)));
      return;
    }
    const seen = [new Set([0])];
    for (const { kernel, stride, dilation } of [...layers].reverse()) {
      const below = new Set();
      for (const unit of seen[0]) for (let k = 0; k < kernel; k++) below.add(unit * stride + k * dilation);
      seen.unshift(below);
    }
    const margin = layout.narrow ? 1 : Math.max(2, Math.floor(width / 6)), total = width + 2 * margin, levels = seen.length;
    const wide = W - names - 80 + (layout.narrow ? 72 : 0);
    const cell = Math.min(wide / total, 34), left = names + 10 + (wide - cell * total) / 2 + margin * cell;
    const rise = 360 / levels, thick = Math.min(Math.max(cell, 8), rise * 0.42, 26);
    const y = (level) => 376 - thick - rise * level;
    const jumps = [1], centres = [0.5];
    layers.forEach(({ kernel, stride, dilation }, k) => {
      centres.push(centres[k] + dilation * (kernel - 1) / 2 * jumps[k]);
      jumps.push(jumps[k] * stride);
    });
    for (let level = 0; level < levels; level++) {
      const jump = jumps[level], centre = centres[level];
      const first = Math.ceil((-margin - centre + 0.5) / jump), last = Math.floor((width + margin - centre - 0.5) / jump);
      const box = level ? Math.min(jump * cell * 0.8, Math.max(cell * 0.92, 10)) : cell * 0.92;
      if (level) {
        const { kernel, stride, dilation } = layers[level - 1];
        for (const unit of seen[level]) {
          for (let k = 0; k < kernel; k++) {
            const tap = unit * stride + k * dilation;
            parts.push(svg("line", {
              x1: left + (centre + unit * jump) * cell, y1: y(level) + thick,
              x2: left + (centres[level - 1] + tap * jumps[level - 1]) * cell, y2: y(level - 1), stroke: "var(--line)",
            }));
          }
        }
      }
      for (let index = first; index <= last; index++) {
        const there = seen[level].has(index);
        parts.push(svg("rect", {
          x: left + (centre + index * jump) * cell - box / 2, y: y(level), width: box, height: thick,
          fill: there ? (level ? "var(--accent)" : "var(--window)") : "var(--ground)", stroke: "var(--quiet)",
          class: there && !level ? "seen" : null,
        }));
      }
      parts.push(svg("text", { x: names, y: y(level) + thick / 2 + 5, "text-anchor": "end" }, level ? "layer " + level : "input"));
    }
    picture.replaceChildren(...parts);
  }
  rows();
  draw();
});
