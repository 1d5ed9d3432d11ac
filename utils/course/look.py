"""Look at decks as a room would: what does not fit, slide by slide, and contact sheets of all slides.

``course slides NN --check`` opens a deck in Chromium, prints every slide that a measurement flags
(overflow, overlap, cut-off blocks, small type, blown-up figures, broken lines of code, low
contrast) and writes pictures: contact sheets of six slides, and each flagged slide by itself.  The browser tests use the same
measurements.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from utils.course import CourseError

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""How Chromium is started: it asks nobody anything."""

SHEET = 6
"""Slides on a contact sheet: two across, three down."""

SLIDE_SIZE = (1280, 720)
SMALL_SIZE = (640, 360)

EXAMINE_SLIDE = """
() => {
  const page = Reveal.getCurrentSlide().querySelector('.page');
  const found = [];
  const frame = page.getBoundingClientRect();
  const name = element => {
    const words = (element.textContent || element.alt || '').trim().replace(/\\s+/g, ' ').slice(0, 40);
    return `<${element.tagName.toLowerCase()}>` + (words ? ` "${words}"` : '');
  };
  const seen = element => {
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) return false;
    const style = getComputedStyle(element);
    return style.visibility !== 'hidden' && style.display !== 'none' && style.opacity !== '0';
  };
  const skipped = '.motif, .unseen, mjx-assistive-mml, script, style, [hidden]';

  // 1. nothing leaves the slide, or reaches into the line at its foot
  if (page.scrollHeight > page.clientHeight + 1) found.push(`its content is ${page.scrollHeight} px high, the slide ${page.clientHeight}`);
  if (page.scrollWidth > page.clientWidth + 1) found.push(`its content is ${page.scrollWidth} px wide, the slide ${page.clientWidth}`);
  const things = [...page.querySelectorAll('h1,h2,h3,h4,p,li,pre,table,img,canvas,svg,input,button,select,mjx-container')]
    .filter(e => !e.closest(skipped) && !e.parentElement.closest('mjx-container, svg') && seen(e));
  for (const thing of things) {
    const box = thing.getBoundingClientRect();
    const foot = thing.closest('.page.section, .page.title') ? 0 : 36;
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom - foot + 1) {
      found.push(`${name(thing)} sticks out (${Math.round(box.left - frame.left)} to ${Math.round(box.right - frame.left)} across, ${Math.round(box.top - frame.top)} to ${Math.round(box.bottom - frame.top)} down)`);
    }
  }
  // 2. nothing is cut off
  for (const box of page.querySelectorAll('*')) {
    if (box.closest(skipped) || box.closest('.running, mjx-container, svg, canvas, input, select') || !seen(box)) continue;
    const style = getComputedStyle(box);
    if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
    if (box.scrollHeight > box.clientHeight + 2 || box.scrollWidth > box.clientWidth + 2) found.push(`${name(box)} is cut off`);
  }
  // 3. no block lies over another
  const blocks = [...page.querySelectorAll('.prose > *, .source, .output, .running, .badge')].filter(e => !e.closest(skipped) && seen(e));
  for (let i = 0; i < blocks.length; i++) for (let j = i + 1; j < blocks.length; j++) {
    const [a, b] = [blocks[i], blocks[j]];
    if (a.contains(b) || b.contains(a)) continue;
    const [x, y] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
    const wide = Math.min(x.right, y.right) - Math.max(x.left, y.left);
    const high = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
    if (wide > 3 && high > 3) found.push(`${name(a)} and ${name(b)} overlap`);
  }
  // 4. type is legible from the last row
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  const small = new Set();
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || parent.closest(skipped) || parent.closest('svg, mjx-container, sub, sup, option') || !seen(parent)) continue;
    const least = parent.closest('.output.html') ? 15 : 18;
    if (parseFloat(getComputedStyle(parent).fontSize) < least - 0.01) small.add(`${name(parent)} is set in ${getComputedStyle(parent).fontSize}`);
  }
  found.push(...small);
  // 5. headings take two lines at most
  for (const heading of page.querySelectorAll('h1, h2')) {
    const rows = Math.round(heading.offsetHeight / parseFloat(getComputedStyle(heading).lineHeight));
    if (rows > (heading.tagName === 'H1' ? 3 : 2)) found.push(`its heading takes ${rows} lines`);
  }
  // 6. figures are neither blown up nor squeezed to stamps
  for (const image of page.querySelectorAll('.image img')) {
    if (!image.complete || !image.naturalWidth) { found.push('a figure is not drawn'); continue; }
    if (image.offsetWidth > image.naturalWidth + 20) found.push(`a figure of ${image.naturalWidth} px is blown up to ${image.offsetWidth}`);
    if (image.offsetHeight < 0.98 * Math.min(image.naturalHeight, 170) && image.offsetWidth < 640) found.push(`a figure is squeezed to ${image.offsetWidth} x ${image.offsetHeight} px`);
  }
  // 7. type begins at one left edge, and no line of code is broken
  const edge = frame.left + parseFloat(getComputedStyle(page).paddingLeft);
  for (const block of page.querySelectorAll('.running, h2, .source pre, .output.text pre, .ledger table, .output.html > table')) {
    const left = block.getBoundingClientRect().left;
    if (!page.matches('.title') && seen(block) && Math.abs(left - edge) > 1) found.push(`${name(block)} begins ${Math.round(left - edge)} px from the left edge`);
  }
  const margin = frame.right - parseFloat(getComputedStyle(page).paddingRight);
  for (const wide of page.querySelectorAll('table, mjx-container[display="true"] > svg')) {
    if (wide.closest(skipped + ', .cnn-explorer') || !seen(wide)) continue;
    const over = wide.getBoundingClientRect().right - margin;
    if (over > 2) found.push(`${wide.tagName === 'TABLE' ? name(wide) : 'a formula'} reaches ${Math.round(over)} px into the margin`);
  }
  for (const pre of page.querySelectorAll('.source pre')) {
    const rows = Math.round(pre.offsetHeight / parseFloat(getComputedStyle(pre).lineHeight));
    if (rows > pre.textContent.replace(/\\n$/, '').split('\\n').length) found.push(`${name(pre)}: a line of code is broken`);
  }
  const heading = page.querySelector('h1, h2, h3, .running');
  return { heading: heading ? heading.textContent.trim().slice(0, 60) : '', found };
}
"""

