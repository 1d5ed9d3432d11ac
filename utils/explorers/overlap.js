explore("overlap", (root, settings, say) => {
  const W = 40, H = 30, UNIT = 14, COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
  const LETTERS = "ABCDE", N = settings.boxes.length;
  const state = { threshold: Math.round(settings.threshold * 100), chosen: 0 };
  settings.boxes.forEach((box, k) => { state["box" + LETTERS[k]] = box.join(","); });
  readAddress(state);
  const inside = (value, low, high) => Math.min(Math.max(value, low), high);
  const whole = (values) => values.length === 5 && values.every(Number.isFinite) && values[0] >= 0 && values[0] < values[2] && values[2] <= W &&
    values[1] >= 0 && values[1] < values[3] && values[3] <= H && values[4] >= 0 && values[4] <= 1;
  let boxes = settings.boxes.map((box, k) => {
    const linked = state["box" + LETTERS[k]].split(",").map(Number);
    return whole(linked) ? linked : [...box];
  });
  state.threshold = inside(Math.round(state.threshold), 0, 100);
  state.chosen = inside(Math.round(state.chosen), 0, N - 1);

  const threshold = slider("threshold", "drop above, %", 0, 100, state.threshold, (_, value) => { state.threshold = value; draw(); });
  const which = html("select", { name: "chosen", onchange: () => { state.chosen = Number(which.value); draw(); } },
    ...boxes.map((_, k) => html("option", { value: k, selected: k === state.chosen }, "box " + LETTERS[k])));
  const names = ["left", "top", "right", "bottom", "score"];
  const inputs = names.map((name, k) => html("input", {
    type: "number", name, min: 0, max: [W, H, W, H, 1][k], step: k === 4 ? 0.01 : 1, "aria-label": name + " of the chosen box", autocomplete: "off", style: "width:4.2em",
    oninput: (event) => {
      const next = [...boxes[state.chosen]];
      next[k] = Number(event.target.value);
      if (event.target.value === "" || !whole(next)) return;
      boxes[state.chosen] = next;
      draw();
    },
  }));
  const fields = html("p", {}, ...names.flatMap((name, k) => [html("label", { style: "display:inline-block;margin:2px 8px 2px 0" }, name + " ", inputs[k])]));
  const move = (dx, dy, size) => {
    const box = boxes[state.chosen];
    if (size) {
      box[2] = inside(box[2] + dx, box[0] + 1, W);
      box[3] = inside(box[3] + dy, box[1] + 1, H);
    } else {
      dx = inside(dx, -box[0], W - box[2]);
      dy = inside(dy, -box[1], H - box[3]);
      box[0] += dx; box[2] += dx; box[1] += dy; box[3] += dy;
    }
    draw();
  };
  const picture = svg("svg", {
    viewBox: "-4 -4 " + (W * UNIT + 8) + " " + (H * UNIT + 8), tabindex: "0", role: "application", "aria-roledescription": "drawing", "data-part": "picture",
    "aria-label": "Boxes. Arrow keys move the chosen box, with Shift they size it; letters A to E choose.",
    onkeydown: (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const letter = LETTERS.slice(0, N).indexOf(event.key.toUpperCase());
      if (by) move(...by, event.shiftKey);
      else if (letter >= 0 && event.key.length === 1) { state.chosen = letter; draw(); } else return;
      event.preventDefault();
    },
  });
  const place = (event) => {
    const point = pointIn(picture, event);
    return [point.x / UNIT, point.y / UNIT];
  };
  draggable(picture, (event) => {
    const [px, py] = place(event);
    const under = boxes.map((_, k) => k).filter((k) => px >= boxes[k][0] - 0.7 && px <= boxes[k][2] + 0.7 && py >= boxes[k][1] - 0.7 && py <= boxes[k][3] + 0.7);
    if (!under.length) return null;
    const k = under.includes(state.chosen) ? state.chosen : under[0], box = boxes[k];
    state.chosen = k;
    draw();
    return { k, from: [px, py], box: [...box], size: Math.hypot(px - box[2], py - box[3]) < 1.8 };
  }, (event, held) => {
    const [px, py] = place(event), dx = Math.round(px - held.from[0]), dy = Math.round(py - held.from[1]);
    boxes[held.k] = [...held.box];
    state.chosen = held.k;
    move(dx, dy, held.size);
  });
  const layout = watchWidth(root, () => draw());
  const result = html("p", { class: "ex-result", "data-part": "result" });
  const verdicts = html("ol", { style: "margin:2px 0;padding-left:1.5em;font-size:1em", "data-part": "verdicts" });
  root.append(html("div", { class: "ex-columns" },
    html("div", { class: "ex-controls" },
      html("label", { class: "ex-choice" }, "Choose", which), fields, threshold,
      html("p", { class: "ex-heading" }, "Suppression, best score first"), verdicts,
      html("div", { class: "ex-buttons" }, button("Reset", () => {
        boxes = settings.boxes.map((box) => [...box]);
        state.threshold = threshold.set(Math.round(settings.threshold * 100));
        draw();
      }))),
    html("div", { class: "ex-picture" }, picture)), result,
    html("p", { class: "ex-quiet" }, "Drag a box or its corner. Keys in the drawing: A to E choose, arrows move, with Shift they size. Dashed: suppressed."));

  const area = (b) => (b[2] - b[0]) * (b[3] - b[1]);
  function iou(a, b) {
    const shared = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    return shared / (area(a) + area(b) - shared);
  }
  function suppress() {
    const order = boxes.map((_, k) => k).sort((a, b) => boxes[b][4] - boxes[a][4]), kept = [], by = {};
    for (const k of order) {
      const rival = kept.find((better) => iou(boxes[better], boxes[k]) > state.threshold / 100);
      if (rival === undefined) kept.push(k); else by[k] = rival;
    }
    return { order, kept, by };
  }

  function draw() {
    const { order, kept, by } = suppress(), parts = [svg("rect", { x: 0, y: 0, width: W * UNIT, height: H * UNIT, fill: "var(--pixel)", stroke: "var(--line)" })];
    which.value = state.chosen;
    inputs.forEach((input, k) => { if (document.activeElement !== input) input.value = boxes[state.chosen][k]; });
    const drawing = [...order].reverse().filter((k) => k !== state.chosen).concat(state.chosen);
    for (const k of drawing) {
      const b = boxes[k], stays = kept.includes(k);
      parts.push(svg("rect", { x: b[0] * UNIT, y: b[1] * UNIT, width: (b[2] - b[0]) * UNIT, height: (b[3] - b[1]) * UNIT, fill: COLOURS[k], "fill-opacity": stays ? 0.22 : 0.05, stroke: COLOURS[k], "stroke-width": k === state.chosen ? 5 : 3, "stroke-dasharray": stays ? null : "9 6" }));
      parts.push(svg("text", { x: b[0] * UNIT + 6, y: b[1] * UNIT + (layout.narrow ? 24 : 20), style: layout.narrow ? "font-size:22px" : null }, LETTERS[k] + " " + b[4].toFixed(2).replace(/^0/, "")));
    }
    const c = boxes[state.chosen];
    parts.push(svg("rect", { x: c[2] * UNIT - 7, y: c[3] * UNIT - 7, width: 14, height: 14, fill: "var(--ground)", stroke: "var(--ink)", "stroke-width": 2, style: "cursor:nwse-resize" }));
    picture.replaceChildren(...parts);
    const percent = (value) => (100 * value).toFixed(1) + "\u00a0%";
    verdicts.replaceChildren(...order.map((k) => html("li", {}, LETTERS[k] + ": " + (k in by ?
      "dropped, " + percent(iou(boxes[by[k]], boxes[k])) + " with " + LETTERS[by[k]] : "kept"))));
    const others = boxes.map((_, k) => k).filter((k) => k !== state.chosen);
    result.textContent = "Intersection over union of " + LETTERS[state.chosen] + " with " + others.map((k) => LETTERS[k] + ": " + percent(iou(c, boxes[k]))).join(", ") + ". Kept: " + kept.map((k) => LETTERS[k]).join(", ") + ".";
    Object.assign(root.dataset, { iou: JSON.stringify(boxes.map((a) => boxes.map((b) => iou(a, b)))), kept: JSON.stringify(kept) });
    boxes.forEach((box, k) => { state["box" + LETTERS[k]] = box.join(","); });
    writeAddress(root, state);
    say(result.textContent);
  }
  draw();
});
