explore("kernel-editor", (root, settings, say) => {
  const { height, width } = settings;
  const pixels = Float64Array.from(bytes(settings.pixels), (value) => value / 255);
  const PRESETS = settings.presets;
  const state = readAddress({ preset: settings.preset, weights: "", divisor: 1, flip: 0 });
  let size = 3, weights = [], inputs = [];

  const preset = html("select", { name: "preset", onchange: () => { state.weights = ""; take(preset.value); } },
    ...Object.keys(PRESETS).map((name) => html("option", { value: name }, name)),
    html("option", { value: "own", hidden: true }, "your own"));
  const side = html("select", { name: "side", onchange: () => resize(Number(side.value)) },
    html("option", { value: "3" }, "3 \u00d7 3"), html("option", { value: "5" }, "5 \u00d7 5"));
  const divisor = html("input", { type: "number", name: "divisor", value: 1, min: 1, step: 1, oninput: () => edited() });
  const flip = html("input", { type: "checkbox", name: "flip", onchange: () => draw() });
  const grid = html("div", { role: "group", "aria-label": "Weights of the kernel", style: "display:grid;gap:4px;width:max-content;margin:6px 0" });
  const shown = html("canvas", { width, height, role: "img", "aria-label": settings.alt, style: "width:400px" });
  const answer = html("canvas", { role: "img", "data-part": "map", style: "width:400px" });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const colours = html("p", { class: "ex-quiet" });

  root.append(
    html("div", { class: "ex-columns" },
      html("div", {}, html("span", { class: "ex-heading" }, "photo"), shown),
      html("fieldset", { style: "flex:0 1 262px" }, html("legend", {}, "kernel"),
        html("label", { class: "ex-choice" }, "Preset", preset), html("label", { class: "ex-choice" }, "Size", side), grid,
        html("label", { class: "ex-choice" }, "divided by", divisor),
        html("label", { class: "ex-choice" }, flip, "turn by 180\u00b0 (true convolution)")),
      html("div", {}, html("span", { class: "ex-heading" }, "feature map"), answer)),
    result, colours);

  const picture = shown.getContext("2d"), raw = picture.createImageData(width, height);
  pixels.forEach((value, k) => raw.data.set([...grey(value), 255], 4 * k));
  picture.putImageData(raw, 0, 0);

  function boxes() {
    inputs = weights.flat().map((value, k) => html("input", {
      type: "number", step: "any", value, "aria-label": "row " + (Math.floor(k / size) + 1) + ", column " + (k % size + 1),
      oninput: () => edited(),
    }));
    grid.style.gridTemplateColumns = "repeat(" + size + ", max-content)";
    grid.replaceChildren(...inputs);
    side.value = String(size);
  }

  function take(name) {
    const chosen = PRESETS[name];
    [state.preset, preset.value] = [name, name];
    weights = chosen.weights.map((row) => [...row]);
    size = weights.length;
    divisor.value = chosen.divisor;
    boxes();
    draw();
  }

  function resize(next) {
    const shift = (next - size) / 2;
    weights = Array.from({ length: next }, (_, i) => Array.from({ length: next }, (_, j) => (weights[i - shift] || [])[j - shift] || 0));
    size = next;
    boxes();
    edited();
  }

  function edited() {
    weights = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Number(inputs[i * size + j].value) || 0));
    preset.value = "own";
    state.preset = "own";
    draw();
  }

  function draw() {
    const by = Number(divisor.value) || 1;
    const used = weights.map((row) => row.map((value) => value / by));
    if (flip.checked) used.reverse().forEach((row) => row.reverse());
    const rows = height - size + 1, columns = width - size + 1;
    const map = new Float64Array(rows * columns);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const w = used[i][j];
        if (!w) continue;
        for (let y = 0; y < rows; y++) {
          const from = (y + i) * width + j, to = y * columns;
          for (let x = 0; x < columns; x++) map[to + x] += w * pixels[from + x];
        }
      }
    }
    let low = Infinity, high = -Infinity, total = 0;
    for (const value of map) { low = Math.min(low, value); high = Math.max(high, value); total += value; }
    const both = low < -0.02, most = Math.max(-low, high) || 1;
    answer.width = columns;
    answer.height = rows;
    const context = answer.getContext("2d"), image = context.createImageData(columns, rows);
    map.forEach((value, k) => image.data.set([...(both ? diverging(0.5 + value / most / 2) : grey(value)), 255], 4 * k));
    context.putImageData(image, 0, 0);
    const number = (value) => signed(Number(value.toFixed(2)) === 0 ? "0.00" : value.toFixed(2));
    const sum = used.flat().reduce((a, b) => a + b, 0);
    result.textContent = "Map of " + rows + " \u00d7 " + columns + ", values from " + number(low) + " to " + number(high) +
      ", mean " + number(total / map.length) + ". The weights add up to " + number(sum) + ".";
    colours.textContent = both ? "Blue is below zero, white is zero, orange above." :
      "Shown like the photo: black is 0, white is 1; what lies outside is cut off.";
    answer.setAttribute("aria-label", "Feature map. " + result.textContent);
    Object.assign(root.dataset, { low, high, mean: total / map.length });
    state.divisor = by;
    state.flip = Number(flip.checked);
    state.weights = weights.map((row) => row.join(",")).join(";");
    writeAddress(root, state);
    say(result.textContent);
  }

  const stored = state.weights.split(";").map((row) => row.split(",").map(Number));
  flip.checked = state.flip === 1;
  if ((stored.length === 3 || stored.length === 5) && stored.every((row) => row.length === stored.length && row.every(Number.isFinite))) {
    weights = stored;
    size = stored.length;
    divisor.value = state.divisor;
    boxes();
    preset.value = state.preset in PRESETS ? state.preset : "own";
    draw();
  } else {
    take(state.preset in PRESETS ? state.preset : settings.preset);
  }
});