GO_TO = """
index => {
  const slide = Reveal.getSlides()[index];
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v, Infinity);
}
"""

_SLIDES_OF = """
targets => targets.map(target => {
  const node = document.querySelector(target);
  const section = node && node.closest('section[id^="slide-"]');
  return section ? Number(section.id.slice(6)) : 0;
})
"""


@dataclass
class Look:
    """What was seen of a deck.

    Attributes
    ----------
    flagged : list of (int, str, str)
        Number of the slide (from 1), its heading, what is wrong with it.
    sheets, singles : list of Path
        Contact sheets, and the flagged slides one by one.
    """

    slides: int
    flagged: list[tuple[int, str, str]] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)
    singles: list[Path] = field(default_factory=list)


@contextlib.contextmanager
def open_browser(path: str) -> Iterator:
    """Start the browser at `path`, headless and silent, and end it.

    Raises
    ------
    CourseError
        If playwright, which drives it, is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise CourseError(
            "looking at slides takes the package playwright: "
            'pip install -c constraints.txt -e ".[course,dev]"'
        ) from None
    flags = list(FLAGS)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox refuses to run as root
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield running
        finally:
            running.close()


def wait_until_ready(page) -> None:
    """Wait until a deck has set its type and drawn its formulae."""
    page.wait_for_function("document.documentElement.dataset.ready === 'true'", timeout=30_000)


def examine(page) -> list[tuple[int, str, str]]:
    """Go to every slide of an open deck, all steps shown; return what does not fit.

    Returns
    -------
    list of (int, str, str)
        Number of the slide (from 1), its heading, one fault; several for a slide with several.
    """
    found = []
    for index in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(GO_TO, index)
        result = page.evaluate(EXAMINE_SLIDE)
        found += [(index + 1, result["heading"], what) for what in result["found"]]
    return found


def low_contrast(page) -> list[tuple[int, str, str]]:
    """Words of an open handout that axe-core finds too faint, in the form of :func:`examine`."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
    nodes = [n for v in Axe().run(page, options=options).response["violations"] for n in v["nodes"]]
    slides = page.evaluate(_SLIDES_OF, [node["target"][0] for node in nodes])
    theme = page.evaluate("document.documentElement.dataset.theme")
    return [
        (slide, "", f"low contrast ({theme}): {node['html'][:90]}")
        for slide, node in zip(slides, nodes, strict=True)
    ]


