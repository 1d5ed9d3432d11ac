"""The decks in a browser: what a room would see."""

import contextlib
import inspect
import re

import PIL.Image
import pytest

from utils import explorers
from utils.course import look, slides

MADE_UP = "90_everything"


@pytest.fixture
def deck(open_deck, served):
    """The made-up deck, open over http at its first slide."""
    return open_deck(f"{served}/slides/{MADE_UP}.html")


def indices(page) -> list[int]:
    """Slide and step that are shown."""
    return page.evaluate("[Reveal.getSlidePastCount(), Reveal.getIndices().f ?? -1]")


def go_to(page, heading: str) -> int:
    """Turn to the slide with a heading; return its index."""
    return page.evaluate(
        """heading => {
          const all = Reveal.getSlides();
          const index = all.findIndex(slide => slide.textContent.includes(heading));
          const { h, v } = Reveal.getIndices(all[index]);
          Reveal.slide(h, v);
          return index;
        }""",
        heading,
    )


# ---------------------------------------------------------------------------- every deck


# Opening a deck costs more than looking at it: what can be seen in one visit is one test.


def test_a_deck_from_a_file_loads_nothing_from_elsewhere_and_has_no_error(
    lecture, built, traffic, open_deck
):
    page = open_deck(f"{(built / 'slides' / lecture).as_uri()}.html")
    seen = page.evaluate(
        """() => Reveal.getSlides().map(slide => {
          const { h, v } = Reveal.getIndices(slide);
          Reveal.slide(h, v, Infinity);
          return Reveal.getCurrentSlide() === slide;
        })"""
    )
    assert all(seen) and len(seen) == page.evaluate("Reveal.getTotalSlides()")
    page.wait_for_timeout(100)  # what an explorer does when it is shown
    assert traffic.outside == []
    assert traffic.errors == []


def test_a_deck_is_at_once_there_alone_without_error_drawn_described_and_fits(
    lecture, served, traffic, open_deck, checks
):
    address = f"{served}/slides/{lecture}.html"
    page = open_deck(f"{address}#/slide-3")
    if page.evaluate("Reveal.getTotalSlides()") >= 3:
        assert indices(page)[0] == 2
    assert checks.undrawn_formulae(page) == []
    assert checks.pictures_without_alt(page) == []
    assert checks.slides_that_do_not_fit(page) == []
    page.wait_for_timeout(100)  # what an explorer does when it is shown
    assert traffic.outside == []
    assert traffic.errors == []
    opened = [page]
    assert checks.drawn_late(lambda: opened.pop() if opened else open_deck(address)) == []


def test_a_deck_is_accessible_light_and_dark(lecture, served, open_deck, checks, axe):
    # The handout shows all slides at once; the deck itself adds what is round them. A deck is
    # opened once and its theme changed, as the key D does: opening costs more than looking.
    for address in ("?handout&light", "?light"):
        page = open_deck(f"{served}/slides/{lecture}.html{address}")
        for theme in ("light", "dark"):
            if theme == "dark":
                page.evaluate("courseTheme.toggle()")
            assert page.evaluate("document.documentElement.dataset.theme") == theme
            assert (theme, checks.accessibility(page, axe, colours=theme == "dark")) == (theme, [])
    if page.evaluate("Boolean(document.querySelector('.page.section'))"):
        page.evaluate(
            """() => {
              const slide = document.querySelector('.page.section').parentElement;
              const { h, v } = Reveal.getIndices(slide);
              Reveal.slide(h, v);
            }"""
        )
        for theme in ("dark", "light"):
            if theme == "light":
                page.evaluate("courseTheme.toggle()")
            assert (theme, checks.accessibility(page, axe, colours=theme == "light")) == (theme, [])


def test_a_deck_is_not_too_large(lecture, built, checks):
    assert checks.too_large(built / "slides" / f"{lecture}.html") == []


# ---------------------------------------------------------------------------- keys and steps


def test_the_right_arrow_shows_every_slide_and_step(deck):
    shown = [indices(deck)]
    for _ in range(60):
        deck.keyboard.press("ArrowRight")
        if indices(deck) == shown[-1]:
            break
        shown.append(indices(deck))
    total = deck.evaluate("Reveal.getTotalSlides()")
    assert sorted({slide for slide, _ in shown}) == list(range(total))
    steps = deck.evaluate("document.querySelectorAll('.fragment').length")
    assert len(shown) == total + steps  # sub-slides are not passed by
    for _ in range(len(shown)):
        deck.keyboard.press("ArrowLeft")
    assert indices(deck)[0] == 0


