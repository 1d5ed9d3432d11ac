explore("convolution-arithmetic", (root, settings, say) => {
  const LIMITS = { size: [1, 16], kernel: [1, 9], padding: [0, 5], stride: [1, 5], dilation: [1, 4] };
  const NAMES = {
    size: "W, input size", kernel: "K, kernel size", padding: "P, padding", stride: "S, stride",
    dilation: "D, dilation",
  };
  const state = readAddress({ ...settings });
  for (const [name, [low, high]] of Object.entries(LIMITS)) {
    state[name] = Math.min(Math.max(Math.round(state[name]), low), high);
  }
  let position = 0, outputs = 0, move = () => {};
  const layout = watchWidth(root, () => { const there = position; draw(); go(Math.min(there, Math.max(outputs * outputs - 1, 0)), false); });

  const sliders = {};
  for (const name of Object.keys(LIMITS)) {
    sliders[name] = slider(name, NAMES[name], ...LIMITS[name], state[name], (key, value) => {
      state[key] = value;
      run.stop();
      draw();
    });
  }
  const play = button("\u25b6 Play", () => {
    if (run.playing) return run.stop();
    if (position >= outputs * outputs - 1) go(0, false);
    run.start(Math.min(450, Math.max(90, 12000 / (outputs * outputs))));
  });
  const back = button("\u2190 Back", () => step(-1), "One position back");
  const next = button("Next \u2192", () => step(1), "One position on");
  const reset = button("Reset", () => {
    run.stop();
    for (const name of Object.keys(LIMITS)) state[name] = sliders[name].set(settings[name]);
    draw();
  }, "Back to the first setting");
  const picture = svg("svg", {
    viewBox: "0 0 800 390", tabindex: "0", role: "application", "data-part": "picture",
    "aria-roledescription": "drawing",
    "aria-label": "Padded input and output. The arrow keys move the window.",
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -outputs, ArrowDown: outputs }[event.key];
      if (!by || !outputs) return;
      event.preventDefault();
      run.stop();
      const there = position + by;
      if (there >= 0 && there < outputs * outputs) go(there, true);
    },
  });
  const formula = html("p", { class: "ex-formula", "data-part": "formula" });
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const where = html("p", { class: "ex-quiet", "data-part": "position" });
  const call = html("code", { "data-part": "call" });
  const run = player(root, () => {
    if (position >= outputs * outputs - 1) return false;
    go(position + 1, false);
    return position < outputs * outputs - 1;
  }, (playing) => {
    play.textContent = playing ? "\u275a\u275a Pause" : "\u25b6 Play";
    if (!playing && outputs) say(where.textContent);
  });

  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" },
      html("fieldset", {}, html("legend", {}, "Convolution along each axis"), ...Object.values(sliders)),
      html("div", { class: "ex-buttons" }, play, back, next, reset)),
    html("div", { class: "ex-picture" }, picture)), formula, result, where, html("p", {}, call));

  function step(by) {
    run.stop();
    go(Math.min(Math.max(position + by, 0), outputs * outputs - 1), true);
  }

  function go(there, spoken) {
    position = there;
    move();
    if (spoken) say(where.textContent);
  }

  function draw() {
    const { size: W, kernel: K, padding: P, stride: S, dilation: D } = state;
    const span = D * (K - 1) + 1, padded = W + 2 * P, room = padded - span;
    outputs = room < 0 ? 0 : Math.floor(room / S) + 1;
    position = 0;
    writeAddress(root, state);
    root.dataset.output = outputs;
    call.textContent = "nn.Conv2d(1, 1, kernel_size=" + K + ", stride=" + S + ", padding=" + P +
      ", dilation=" + D + ")";
    const general = "O = \u230a(W + 2P " + MINUS + " D(K " + MINUS + " 1) " + MINUS + " 1) / S\u230b + 1";
    const top = W + " + 2\u00b7" + P + " " + MINUS + " " + D + "\u00b7(" + K + " " + MINUS + " 1) " + MINUS + " 1";
    for (const control of [play, back, next]) control.disabled = !outputs;
    if (!outputs) {
      formula.textContent = general + ", but (" + top + ") = " + signed(room) + " is below zero";
      result.textContent = "No output: the kernel spans " + span + " pixels, the padded input has only " +
        padded + ". Make W or P larger, or K or D smaller.";
      where.textContent = "";
    } else {
      formula.textContent = general + " = \u230a(" + top + ") / " + S + "\u230b + 1 = \u230a" + room + " / " + S +
        "\u230b + 1 = " + outputs;
      const extra = [];
      if (outputs === W) extra.push("The map keeps its size.");
      const left = room - (outputs - 1) * S;
      if (left) {
        extra.push("Without the rounding down: " + String(+(room / S + 1).toFixed(2)) + ". No window reaches the last " +
          (left === 1 ? "row and column" : left + " rows and columns") + " (hatched).");
      }
      result.textContent = "Output: " + outputs + " \u00d7 " + outputs + "." + extra.map((words) => " " + words).join("");
    }
    paint(W, K, P, S, D, span, padded);
    say(result.textContent);
  }

  function paint(W, K, P, S, D, span, padded) {
    const gap = 90, high = 352, top = 32;
    const cell = Math.min(46, high / Math.max(padded, span, outputs), (800 - gap - 8) / (Math.max(padded, outputs ? 0 : span) + outputs));
    const tall = Math.max(padded, outputs) * cell;
    const left = Math.max(4, (800 - (padded + outputs) * cell - gap) / 2);
    const y = top + (high - tall) / 2, inY = y + (tall - padded * cell) / 2;
    const outX = left + padded * cell + gap, outY = y + (tall - outputs * cell) / 2;
    const used = outputs ? (outputs - 1) * S + span : 0;
    const parts = [svg("defs", {}, svg("pattern", {
      id: root.id + "-hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
    }, svg("line", { x1: 0, y1: 0, x2: 0, y2: 7, stroke: "var(--quiet)", "stroke-width": 1.6 })))];
    const square = (x, top, side, more) => svg("rect", { x, y: top, width: side, height: side, ...more });
    for (let row = 0; row < padded; row++) {
      for (let column = 0; column < padded; column++) {
        const real = row >= P && row < P + W && column >= P && column < P + W;
        const at = [left + column * cell, inY + row * cell, cell];
        parts.push(square(...at, {
          fill: real ? "var(--pixel)" : "none", stroke: "var(--line)",
          "stroke-dasharray": real ? null : "2 3", class: real ? "real" : "zero",
        }));
        if (outputs && (row >= used || column >= used)) parts.push(square(...at, { fill: "url(#" + root.id + "-hatch)" }));
      }
    }
    const taps = svg("g", { class: "ex-moving", "data-part": "window" });
    for (let i = 0; i < K; i++) {
      for (let j = 0; j < K; j++) {
        taps.append(square(left + j * D * cell, inY + i * D * cell, cell, { fill: "var(--window)", "fill-opacity": 0.6 }));
      }
    }
    taps.append(square(left, inY, span * cell, { fill: "none", stroke: "var(--window)", "stroke-width": 3 }));
    parts.push(taps);
    const cells = [];
    for (let k = 0; k < outputs * outputs; k++) {
      cells.push(square(outX + (k % outputs) * cell, outY + Math.floor(k / outputs) * cell, cell, {
        stroke: "var(--quiet)", style: "cursor:pointer", onclick: () => { run.stop(); go(k, true); },
      }));
    }
    const right = [], between = [];
    const label = (x, y, words, end) => svg("text", { x, y, "text-anchor": end || "middle" }, words);
    const name = P ? "input " + W + "\u00d7" + W + ", padded to " + padded + "\u00d7" + padded : "input " + W + "\u00d7" + W;
    parts.push(label(Math.max(left + padded * cell / 2, 110), Math.max(inY - 10, 16), name));
    right.push(...cells);
    if (outputs) {
      const x = outX - gap + 16, middle = y + tall / 2;
      between.push(svg("path", {
        d: "M" + x + " " + middle + "h" + (gap - 44) + "m-10 -8l10 8l-10 8", fill: "none",
        stroke: "var(--quiet)", "stroke-width": 2,
      }));
      right.push(label(Math.min(Math.max(outX + outputs * cell / 2, outX + 20), 740), Math.max(outY - 10, 16), "output " + outputs + "\u00d7" + outputs));
    }
    const panels = [[left + Math.max(padded, outputs ? 0 : span) * cell / 2 - 200, 400, parts]];
    if (outputs) panels.push([outX + outputs * cell / 2 - 200, 400, right]);
    arrange(picture, layout.narrow, 800, 390, panels, between);
    move = () => {
      if (!outputs) return;
      const row = Math.floor(position / outputs), column = position % outputs;
      taps.setAttribute("transform", "translate(" + column * S * cell + " " + row * S * cell + ")");
      cells.forEach((rect, k) => {
        rect.setAttribute("fill", k === position ? "var(--window)" : k < position ? "var(--done)" : "var(--ground)");
      });
      const range = (first) => signed(first - P) + " to " + signed(first - P + span - 1);
      where.textContent = "Output row " + row + ", column " + column + " reads input rows " + range(row * S) +
        " and columns " + range(column * S) + (D > 1 ? ", every " + D + (D === 2 ? "nd" : D === 3 ? "rd" : "th") + " one" : "") +
        (P ? "; what lies outside 0 to " + (W - 1) + " is padding" : "") + ".";
    };
    move();
  }

  draw();
});
