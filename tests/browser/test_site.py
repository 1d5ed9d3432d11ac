"""The site in a browser: what a student would bookmark."""

import html.parser
from urllib.parse import unquote, urlsplit

import pytest

MADE_UP = "90_everything"


def settle(page) -> None:
    """Wait until formulae are drawn, where a page has any."""
    page.wait_for_load_state("load")
    page.evaluate("window.MathJax?.startup?.promise")


@pytest.fixture
def open_page(page, served):
    """Opens a page of the site over http."""

    def go(name: str):
        page.goto(f"{served}/{name}.html")
        settle(page)
        return page

    return go


# ---------------------------------------------------------------------------- every page


def test_sphinx_warns_of_nothing(site_build):
    assert site_build[1] == []


def test_the_site_is_built_within_a_minute(site_build, checks):
    assert checks.built_too_slowly(site_build[2]) == []


def test_a_page_from_a_file_loads_nothing_from_elsewhere_and_has_no_error(
    site_page, built, page, traffic
):
    page.goto((built / f"{site_page}.html").as_uri())
    settle(page)
    page.wait_for_timeout(150)
    assert traffic.outside == []
    assert traffic.errors == []


def test_a_page_is_alone_without_error_drawn_described_and_fits_a_phone(
    site_page, traffic, open_page, checks
):
    page = open_page(site_page)
    assert page.locator("h1:visible").count() == 1
    assert checks.undrawn_formulae(page) == []
    assert checks.pictures_without_alt(page) == []
    assert checks.blown_up_pictures(page) == []
    assert checks.wider_than_a_phone(page) == []
    page.wait_for_timeout(100)
    assert traffic.outside == []
    assert traffic.errors == []


def test_a_page_is_accessible_light_and_dark(site_page, browser, served, checks, axe):
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{served}/{site_page}.html")
    settle(page)
    found = {}
    for theme in ("light", "dark"):  # as the reader's system says, while the page is open
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_function(
            "theme => document.documentElement.dataset.theme === theme", arg=theme, timeout=5000
        )
        found[theme] = checks.accessibility(page, axe, colours=theme == "dark")
    context.close()
    assert found == {"light": [], "dark": []}


def test_a_page_is_not_too_large(site_page, built, checks):
    assert checks.too_large(built / f"{site_page}.html") == []


# ---------------------------------------------------------------------------- links


