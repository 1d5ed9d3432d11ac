"""What a page must be like, measured in the browser: each check returns sentences, none if all is well.

The tests of slides and site call them on what the course built, and on pages with a fault put in
on purpose, where they must find it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from utils.course.look import examine, wait_until_ready

__all__ = ["wait_until_ready"]

LIMIT = 8_000_000
"""Largest page, in bytes."""

DRAWN = 1500
"""Milliseconds after which the first slide stands."""

BUILT = 60
"""Seconds in which the site is built, decks included."""

PHONE = 390
"""Width of a telephone, in pixels."""


class Traffic:
    """What a page asked for and complained about, from the moment this is made."""

    def __init__(self, page) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("websocket", self._request)
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


class Spent:
    """Seconds of processor time of a block: this process and the children that ended in it.

    One process works at a time while a site is built, so this is what a clock shows on a machine
    that does nothing else.
    """

    seconds = 0.0

    def __enter__(self) -> "Spent":
        self._before = sum(os.times()[:4])
        return self

    def __exit__(self, *error) -> None:
        self.seconds = sum(os.times()[:4]) - self._before


def built_too_slowly(seconds: float, limit: float = BUILT) -> list[str]:
    """Whether a site took too long to build."""
    return [f"built in {seconds:.1f} s; at most {limit:g} are allowed"] if seconds >= limit else []


def too_large(path: Path) -> list[str]:
    """Whether a page is too large to open at once."""
    size = path.stat().st_size
    return [f"{path.name} has {size:,} bytes; under {LIMIT:,} are allowed"] if size >= LIMIT else []


def drawn_late(open_it: Callable, tries: int = 4) -> list[str]:
    """Whether a deck's first slide comes late every time that `open_it()` opens it.

    A busy machine may be late once; a deck that is too heavy always is.
    """
    times: list[int] = []
    while len(times) < tries:
        times.append(int(open_it().evaluate("document.documentElement.dataset.drawn")))
        if times[-1] < DRAWN:
            return []
    return [f"the first slide took {times} ms; under {DRAWN} are allowed"]


def wider_than_a_phone(page) -> list[str]:
    """What makes an open page scroll sideways at the width of a telephone, to which it is set."""
    page.set_viewport_size({"width": PHONE, "height": 800})
    page.wait_for_timeout(50)
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"the page is {width} px wide on a telephone of {PHONE}"] if width > PHONE else []


def slides_that_do_not_fit(page) -> list[str]:
    """Go to every slide of an open deck, all steps shown; say what does not fit, slide by slide."""
    return [f"slide {slide} ({heading!r}): {what}" for slide, heading, what in examine(page)]


def undrawn_formulae(page) -> list[str]:
    """Formulae left as source, or drawn as an error."""
    return page.evaluate(RAW_MATH)


def pictures_without_alt(page) -> list[str]:
    """Pictures a screen reader could not describe."""
    return page.evaluate(MISSING_ALT)


def blown_up_pictures(page) -> list[str]:
    """Pictures shown larger than they are; those not loaded yet are left out."""
    return page.evaluate(
        """() => [...document.querySelectorAll('article img, .slides img')]
          .filter(img => img.complete && img.naturalWidth && img.clientWidth > img.naturalWidth + 20)
          .map(img => `${img.naturalWidth} px wide, shown at ${img.clientWidth}: ${img.alt.slice(0, 60)}`)"""
    )


COLOURS = ["color-contrast", "link-in-text-block"]
"""Rules of axe-core whose verdict another theme can change; the others look at the same page."""

ALIKE = """
() => {
  const seen = new Map();
  const kind = element => element.tagName + '|' + element.className + '|' + (element.getAttribute('style') ?? '');
  for (const part of document.querySelectorAll('tbody tr, .highlight pre span')) {
    const frame = part.closest('table, .cell_input, .source, .highlight');
    const name = [frame.className, kind(part), ...[...part.querySelectorAll('*')].map(kind)].join(' ');
    seen.set(name, (seen.get(name) ?? 0) + 1);
    if (seen.get(name) > 20) part.remove();
  }
}
"""
"""Takes rows and words of code away whose every part has tag, class and style of twenty before it.

They are coloured alike, and nine tenths of the time went into colours of hundreds of them.
"""


def accessibility(page, axe, *, colours: bool = False) -> list[str]:
    """Violations of WCAG A and AA and of best practice, found by axe-core, with an example each.

    Of a page that was looked at in one theme, the other needs its `colours` looked at only. What
    repeats itself on the page is taken away for that, so come here last.
    """
    results = []
    if not colours:
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
        rules = {rule: {"enabled": False} for rule in COLOURS}
        options = {"runOnly": tags, "rules": rules, "resultTypes": ["violations"]}
        results += axe.run(page, options=options).response["violations"]
    page.evaluate(ALIKE)
    options = {"runOnly": COLOURS, "resultTypes": ["violations"]}
    results += axe.run(page, options=options).response["violations"]
    return [
        f"{v['impact']}: {v['id']}, {len(v['nodes'])} times, e.g. {v['nodes'][0]['html'][:160]}"
        + f" ({v['nodes'][0].get('failureSummary', '')[:220]})".replace("\n", " ")
        for v in results
    ]