def look(deck: Path, folder: Path, browser, *, dark: bool = False) -> Look:
    """Measure a deck's slides and take their pictures.

    Parameters
    ----------
    deck : Path
        A built deck.
    folder : Path
        Gets ``NN-sheet-1.png`` ... and ``NN-slide-7.png`` for flagged slide 7; older ones of the
        same deck are removed first.
    browser : playwright Browser
    dark : bool
        Take the pictures of the dark variant; contrast is measured in both.
    """
    number = deck.stem[:2] if deck.stem[:2].isdigit() else deck.stem
    folder.mkdir(parents=True, exist_ok=True)
    kind = "-dark" if dark else ""
    for old in [
        *folder.glob(f"{number}-sheet{kind}-*.png"),
        *folder.glob(f"{number}-slide{kind}-*.png"),
    ]:
        if dark or "-dark-" not in old.name:
            old.unlink()
    context = browser.new_context(viewport=dict(zip(("width", "height"), SLIDE_SIZE, strict=True)))
    try:
        page = context.new_page()
        address = deck.resolve().as_uri()
        flagged = []
        for theme in ("light", "dark"):
            page.goto(f"{address}?handout&{theme}")
            wait_until_ready(page)
            flagged += low_contrast(page)
        page.goto(f"{address}?{'dark' if dark else 'light'}")
        wait_until_ready(page)
        flagged = sorted(examine(page) + flagged)
        seen = Look(slides=page.evaluate("Reveal.getTotalSlides()"), flagged=flagged)
        pictures = []
        for index in range(seen.slides):
            page.evaluate(GO_TO, index)
            page.wait_for_timeout(60)  # explorers draw themselves when they are shown
            pictures.append(page.screenshot())
        for slide in sorted({slide for slide, *_ in flagged if slide}):
            seen.singles.append(folder / f"{number}-slide{kind}-{slide:02}.png")
            seen.singles[-1].write_bytes(pictures[slide - 1])
        for start in range(0, len(pictures), SHEET):
            seen.sheets.append(folder / f"{number}-sheet{kind}-{start // SHEET + 1}.png")
            _contact_sheet(pictures[start : start + SHEET], start + 1).save(seen.sheets[-1])
    finally:
        context.close()
    return seen


def _contact_sheet(pictures: list[bytes], first: int):
    """Paste up to six screenshots on one sheet, numbered from `first`."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = SMALL_SIZE
    gap, label = 14, 30
    rows = SHEET // 2
    sheet = Image.new("RGB", (2 * width + 3 * gap, rows * (height + label) + gap), "#7b868f")
    draw = ImageDraw.Draw(sheet)
    for place, picture in enumerate(pictures):
        left = gap + place % 2 * (width + gap)
        top = place // 2 * (height + label) + label
        draw.text((left, top - 24), f"slide {first + place}", "white", ImageFont.load_default(18))
        with Image.open(io.BytesIO(picture)) as image:
            sheet.paste(
                image.convert("RGB").resize(SMALL_SIZE, Image.Resampling.LANCZOS), (left, top)
            )
    return sheet