class _Links(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        facts = dict(attrs)
        self.ids |= {facts[key] for key in ("id", "name") if facts.get(key)}
        for key in ("href", "src"):
            if facts.get(key) and tag in ("a", "img", "link", "script", "iframe", "source"):
                self.links.append(facts[key])


def dead_links(folder) -> list[str]:
    """Links of a folder's pages to files or places within it that are not there."""
    pages = {
        path: _Links(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts  # a template of the theme lies there
    }
    found = []
    for path, parsed in pages.items():
        for link in parsed.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = path
            if address.path:
                target = (path.parent / unquote(address.path)).resolve()
            target = target / "index.html" if target.is_dir() else target
            place = unquote(address.fragment)
            if not target.is_file():
                found.append(f"{path.relative_to(folder)}: {link}")
            elif place and target in pages and place not in pages[target].ids | {"top"}:
                found.append(f"{path.relative_to(folder)}: no place {link}")
    return found


def test_every_link_within_the_site_is_alive(built):
    assert dead_links(built) == []


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html">b</a><a href="#x">x</a><a href="a.html">a</a>'
    )
    assert dead_links(tmp_path) == ["a.html: b.html", "a.html: no place #x"]


# ---------------------------------------------------------------------------- finding one's way


def test_the_landing_page_leads_to_everything_of_a_lecture(open_page, served):
    page = open_page("index")
    entry = page.locator(".lectures > li").filter(has_text="90").first
    assert entry.get_by_role("link", name="Convolution arithmetic").is_visible()
    for name in ("Slides", "Notebook", "Solutions"):
        href = entry.get_by_role("link", name=name).get_attribute("href")
        assert page.request.get(f"{served}/{href}").ok, href
    assert "1 exercise" in entry.inner_text()


def test_solutions_are_one_click_behind_their_lecture(open_page):
    page = open_page(f"lectures/{MADE_UP}")
    page.locator(".lecture-links").get_by_role("link", name="Solutions").click()
    assert page.locator("article h1").inner_text().startswith("Solutions")
    page.get_by_role("link", name="Back to lecture 90").click()
    assert page.url.endswith(f"lectures/{MADE_UP}.html")


def test_there_is_one_search_box(open_page):
    page = open_page("index")
    boxes = page.locator(
        "button.search-button__button:visible, button.search-button-field:visible, input[type=search]:visible"
    )
    assert boxes.count() == 1


def test_the_search_finds_a_word_of_a_lecture(root, page):
    page.goto(f"{root}/search.html?q=sparse")
    result = page.locator("#search-results li a").first
    result.wait_for(timeout=15_000)
    assert MADE_UP in page.locator("#search-results").inner_html()


def test_notes_are_on_no_page_and_texts_for_home_are(open_page):
    text = open_page(f"lectures/{MADE_UP}").evaluate("document.body.textContent")
    assert "Most forget the bias" not in text
    assert "Seventy words of why" in text
    assert "9/9" not in text  # progress bars


def test_code_is_copied_with_a_button(open_page):
    page = open_page(f"lectures/{MADE_UP}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator(".cell_input div.highlight:visible").first
    block.hover()
    block.get_by_role("button", name="Copy this code").click()
    block.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == block.locator("pre").inner_text().rstrip("\n")


def test_the_gallery_opens_the_setting_one_sees(open_page):
    page = open_page("gallery")
    page.locator("#explorer-pooling input[name=right]").focus()
    page.keyboard.press("ArrowRight")
    page.locator("a[data-setting-of=explorer-pooling]").click()
    page.wait_for_url("**/explorers/pooling.html#right=1*")
    assert page.locator("[data-part=result]").inner_text().startswith("Shift 1 right")
    page.get_by_role("link", name="All explorers").click()
    page.wait_for_url("**/gallery.html")


def test_on_paper_there_is_the_text_alone(open_page):
    page = open_page(f"lectures/{MADE_UP}")
    page.emulate_media(color_scheme="dark")
    theme = "theme => document.documentElement.dataset.theme === theme"
    page.wait_for_function(theme, arg="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(theme, arg="light")  # paper is white
    for part in (".lecture-links", ".bd-sidebar-primary", ".bd-sidebar-secondary", "button.copy"):
        assert not page.locator(part).locator("visible=true").count(), part
    assert page.locator("h1:visible").count() == 1
    assert page.locator("article").bounding_box()["width"] > 1000
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function(theme, arg="dark")


def test_an_explorer_works_on_a_page(open_page):
    page = open_page(f"lectures/{MADE_UP}")
    page.locator("#demo-kernel").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#demo-size").inner_text() == "23"


def test_alt_text_is_that_of_the_cell(open_page):
    page = open_page(f"lectures/{MADE_UP}")
    assert page.get_by_alt_text("Loss falls over five epochs").count() == 2


# ---------------------------------------------------------------------------- ledger


def test_the_ledger_filters_and_sorts(open_page):
    page = open_page("ledger")
    shown = page.locator("#ledger tbody tr:visible")
    total = shown.count()
    page.select_option("#ledger-verdict", "contradicts")
    assert 1 <= shown.count() < total
    assert set(page.locator("#ledger tbody tr:visible .verdict").all_inner_texts()) == {
        "contradicts"
    }
    page.select_option("#ledger-verdict", "")
    page.fill("#ledger-words", "lenet5 c3 connections")
    assert "lenet5.c3.connections" in shown.first.inner_text()
    assert "151,600" in shown.first.inner_text()
    page.fill("#ledger-words", "lenet5")
    page.get_by_role("button", name="Published").click()
    values = [
        float(text.split()[0].replace(",", "").strip("["))
        for text in page.locator("#ledger tbody tr:visible td:nth-child(2)").all_inner_texts()
        if text[:1].isdigit()
    ]
    assert values == sorted(values)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Published")
    page.get_by_role("button", name="Published").click()
    assert page.locator("th[aria-sort=descending]").count() == 1
