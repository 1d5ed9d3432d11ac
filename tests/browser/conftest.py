"""Slides and site in a real browser: built once, served over http and opened as files."""

import functools
import http.server
import threading
from pathlib import Path

import checks as checks_of_a_page
import pytest
import synthetic as made_up_notebooks

from utils.course import look, notebooks, site, slides

HERE = Path(__file__).parent
NO_BROWSER = "no Chromium or Google Chrome on this machine"
MADE_UP = "90_everything"
"""Name of the lecture that the tests make up."""


def pytest_generate_tests(metafunc):
    """Give `lecture` the made-up lecture and those of the repository; `site_page` every page."""
    names = [MADE_UP, *[path.stem for path in notebooks.notebooks()]]
    if "lecture" in metafunc.fixturenames:
        metafunc.parametrize("lecture", names, scope="session")
    if "site_page" in metafunc.fixturenames:
        templates = (slides.TEMPLATES / "site").glob("*.md.j2")
        own = sorted(path.name.removesuffix(".md.j2") for path in templates) + ["search"]
        solved = {MADE_UP} | {path.stem for path in notebooks.notebooks(notebooks.SOLUTIONS)}
        pages = [f"lectures/{name}" for name in names]
        pages += [f"solutions/{name}" for name in names if name in solved]
        metafunc.parametrize("site_page", own + pages, scope="session")


@pytest.fixture(scope="session")
def checks():
    """The checks of a page."""
    return checks_of_a_page


@pytest.fixture(scope="session")
def synthetic():
    """The made-up notebooks."""
    return made_up_notebooks


@pytest.fixture(scope="session")
def axe():
    """axe-core, from its wheel."""
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


@pytest.fixture(scope="session")
def browser():
    """One headless browser for all tests; they are skipped where there is none."""
    path = slides.find_browser()
    if path is None:
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=[*look.FLAGS, "--no-sandbox"]
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def site_build(browser, checks, synthetic, tmp_path_factory) -> tuple[Path, list[str], float]:
    """Build the site of the made-up lecture and of all there are.

    Returns its folder, Sphinx's warnings, and the seconds of processor time that it took.
    """
    folder = tmp_path_factory.mktemp("built")
    made_up = synthetic.write(synthetic.lecture(), folder / "lectures" / f"{MADE_UP}.ipynb")
    solved = synthetic.write(synthetic.solution(), folder / "solutions" / f"{MADE_UP}.ipynb")
    pages = [site.page_of(made_up, solved)]
    if notebooks.notebooks():
        pages += site.find_pages()
    with checks.Spent() as spent:
        result = site.build(pages, folder / "site", decks=folder / "slides")
    return folder / "site", result.warnings, spent.seconds


@pytest.fixture(scope="session")
def built(site_build) -> Path:
    """Folder of the built site, decks included."""
    return site_build[0]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def served(built):
    """Address of the built site over http, on this machine only."""
    handler = functools.partial(_Quiet, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["http", "file"])
def root(request, built, served) -> str:
    """Address of the site: over http, then as files."""
    return served if request.param == "http" else built.as_uri()


@pytest.fixture
def page(browser):
    """A fresh page, 1280 x 720, that remembers nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    yield context.new_page()
    context.close()


@pytest.fixture
def traffic(page, checks):
    """What the page asks for and complains about."""
    return checks.Traffic(page)


@pytest.fixture
def open_deck(page, checks):
    """Opens a deck and waits until its type is set."""

    def go(address: str):
        page.goto(address)
        checks.wait_until_ready(page)
        return page

    return go