def test_a_step_appears_when_its_turn_comes(deck):
    go_to(deck, "The output's size")
    step = deck.locator("section.present .fragment")
    assert not step.evaluate("e => e.classList.contains('visible')")
    deck.keyboard.press("Space")
    assert step.evaluate("e => e.classList.contains('visible')")


def test_d_makes_it_dark_and_the_choice_is_kept(deck, checks):
    theme = "document.documentElement.dataset.theme"
    background = "getComputedStyle(document.querySelector('.reveal')).backgroundColor"
    light = deck.evaluate(background)
    deck.keyboard.press("d")
    assert deck.evaluate(theme) == "dark"
    assert deck.evaluate(background) != light
    deck.reload()
    checks.wait_until_ready(deck)
    assert deck.evaluate(theme) == "dark"
    deck.keyboard.press("d")
    assert deck.evaluate(theme) == "light"


def test_dark_by_address_is_not_kept(open_deck, served):
    page = open_deck(f"{served}/slides/{MADE_UP}.html?dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("localStorage.getItem('course-theme')") is None


def test_escape_shows_the_overview_and_question_mark_the_keys(deck):
    deck.keyboard.press("Escape")
    assert deck.evaluate("Reveal.isOverview()")
    deck.keyboard.press("Escape")
    assert not deck.evaluate("Reveal.isOverview()")
    deck.keyboard.press("Shift+Slash")
    assert deck.get_by_text("Dark or light").is_visible()


def test_i_leads_back_to_the_list_of_lectures(deck):
    with deck.expect_navigation():
        deck.keyboard.press("i")
    assert deck.url.endswith("/slides/index.html")
    assert deck.get_by_role("link", name="Convolution arithmetic, drawn").is_visible()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_speaker_window_shows_the_notes(scheme, built, served, page, open_deck):
    root = served if scheme == "http" else built.as_uri()
    deck = open_deck(f"{root}/slides/{MADE_UP}.html")
    go_to(deck, "How many numbers")
    with deck.expect_popup() as popup:
        deck.keyboard.press("s")
    notes = popup.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Most forget the bias").wait_for(timeout=15_000)


def test_notes_are_on_no_slide(deck):
    for index in range(deck.evaluate("Reveal.getTotalSlides()")):
        deck.evaluate(
            "i => { const s = Reveal.getIndices(Reveal.getSlides()[i]); Reveal.slide(s.h, s.v) }",
            index,
        )
        assert not deck.locator("aside.notes").locator("visible=true").count()


def test_cells_left_out_are_not_there(deck):
    text = deck.evaluate("document.body.textContent")
    for word in ("Seventy words", "PRESET", "import torch", "9/9", "plots.losses"):
        assert word not in text


def test_the_title_slide_names_lecture_and_goals(deck):
    title = deck.locator(".page.title")
    assert title.locator(".kicker").inner_text() == "Lecture 90"
    assert title.locator("li").count() == 3
    assert deck.evaluate("document.querySelectorAll('h1').length") == 1


# ---------------------------------------------------------------------------- type that fits


def test_code_is_as_large_as_its_longest_line_allows(synthetic, tmp_path, open_deck, checks):
    lines = {"short": 'print("few words")', "long": 'print("' + "many words " * 8 + '")'}
    cells = [synthetic.markdown("# Type", "slide"), synthetic.markdown("## Code", "slide")]
    cells += [
        synthetic.code(line, "subslide", [synthetic.printed("out\n")]) for line in lines.values()
    ]
    path = synthetic.write(synthetic.notebook(cells), tmp_path / "92_type.ipynb")
    slides.copy_assets(tmp_path)
    page = open_deck(slides.build_deck(path, tmp_path).path.as_uri())
    assert checks.slides_that_do_not_fit(page) == []
    sizes = page.evaluate(
        "[...document.querySelectorAll('.source pre')].map(p => parseFloat(getComputedStyle(p).fontSize))"
    )
    widest = 1168 / (0.6 * len(lines["long"]))  # the advance of a monospaced letter is 0.6 em
    assert sizes[0] == 34 and widest - 1 < sizes[1] < 34


def test_the_ledger_and_a_heading_of_its_own_are_drawn(synthetic, tmp_path, open_deck, checks, axe):
    output = synthetic.solution().cells[-1].outputs[0]
    cells = [
        synthetic.markdown("# Counted", "slide"),
        synthetic.markdown("## A section", "slide"),
        synthetic.code("compare()", "subslide", [output], heading="C3 has 151,600 connections"),
    ]
    path = synthetic.write(synthetic.notebook(cells), tmp_path / "92_counted.ipynb")
    slides.copy_assets(tmp_path)
    page = open_deck(slides.build_deck(path, tmp_path).path.as_uri() + "#/slide-3")
    assert page.get_by_role("heading", name="C3 has 151,600 connections").is_visible()
    assert page.locator(".ledger tr:visible").all_inner_texts() == [
        "lenet5 c3 connections\t151,600\t✗ not 156,000, as in print\tLeCun et al. 1998, sec. II-B"
    ]
    assert checks.slides_that_do_not_fit(page) == []
    assert checks.accessibility(page, axe) == []


# ---------------------------------------------------------------------------- explorers


def test_an_explorer_works_and_keeps_its_keys(deck):
    index = go_to(deck, "Turn the knob")
    slider = deck.locator("#demo-kernel")
    slider.focus()
    deck.keyboard.press("ArrowRight")
    deck.keyboard.press("ArrowRight")
    assert deck.locator("#demo-size").inner_text() == "22"  # 28 - 7 + 1
    assert indices(deck)[0] == index
    deck.locator("#demo-reset").focus()
    deck.keyboard.press("Space")
    assert deck.locator("#demo-size").inner_text() == "24"
    assert indices(deck)[0] == index


def test_every_explorer_fits_a_slide_and_is_accessible_there(
    synthetic, tmp_path, open_deck, traffic, checks, axe
):
    makers = [
        make
        for name, make in vars(explorers).items()
        if name[0] != "_" and inspect.isfunction(make)
        if make.__annotations__.get("return") == "Explorer"
    ]
    assert makers
    heading = "## One setting at a time, and the picture answers at once"
    cells = [synthetic.markdown("# Explorers", "slide")]
    for make in makers:
        output = synthetic.shown(text_html=make()._repr_html_())
        cells += [
            synthetic.markdown(heading, "slide"),
            synthetic.code("explore()", "-", [output], ["hide-input"]),
        ]
    path = synthetic.write(synthetic.notebook(cells), tmp_path / "92_explorers.ipynb")
    slides.copy_assets(tmp_path)
    address = slides.build_deck(path, tmp_path).path.as_uri()
    page = open_deck(address)
    assert checks.slides_that_do_not_fit(page) == []
    assert traffic.outside == [] and traffic.errors == []
    for theme in ("light", "dark"):
        assert checks.accessibility(open_deck(f"{address}?handout&{theme}"), axe) == []


@pytest.mark.parametrize("key", ["Escape", "PageDown"])
def test_escape_and_a_clicker_leave_an_explorer(deck, key):
    index = go_to(deck, "Turn the knob")
    deck.locator("#demo-kernel").focus()
    deck.keyboard.press(key)
    if key == "Escape":
        assert indices(deck)[0] == index
        assert not deck.evaluate("Reveal.isOverview()")
        deck.keyboard.press("ArrowRight")
    assert indices(deck)[0] == index + 1


def test_an_explorer_may_write_its_state_into_the_address(deck):
    index = go_to(deck, "Turn the knob")
    deck.evaluate("location.hash = 'demo?kernel=7'")
    deck.wait_for_timeout(200)
    assert indices(deck)[0] == index
    deck.evaluate("location.hash = '/slide-2'")
    deck.wait_for_timeout(200)
    assert indices(deck)[0] == 1


# ---------------------------------------------------------------------------- list and handout


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_of_decks_is_accessible_and_offline(root, theme, page, traffic, checks, axe):
    page.goto(f"{root}/slides/index.html?{theme}")
    page.wait_for_selector("mjx-container")
    assert page.locator(".decks > li").count() >= 1
    assert checks.undrawn_formulae(page) == []
    assert checks.wider_than_a_phone(page) == []
    assert traffic.outside == [] and traffic.errors == []
    assert checks.accessibility(page, axe) == []  # axe itself asks for files, which a file may not


def test_the_handout_shows_every_slide_with_its_notes(open_deck, served):
    page = open_deck(f"{served}/slides/{MADE_UP}.html?handout")
    assert page.locator(".page:visible").count() == page.locator(".page").count() == 11
    assert page.locator("aside.notes:visible").count() == page.locator("aside.notes").count() == 9
    assert page.get_by_text("Most forget the bias").is_visible()


def test_the_handout_prints(built, browser, tmp_path):
    deck = slides.Deck("90", "", built / "slides" / f"{MADE_UP}.html", 11, "", True)
    assert slides.print_handout(deck, slides.find_browser())
    pdf = deck.path.with_suffix(".pdf")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= 8  # two slides a sheet
    assert b"/Font" in pdf.read_bytes(), "the pages are blank"
    pdf.unlink()


# ---------------------------------------------------------------------------- the checks find faults


@pytest.fixture
def faulty(tmp_path, synthetic, open_deck):
    """Opens a deck with a fault in it, as a file."""

    def go(what: str):
        path = synthetic.write(synthetic.broken(what), tmp_path / f"91_{what}.ipynb")
        slides.copy_assets(tmp_path)
        deck = slides.build_deck(path, tmp_path)
        return open_deck(
            f"{deck.path.as_uri()}?handout" * (what == "contrast") or deck.path.as_uri()
        )

    return go


def test_a_picture_from_elsewhere_is_found(faulty, traffic):
    faulty("outside")
    assert any("example.org/cat.png" in request for request in traffic.outside)


def test_a_slide_that_overflows_is_named(faulty, checks):
    found = checks.slides_that_do_not_fit(faulty("overflow"))
    assert any(text.startswith("slide 2 ('This slide holds far too much')") for text in found)
    assert not any(text.startswith("slide 1 ") for text in found)


def test_blocks_that_overlap_are_found(faulty, checks):
    assert any("overlap" in text for text in checks.slides_that_do_not_fit(faulty("overlap")))


def test_small_type_and_cut_off_blocks_are_found(faulty, checks):
    found = checks.slides_that_do_not_fit(faulty("small"))
    assert any("12px" in text for text in found)
    assert any("cut off" in text for text in found)


def test_what_leaves_the_left_edge_is_found(faulty, checks):
    found = checks.slides_that_do_not_fit(faulty("edge"))
    assert any("begins 30 px from the left edge" in text for text in found)


def test_what_reaches_into_the_margin_is_found(faulty, checks):
    found = checks.slides_that_do_not_fit(faulty("margin"))
    assert any("px into the margin" in text for text in found)


def test_a_line_of_code_that_is_broken_is_found(faulty, checks):
    found = checks.slides_that_do_not_fit(faulty("broken"))
    assert any("a line of code is broken" in text for text in found)


def test_a_figure_blown_up_is_found(faulty, checks):
    page = faulty("blown")
    assert any("blown up" in text for text in checks.slides_that_do_not_fit(page))
    assert checks.blown_up_pictures(page)


def test_a_first_slide_that_comes_late_is_found(tmp_path, synthetic, open_deck, checks):
    wait = (
        "<script>for (const start = performance.now(); performance.now() < start + 1600;);</script>"
    )
    cells = [
        synthetic.markdown("# A deck that keeps one waiting", "slide"),
        synthetic.code("1", "-", [synthetic.shown(text_html=wait)], ["hide-input"]),
    ]
    path = synthetic.write(synthetic.notebook(cells), tmp_path / "91_slow.ipynb")
    slides.copy_assets(tmp_path)
    address = slides.build_deck(path, tmp_path).path.as_uri()
    (found,) = checks.drawn_late(lambda: open_deck(address), tries=1)
    assert int(re.search(r"\[(\d+)\] ms", found)[1]) >= 1600


def test_a_missing_alt_text_is_found(faulty, checks):
    assert len(checks.pictures_without_alt(faulty("alt"))) == 1


def test_low_contrast_is_found(faulty, checks, axe):
    assert any("color-contrast" in text for text in checks.accessibility(faulty("contrast"), axe))


def test_a_formula_with_an_error_is_found(faulty, checks):
    assert checks.undrawn_formulae(faulty("math"))


def test_an_error_in_a_script_is_found(faulty, traffic):
    faulty("script")
    assert any("undefinedThing" in error for error in traffic.errors)


def test_course_slides_check_names_the_slide_and_takes_its_picture(
    tmp_path, synthetic, browser, monkeypatch, capsys
):
    path = synthetic.write(synthetic.broken("overflow"), tmp_path / "91_overflow.ipynb")
    slides.copy_assets(tmp_path)
    deck = slides.build_deck(path, tmp_path)
    monkeypatch.setattr(look, "open_browser", lambda _: contextlib.nullcontext(browser))
    assert slides.check([deck], tmp_path / "check", "chromium") == 1
    told = capsys.readouterr().out
    assert "slide 2 ('This slide holds far too much')" in told and "slide 1 " not in told
    pictures = {}
    for path in (tmp_path / "check").iterdir():
        with PIL.Image.open(path) as picture:
            pictures[path.name] = picture.size
    assert pictures["91-slide-02.png"] == (1280, 720)
    assert pictures["91-sheet-1.png"][0] > 2 * 640
    assert len(pictures) == 2


def test_course_slides_check_finds_faint_words_in_both_themes(tmp_path, synthetic, browser):
    path = synthetic.write(synthetic.broken("contrast"), tmp_path / "91_contrast.ipynb")
    slides.copy_assets(tmp_path)
    seen = look.look(slides.build_deck(path, tmp_path).path, tmp_path / "check", browser)
    assert any("low contrast (light)" in what for _, _, what in seen.flagged)
    assert {slide for slide, *_ in seen.flagged} == {2}
