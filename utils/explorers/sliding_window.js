explore("sliding-window", (root, settings, say) => {
  const { height, width, bias } = settings;
  const kernel = settings.kernel, kh = kernel.length, kw = kernel[0].length;
  const pixels = Array.from(bytes(settings.pixels), (value) => value / 255);
  const rows = height - kh + 1, columns = width - kw + 1, count = rows * columns;
  const state = readAddress({ position: 0 });
  let position = Math.min(Math.max(Math.round(state.position), 0), count - 1), filled = position;

  const map = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    let sum = bias;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) sum += kernel[i][j] * pixels[(Math.floor(k / columns) + i) * width + (k % columns) + j];
    }
    map[k] = sum;
  }
  const most = Math.max(...map.map(Math.abs)) || 1;
  const heaviest = Math.max(...kernel.flat().map(Math.abs)) || 1;
  const short = (value, digits) => {
    const text = value.toFixed(digits);
    return signed(Number(text) === 0 ? "0" : text.replace(/^(-?)0\./, "$1."));
  };
  const number = (value) => signed(Number(value.toFixed(2)) === 0 ? "0.00" : value.toFixed(2));

  const play = button("\u25b6 Play", () => {
    if (run.playing) return run.stop();
    if (position >= count - 1) { filled = 0; go(0, false); }
    run.start(pace());
  });
  const back = button("\u2190 Back", () => { run.stop(); go(Math.max(position - 1, 0), true); }, "One position back");
  const next = button("Next \u2192", () => { run.stop(); go(Math.min(position + 1, count - 1), true); }, "One position on");
  const end = button("Fill all", () => { run.stop(); filled = count - 1; go(count - 1, true); }, "Fill the whole feature map");
  const restart = button("Clear", () => { run.stop(); filled = 0; go(0, true); }, "Back to the first position");
  const speed = html("select", { name: "speed", onchange: () => run.pace(pace()) },
    html("option", { value: "400" }, "slow"), html("option", { value: "60", selected: true }, "medium"),
    html("option", { value: "15" }, "fast"));
  const pace = () => Number(speed.value);

  const W = 1080, H = 372, y0 = 34, side = Math.min(320 / height, 320 / width);
  const mapX = W - columns * side - 4, mapY = y0 + (height - rows) * side / 2;
  const picture = svg("svg", {
    viewBox: "0 0 " + W + " " + H, tabindex: "0", role: "application", "data-part": "picture",
    "aria-roledescription": "drawing", "aria-label": "Image, detector and feature map. The arrow keys move the detector.",
    onkeydown: (event) => {
      const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!by) return;
      event.preventDefault();
      run.stop();
      const row = Math.min(Math.max(Math.floor(position / columns) + by[0], 0), rows - 1);
      const column = Math.min(Math.max((position % columns) + by[1], 0), columns - 1);
      go(row * columns + column, true);
    },
  });
  const square = (x, y, size, more) => svg("rect", { x, y, width: size, height: size, ...more });
  const label = (x, y, words, more) => svg("text", { x, y, "text-anchor": "middle", ...more }, words);
  const clamp = (v, high) => Math.min(Math.max(v, 0), high);
  const first = [], second = [], third = []; // image, what is multiplied, feature map
  pixels.forEach((value, k) => {
    const row = Math.floor(k / width), column = k % width;
    first.push(square(4 + column * side, y0 + row * side, side + 0.4, {
      fill: rgb(grey(value)), style: "cursor:pointer",
      onclick: () => { run.stop(); go(clamp(row - (kh >> 1), rows - 1) * columns + clamp(column - (kw >> 1), columns - 1), true); },
    }));
  });
  const cells = Array.from(map, (value, k) => square(mapX + (k % columns) * side, mapY + Math.floor(k / columns) * side, side + 0.4, {
    style: "cursor:pointer", onclick: () => { run.stop(); go(k, true); },
  }));
  const frame = svg("rect", { x: 4, y: y0, width: kw * side, height: kh * side, fill: "none", stroke: "#ff7a1a", "stroke-width": 3, class: "ex-moving" });
  const spot = square(mapX, mapY, side, { fill: "none", stroke: "var(--window)", "stroke-width": 3, class: "ex-moving" });
  const border = svg("rect", { x: mapX, y: mapY, width: columns * side, height: rows * side, fill: "none", stroke: "var(--line)" });
  first.push(frame);
  third.push(...cells, border, spot);

  // The middle: pixels seen, times weights.
  const tile = Math.min(38, 170 / kh, 190 / kw), from = 4 + width * side, room = mapX - from;
  const patchX = from + (room - 2 * kw * tile - 30) / 2, weightX = patchX + kw * tile + 30, tileY = 96;
  const patch = [];
  const small = { style: "font-size:" + Math.min(15, tile * 0.42) + "px" };
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const box = square(patchX + j * tile, tileY + i * tile, tile, { stroke: "var(--line)" });
      const words = label(patchX + (j + 0.5) * tile, tileY + (i + 0.65) * tile, "", small);
      patch.push([box, words]);
      const colour = diverging(0.5 + kernel[i][j] / heaviest / 2);
      const whole = Number.isInteger(kernel[i][j]);
      second.push(box, words, square(weightX + j * tile, tileY + i * tile, tile, { fill: rgb(colour), stroke: "var(--line)" }),
        label(weightX + (j + 0.5) * tile, tileY + (i + 0.65) * tile, short(kernel[i][j], whole ? 0 : 2),
          { style: small.style + ";fill:" + inkOn(colour) }));
    }
  }
  const middle = from + room / 2, under = tileY + kh * tile;
  const sum = label(middle, under + 36, "", { style: "font-size:21px;font-weight:600", "data-part": "sum" });
  first.push(label(4 + width * side / 2, 22, "image, " + height + "\u00d7" + width));
  third.push(label(mapX + columns * side / 2, mapY - 12, "feature map, " + rows + "\u00d7" + columns));
  second.push(
    label(patchX + kw * tile / 2, tileY - 10, "pixels seen"), label(weightX + kw * tile / 2, tileY - 10, "weights"),
    label(patchX + kw * tile + 15, tileY + kh * tile / 2 + 6, "\u00d7", { style: "font-size:22px" }),
    label(middle, 52, "multiply cell by cell, add up" + (bias ? ", add the bias" : ""), { class: "ex-quiet" }), sum,
    label(middle, under + 62, bias ? "bias " + number(bias) : "", { class: "ex-quiet" }));
  const layout = watchWidth(root, () => place());
  const place = () => arrange(picture, layout.narrow, W, layout.narrow ? 364 : H,
    [[4 + width * side / 2 - 200, 400, first], [middle - 200, 400, second], [mapX + columns * side / 2 - 200, 400, third]]);
  place();

  const where = html("p", { class: "ex-result", "data-part": "position" });
  const run = player(root, () => {
    if (position >= count - 1) return false;
    go(position + 1, false);
    return position < count - 1;
  }, (playing) => {
    play.textContent = playing ? "\u275a\u275a Pause" : "\u25b6 Play";
    if (!playing) say(where.textContent);
  });

  function go(there, spoken) {
    position = there;
    filled = Math.max(filled, there);
    const row = Math.floor(there / columns), column = there % columns;
    const shift = "translate(" + column * side + " " + row * side + ")";
    frame.setAttribute("transform", shift);
    spot.setAttribute("transform", shift);
    cells.forEach((cell, k) => {
      const shown = k <= filled;
      if (cell.shown === shown) return;
      cell.shown = shown;
      cell.setAttribute("fill", shown ? rgb(diverging(0.5 + map[k] / most / 2)) : "var(--control)");
    });
    patch.forEach(([box, words], k) => {
      const value = pixels[(row + Math.floor(k / kw)) * width + column + (k % kw)];
      const colour = grey(value);
      box.setAttribute("fill", rgb(colour));
      words.style.fill = inkOn(colour);
      words.textContent = value === 1 ? "1" : short(value, 1);
    });
    sum.textContent = "= " + number(map[there]);
    where.textContent = "Row " + row + ", column " + column + ": the sum of " + kh * kw + " products" +
      (bias ? " and the bias" : "") + " is " + number(map[there]) + ". " + (filled + 1) + " of " + count + " cells filled.";
    root.dataset.value = map[there];
    if (!run.playing) writeAddress(root, { position });
    if (spoken) say(where.textContent);
  }

  root.append(html("div", { class: "ex-buttons" }, play, back, next, end, restart,
    html("label", { class: "ex-choice" }, "Speed", speed)), picture, where,
    html("p", { class: "ex-quiet" }, "The same " + kh * kw + " weights visit every place: " + (kh * kw + 1) +
      " learned numbers with the bias, whatever the size of the image."));
  go(position, false);
});
