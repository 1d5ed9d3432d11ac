"""What a page must be like, measured in the browser: each check returns sentences, none if all is well.

The tests of slides and site call them on what the course built, and on pages with a fault put in
on purpose, where they must find it.
"""

from urllib.parse import urlsplit

LIMIT = 8_000_000
"""Largest page, in bytes."""


class Traffic:
    """What a page asked for and complained about, from the moment this is made."""

    def __init__(self, page) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("requestfailed", lambda r: self._error(f"{r.url[:120]} failed: {r.failure}"))
        page.on("response", self._response)
        page.on("pageerror", lambda error: self._error(f"script error: {error}"))
        page.on("console", self._console)

    def _error(self, text: str) -> None:
        self.errors.append(text)

    def _request(self, request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("data", "blob", "about"):
            return
        if address.hostname not in (None, "", "127.0.0.1"):
            self.outside.append(request.url[:160])

    def _response(self, response) -> None:
        if response.status >= 400:
            self._error(f"{response.status} for {response.url[:120]}")

    def _console(self, message) -> None:
        if message.type == "error":
            self._error(f"console: {message.text[:200]}")


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

RAW_MATH = r"""
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (parent.closest('script, style, pre, code, .source, mjx-container, .output.html, .text_html, option')) continue;
    const raw = node.data.match(/\$[^$\s][^$]*\$|\\\(.+?\\\)|\\\[.+?\\\]|\\(frac|times|lfloor|begin)\b/);
    if (raw) found.push(`formula not drawn: ${raw[0].slice(0, 60)}`);
  }
  const wrong = 'mjx-merror, [data-mml-node="merror"], mjx-container [fill="red"]'; // red: an unknown command
  for (const error of document.querySelectorAll(wrong)) {
    found.push(`formula with an error: ${(error.getAttribute('data-mjx-error') || error.textContent).slice(0, 80)}`);
  }
  return found;
}
"""

MISSING_ALT = """
() => [...document.querySelectorAll('img')]
  .filter(image => image.getAttribute('role') !== 'presentation')
  .filter(image => !image.alt.trim() || /^(No description has been|_images\\/|image\\b)/i.test(image.alt))
  .map(image => `picture without alt text: ${(image.currentSrc || image.src).slice(0, 60)}`)
"""


def wait_until_ready(page) -> None:
    """Wait until a deck has set its type and drawn its formulae."""
    page.wait_for_function("document.documentElement.dataset.ready === 'true'", timeout=30_000)


def slides_that_do_not_fit(page) -> list[str]:
    """Go to every slide of an open deck, all steps shown; say what does not fit, slide by slide."""
    found = []
    for index in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(GO_TO, index)
        result = page.evaluate(EXAMINE_SLIDE)
        found += [f"slide {index + 1} ({result['heading']!r}): {what}" for what in result["found"]]
    return found


def undrawn_formulae(page) -> list[str]:
    """Formulae left as source, or drawn as an error."""
    return page.evaluate(RAW_MATH)


def pictures_without_alt(page) -> list[str]:
    """Pictures a screen reader could not describe."""
    return page.evaluate(MISSING_ALT)


def accessibility(page, axe) -> list[str]:
    """Violations of WCAG A and AA and of best practice, found by axe-core, with an example each."""
    options = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
        "resultTypes": ["violations"],
    }
    results = axe.run(page, options=options).response["violations"]
    return [
        f"{v['impact']}: {v['id']}, {len(v['nodes'])} times, e.g. {v['nodes'][0]['html'][:160]}"
        + f" ({v['nodes'][0].get('failureSummary', '')[:220]})".replace("\n", " ")
        for v in results
    ]
