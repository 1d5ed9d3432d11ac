"""Make the pictures of README and CONTRIBUTING: a slide, a lecture page, the house.

    python data/make/pictures.py            # all three; the first two need Chromium
    python data/make/pictures.py house      # only the drawing

The house is drawn from `tests/house.toml`; the slide and the page are photographed from the
lectures. `record.json` beside them says what they show; a test fails when that has changed.
"""

import json
import re
import sys
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "pictures"

SHOWN = {
    "slide.png": ("14_instance_segmentation", "stored-figure"),
    "page.png": ("06_lenet", "sec-maps"),
}
"""Lecture and id of the cell that begins what is photographed, with a heading in its text or in its
metadata: the last slide with a figure under that heading, and that part of the lecture's page."""

INK, QUIET, PAPER, LINE = "#1b2430", "#4b5563", "#ffffff", "#9aa5b1"
TINTS = {4: "#d6e6f5", 3: "#dcefe2", 2: "#fdf0d0", 1: "#f8e0d5", 0: "#e8e4f2"}
WIDTH, LEFT, CHIP = 1000, 24, 30

LIFE = (
    ("a cell", "written in\nlectures/NN.ipynb"),
    ("its output", "course refresh NN\nstores it, with a digest"),
    ("compared", "make test runs it again,\noutput for output"),
    ("a slide", "course slides shows it,\nnotes for the speaker"),
    ("a page", "course site prints it,\nsolutions one click away"),
)


def floors() -> list[dict]:
    """Return the floors from the top down: ``number``, ``what``, ``modules``."""
    text = (ROOT / "tests" / "house.toml").read_text(encoding="utf-8")
    return sorted(tomllib.loads(text)["floor"], key=lambda floor: -floor["number"])


def house() -> str:
    """Return the drawing of the house as SVG."""
    parts, top = [], 56
    parts.append(
        _text(LEFT, 34, "The floors of utils: import from below, never from above", 19, bold=True)
    )
    for floor in floors():
        rows = _rows(floor["modules"])
        height = 44 + len(rows) * (CHIP + 8)
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH - 2 * LEFT}" height="{height}" rx="6" '
            f'fill="{TINTS[floor["number"]]}" stroke="{LINE}"/>'
        )
        parts.append(_text(LEFT + 16, top + 27, f"floor {floor['number']}", 16, bold=True))
        parts.append(_text(LEFT + 96, top + 27, floor["what"].replace("`", ""), 16, QUIET))
        for number, row in enumerate(rows):
            for x, width, name in row:
                y = top + 38 + number * (CHIP + 8)
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{width}" height="{CHIP}" rx="15" '
                    f'fill="{PAPER}" stroke="{LINE}"/>'
                )
                parts.append(_text(x + width / 2, y + 20, name, 15, anchor="middle", mono=True))
        top += height + 8
    top += 44
    parts.append(
        _text(LEFT, top, "The life of a lecture: one cell, seen five times", 19, bold=True)
    )
    top += 18
    step = (WIDTH - 2 * LEFT + 22) / len(LIFE)
    for number, (name, words) in enumerate(LIFE):
        x = LEFT + number * step
        parts.append(
            f'<rect x="{x:.0f}" y="{top}" width="{step - 22:.0f}" height="86" rx="6" '
            f'fill="{PAPER}" stroke="{INK}" stroke-width="1.5"/>'
        )
        parts.append(_text(x + (step - 22) / 2, top + 25, name, 16, bold=True, anchor="middle"))
        for line, text in enumerate(words.split("\n")):
            parts.append(
                _text(x + (step - 22) / 2, top + 49 + 19 * line, text, 13, QUIET, anchor="middle")
            )
        if number:
            parts.append(
                f'<path d="M{x - 19:.0f} {top + 43} h12 m-6 -5 l6 5 l-6 5" fill="none" '
                f'stroke="{INK}" stroke-width="2"/>'
            )
    height = top + 86 + 24
    label = "The floors of the package utils, and the life of a lecture from cell to page"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{label}" font-family="DejaVu Sans, Verdana, sans-serif">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _rows(names: list[str]) -> list[list[tuple[float, float, str]]]:
    """Place names in rows: left edge, width, name."""
    rows, x = [[]], LEFT + 16
    for name in names:
        width = 24 + 9.1 * len(name)
        if x + width > WIDTH - LEFT - 12:
            rows.append([])
            x = LEFT + 16
        rows[-1].append((round(x, 1), round(width, 1), name))
        x += width + 8
    return rows


