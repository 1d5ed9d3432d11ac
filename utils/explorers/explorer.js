// What all explorers share. This text stands in front of an explorer's own script, inside one
// function, so that nothing becomes a global and several explorers live on one page.

const SVG = "http://www.w3.org/2000/svg";
const MINUS = "\u2212";
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const signed = (text) => String(text).replace(/^-/, MINUS);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function slider(name, words, minimum, maximum, value, changed) {
  const shown = html("output", {}, String(value));
  const input = html("input", {
    type: "range", name, min: minimum, max: maximum, step: 1, value, autocomplete: "off",
    oninput: () => { shown.textContent = input.value; changed(name, Number(input.value)); },
  });
  const label = html("label", { class: "ex-slider" }, html("span", {}, words), input, shown);
  label.set = (next) => { input.value = next; shown.textContent = input.value; return Number(input.value); };
  return label;
}

function button(words, act, spoken) {
  return html("button", { type: "button", onclick: act, "aria-label": spoken || null }, words);
}

// The seven stops of the diverging colour map of the course's figures.
const STOPS = ["06264f", "1f5f9e", "8cb8dc", "f7f7f5", "fbc77a", "e8890c", "a84f00"].map(
  (code) => [0, 2, 4].map((k) => parseInt(code.slice(k, k + 2), 16)));
function diverging(share) {
  const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const k = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[k].map((low, c) => Math.round(low + (place - k) * (STOPS[k + 1][c] - low)));
}
const rgb = (parts) => "rgb(" + parts.join(",") + ")";
function inkOn(parts) {
  const [r, g, b] = parts.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.22 ? "#10151a" : "#ffffff";
}
const grey = (value) => { const v = Math.round(255 * Math.min(Math.max(value, 0), 1)); return [v, v, v]; };

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Light or dark: what the page's own text looks like decides.
function followTheme(root) {
  const look = () => {
    const host = root.parentElement;
    if (!host) return;
    const parts = (getComputedStyle(host).color.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
    const theme = 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2] > 140 ? "dark" : "light";
    if (root.dataset.theme !== theme) root.dataset.theme = theme;
  };
  look();
  const watcher = new MutationObserver(look);
  for (const node of [document.documentElement, document.body]) {
    watcher.observe(node, { attributes: true });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look);
  addEventListener("load", look);
}

// While a control has the focus, its keys are its own: arrows must not turn the slide. Page Up and
// Page Down (a presenter's clicker) and, after a first Escape, everything else stay the host's.
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    const active = document.activeElement;
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    if (event.key === "PageUp" || event.key === "PageDown") {
      if (root.closest(".reveal") && root.contains(active)) active.blur();
      return;
    }
    if (event.key === "Escape" && root.contains(active)) active.blur();
    event.stopPropagation();
  });
}

// On a page of its own an explorer's setting stands in the address and can be linked.
const standalone = () => document.documentElement.hasAttribute("data-explorer-page");
function readAddress(state) {
  if (!standalone()) return state;
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (!(name in state)) continue;
    if (typeof state[name] === "number" && Number.isFinite(Number(value))) state[name] = Number(value);
    if (typeof state[name] === "string") state[name] = value;
  }
  return state;
}
function writeAddress(root, state) {
  root.dataset.address = new URLSearchParams(state); // what a link to this setting ends with
  if (standalone()) history.replaceState(null, "", "#" + root.dataset.address);
}

// On a telephone drawings that lie side by side are put one above the other, in type one can read.
function watchWidth(root, changed) {
  const look = () => root.clientWidth > 0 && root.clientWidth < 560;
  const state = { narrow: look() };
  root.toggleAttribute("data-narrow", state.narrow);
  new ResizeObserver(() => requestAnimationFrame(() => {
    if (!root.clientWidth || look() === state.narrow) return;
    state.narrow = look();
    root.toggleAttribute("data-narrow", state.narrow);
    changed();
  })).observe(root);
  return state;
}

// Panels are [first x, width, parts]; `between` (arrows) is left out where they are stacked.
function arrange(picture, narrow, width, height, panels, between = []) {
  const widest = Math.max(...panels.map(([, wide]) => wide));
  const groups = panels.map(([x, wide, parts], k) => svg("g", {
    transform: narrow ? "translate(" + ((widest - wide) / 2 - x) + " " + k * height + ")" : null,
  }, ...parts));
  const box = narrow ? [widest, panels.length * height] : [width, height];
  picture.setAttribute("viewBox", "0 0 " + box.join(" "));
  picture.replaceChildren(...groups, ...(narrow ? [] : between));
  return groups;
}

// Where a pointer is, in the units of a group of a drawing.
function pointIn(group, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(group.getScreenCTM().inverse());
}

// grab(event) returns what is held, or nothing; drag(event, held) follows until it is let go.
function draggable(picture, grab, drag) {
  let held = null;
  picture.style.touchAction = "none";
  picture.addEventListener("pointerdown", (event) => {
    held = grab(event) ?? null;
    if (held === null) return;
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => { if (held !== null) drag(event, held); });
  for (const name of ["pointerup", "pointercancel"]) picture.addEventListener(name, () => { held = null; });
}

// Calls step() again and again until it says false; stops where nobody can see it.
function player(root, step, changed) {
  let timer = null, pause = 300;
  const stop = () => { clearTimeout(timer); timer = null; changed(false); };
  const tick = () => {
    if (!root.isConnected || !root.getClientRects().length || !step()) return stop();
    timer = setTimeout(tick, pause);
  };
  return {
    get playing() { return timer !== null; },
    stop: () => { if (timer !== null) stop(); },
    start: (milliseconds) => { pause = milliseconds; clearTimeout(timer); timer = setTimeout(tick, pause); changed(true); },
    pace: (milliseconds) => { pause = milliseconds; },
  };
}

function explore(name, build) {
  const found = document.querySelectorAll('.cnn-explorer[data-explorer="' + name + '"]:not([data-ready])');
  for (const root of found) {
    root.setAttribute("data-ready", "");
    const settings = JSON.parse(root.dataset.settings);
    for (const old of [...root.childNodes]) {
      if (old.nodeName !== "STYLE" && old.nodeName !== "SCRIPT") old.remove();
    }
    followTheme(root);
    keepKeys(root);
    const live = html("p", { class: "unseen", role: "status", "aria-live": "polite" });
    let waiting = null;
    const say = (sentence) => { clearTimeout(waiting); waiting = setTimeout(() => { live.textContent = sentence; }, 150); };
    build(root, settings, say);
    root.append(live);
  }
}