def _text(x, y, text, size, colour=INK, bold=False, anchor="start", mono=False) -> str:
    more = ' font-weight="bold"' if bold else ""
    more += ' font-family="DejaVu Sans Mono, Menlo, monospace"' if mono else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        f"{more}>{escape(text)}</text>"
    )


def shown_now(lecture: str, cell_id: str) -> dict:
    """Return what a picture shows: heading, and the outputs' text up to the next heading."""
    cells = json.loads((ROOT / "lectures" / f"{lecture}.ipynb").read_text("utf-8"))["cells"]
    first = next(place for place, cell in enumerate(cells) if cell["id"] == cell_id)
    heading = cells[first]["metadata"].get("heading")
    heading = heading or "".join(cells[first]["source"]).splitlines()[0].lstrip("# ")
    texts = []
    for place, cell in enumerate(cells[first:]):
        source = "".join(cell["source"])
        if place and cell["cell_type"] == "markdown" and re.match(r"#{1,2} ", source):
            break
        for output in cell.get("outputs", []):
            texts += output.get("data", {}).get("text/plain", [])
    return {"lecture": lecture, "heading": heading, "figures": [t for t in texts if "<Figure" in t]}


def photograph() -> None:
    """Take the pictures of the slide and of the page, and write down what they show."""
    import shutil
    import tempfile

    from utils.course import look, site

    browser_path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser_path is None:
        raise SystemExit("pictures of a slide and a page take Chromium, which is not here")
    with tempfile.TemporaryDirectory() as folder, look.open_browser(browser_path) as browser:
        decks, made = Path(folder) / "slides", Path(folder) / "site"
        site.build(site.find_pages(), made, decks=decks)
        record = {name: shown_now(*where) for name, where in SHOWN.items()}
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto((decks / f"{SHOWN['slide.png'][0]}.html").as_uri())
        look.wait_until_ready(page)
        at = None
        for index in range(page.evaluate("Reveal.getTotalSlides()")):
            page.evaluate(look.GO_TO, index)
            picture = page.evaluate("!!Reveal.getCurrentSlide().querySelector('.output img')")
            heading = page.evaluate(look.EXAMINE_SLIDE)["heading"]
            if picture and heading == plain(record["slide.png"]["heading"])[:60]:
                at = index
        if at is None:
            raise SystemExit(f"no slide with a figure has the heading of {SHOWN['slide.png']}")
        page.evaluate(look.GO_TO, at)
        page.wait_for_timeout(300)
        page.screenshot(path=FOLDER / "slide.png")
        page.goto((made / "lectures" / f"{SHOWN['page.png'][0]}.html").as_uri())
        part = page.get_by_role("heading", name=plain(record["page.png"]["heading"]))
        part.first.evaluate("node => node.scrollIntoView()")
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / "page.png")
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / "record.json").write_text(text, encoding="utf-8")


def plain(heading: str) -> str:
    """Return a heading as a browser shows it."""
    return re.sub(r"[*`]", "", heading)


def main(words: list[str]) -> None:
    """Make the pictures; of two kinds, "house" and "photographs", those named."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not words or "house" in words:
        (FOLDER / "house.svg").write_text(house(), encoding="utf-8")
    if not words or "photographs" in words:
        photograph()


if __name__ == "__main__":
    main(sys.argv[1:])
