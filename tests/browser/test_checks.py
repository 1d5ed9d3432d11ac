"""Each check of a page finds the fault it is there for, and says nothing of a page without one.

The faults of slides, which need a deck round them, are put in by `test_slides`.
"""

import os
import subprocess
import sys
import time

import pytest

SOUND = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
{head}</head><body {attributes}><main><h1>A page</h1>
<article><p>Words.</p>{body}</article></main>{after}</body></html>
"""
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture
def show(page, tmp_path):
    """Opens a page with something in it, as a file."""

    def go(
        body: str = "", *, head: str = "", attributes: str = "", after: str = "", text: str = ""
    ):
        file = tmp_path / "page.html"
        parts = {"head": head, "attributes": attributes, "body": body, "after": after}
        file.write_text(text or SOUND.format(**parts), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_load_state("load")
        return page

    return go


def test_a_sound_page_has_no_fault(show, traffic, checks, axe):
    page = show(f'<h2>A figure</h2><img src="{DOT}" alt="One dot">')
    assert checks.accessibility(page, axe) == []
    assert checks.pictures_without_alt(page) == []
    assert checks.blown_up_pictures(page) == []
    assert checks.undrawn_formulae(page) == []
    assert checks.wider_than_a_phone(page) == []
    assert traffic.outside == [] and traffic.errors == []


# ---------------------------------------------------------------------------- the network

ASKING = {
    "picture": '<img src="http://example.org/{}" alt="x">',
    "script": '<script src="https://example.org/{}"></script>',
    "style sheet": '<link rel="stylesheet" href="https://example.org/{}">',
    "font": "<style>@font-face {{ font-family: far; src: url(https://example.org/{}) }} "
    "p {{ font-family: far }}</style>",
    "frame": '<iframe title="x" src="https://example.org/{}"></iframe>',
    "fetch": '<script>fetch("https://example.org/{}").catch(() => 0)</script>',
    "beacon": '<script>navigator.sendBeacon("https://example.org/{}", "1")</script>',
    "socket": '<script>new WebSocket("wss://example.org/{}")</script>',
    "module": '<script type="module">import("https://example.org/{}").catch(() => 0)</script>',
}


def test_whatever_asks_another_machine_is_found(show, traffic):
    # Nothing answers: the browser has no way out, or the requests are cut off here.
    marks = {name: f"what-{number}-end" for number, name in enumerate(ASKING)}
    body = "".join(ASKING[name].format(mark) for name, mark in marks.items())
    page = show()
    page.route("**://example.org/**", lambda route: route.abort())
    page = show(body)
    page.wait_for_timeout(300)
    asked = " ".join(traffic.outside)
    assert [name for name, mark in marks.items() if mark not in asked] == []


COMPLAINTS = {
    "an error that a script reports": ("<script>console.error('told so')</script>", "told so"),
    "an exception": ("<script>undefinedThing.draw()</script>", "undefinedThing"),
    "a broken promise": ("<script>Promise.reject(Error('broken'))</script>", "broken"),
    "a picture that is not there": ('<img src="gone.png" alt="x">', "gone.png"),
    "a script that is not there": ('<script src="gone.js"></script>', "gone.js"),
}


def test_whatever_fails_on_a_page_is_found(show, traffic):
    show("".join(markup for markup, _ in COMPLAINTS.values())).wait_for_timeout(100)
    told = " ".join(traffic.errors)
    assert [name for name, (_, word) in COMPLAINTS.items() if word not in told] == []


def test_an_answer_404_is_found(page, traffic):
    page.route("**/gone.html", lambda route: route.fulfill(status=404, body="gone"))
    page.goto("http://127.0.0.1/gone.html")
    assert traffic.errors[0].startswith("404 for http://127.0.0.1/gone.html")


# ---------------------------------------------------------------------------- sizes and seconds


def test_a_page_that_is_too_large_is_found(tmp_path, checks):
    page = tmp_path / "page.html"
    page.write_text(SOUND, encoding="utf-8")
    os.truncate(page, checks.LIMIT - 1)
    assert checks.too_large(page) == []
    os.truncate(page, checks.LIMIT)
    assert checks.too_large(page) == ["page.html has 8,000,000 bytes; under 8,000,000 are allowed"]


def test_a_build_that_takes_too_long_is_found_in_this_process_and_in_its_children(checks):
    work = "import time\nwhile time.process_time() < 0.3: pass"
    with checks.Spent() as spent:
        subprocess.run([sys.executable, "-c", work], check=True)
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        time.sleep(0.3)  # another's turn costs nothing
    assert 0.45 <= spent.seconds < 2
    assert checks.built_too_slowly(spent.seconds, limit=0.45)
    assert checks.built_too_slowly(59.9) == []
    assert checks.built_too_slowly(60.0) == ["built in 60.0 s; at most 60 are allowed"]


def test_a_page_too_wide_for_a_telephone_is_found(show, checks):
    page = show('<table><tr><td style="min-width: 600px">wide</td></tr></table>')
    (found,) = checks.wider_than_a_phone(page)
    assert "on a telephone of 390" in found


# ---------------------------------------------------------------------------- pictures and formulae


def test_a_picture_without_words_or_with_empty_ones_is_found(show, checks):
    alts = ("", 'alt=""', 'alt=" "', 'alt="image"', 'alt="No description has been provided"')
    page = show("".join(f'<img src="{DOT}" {alt}>' for alt in alts))
    assert len(checks.pictures_without_alt(page)) == len(alts)


def test_a_picture_shown_larger_than_it_is_is_found(show, checks):
    page = show(f'<img src="{DOT}" alt="One dot" style="width: 60px">')
    assert checks.blown_up_pictures(page) == ["1 px wide, shown at 60: One dot"]


@pytest.mark.parametrize("formula", ["$x^2$", r"\(x\)", r"\[x\]", r"\frac 1 2", r"\begin{align}"])
def test_a_formula_left_as_source_is_found(show, checks, formula):
    assert len(checks.undrawn_formulae(show(f"<p>Thus {formula} holds.</p>"))) == 1


# ---------------------------------------------------------------------------- accessibility

RULES = {
    "image-alt": f'<img src="{DOT}">',
    "role-img-alt": '<span role="img">&#9731;</span>',
    "svg-img-alt": '<svg role="img" width="20" height="20"><rect width="9" height="9"/></svg>',
    "button-name": '<button type="button"></button>',
    "link-name": '<a href="#x"></a>',
    "label": '<input type="text">',
    "select-name": "<select><option>1</option></select>",
    "frame-title": "<iframe srcdoc='x'></iframe>",
    "color-contrast": '<p style="color: #bbb; background: #fff">pale words</p>',
    "heading-order": "<h5>Four levels down</h5>",
    "empty-heading": "<h2></h2>",
    "list": "<ul><p>no item</p></ul>",
    "listitem": '<div><li style="color: #000">alone</li></div>',
    "definition-list": "<dl><p>no term</p></dl>",
    "empty-table-header": "<table><tr><th></th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
    "scope-attr-valid": '<table><tr><th scope="sideways">a</th></tr><tr><td>1</td></tr></table>',
    "td-headers-attr": '<table><tr><td headers="nowhere">1</td></tr></table>',
    "aria-valid-attr": '<p aria-lable="x">x</p>',
    "aria-valid-attr-value": '<p aria-hidden="perhaps">x</p>',
    "aria-roles": '<p role="paragraf">x</p>',
    "aria-required-attr": '<div role="slider" tabindex="0" aria-label="x"></div>',
    "aria-input-field-name": '<div role="slider" tabindex="0" aria-valuenow="1"></div>',
    "aria-hidden-focus": '<p aria-hidden="true"><button type="button">x</button></p>',
    "nested-interactive": '<button type="button">a <a href="#x">b</a></button>',
    "tabindex": '<p tabindex="3">x</p>',
    "link-in-text-block": '<p>Words and more words, <a href="#x" style="color: #222; '
    'text-decoration: none">a link</a>, and still more words.</p>',
    "meta-refresh": '<meta http-equiv="refresh" content="900">',
}
"""Rule of axe-core -> markup that breaks it."""

WHOLE = {
    "html-has-lang": '<!DOCTYPE html><html><head><meta charset="utf-8"><title>t</title></head>{}',
    "document-title": '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"></head>{}',
    "html-lang-valid": '<!DOCTYPE html><html lang="xyzq"><head><title>t</title></head>{}',
    "meta-viewport": '<!DOCTYPE html><html lang="en"><head><title>t</title><meta name="viewport" '
    'content="width=device-width, user-scalable=no"></head>{}',
    "landmark-one-main": '<!DOCTYPE html><html lang="en"><head><title>t</title></head>'
    "<body><h1>h</h1></body></html>",
    "page-has-heading-one": '<!DOCTYPE html><html lang="en"><head><title>t</title></head>'
    "<body><main><h2>h</h2></main></body></html>",
    "region": '<!DOCTYPE html><html lang="en"><head><title>t</title></head>'
    "<body><main><h1>h</h1></main><p>outside</p></body></html>",
}
"""The same for what concerns a whole page."""


def rules(found: list[str]) -> set[str]:
    """Names of the rules in what `accessibility` says."""
    return {text.split(": ", 1)[1].split(", ", 1)[0] for text in found}


def test_axe_finds_each_fault_put_into_one_page(show, checks, axe):
    page = show("".join(f"<div>{markup}</div>" for markup in RULES.values()))
    assert set(RULES) - rules(checks.accessibility(page, axe)) == set()
    assert rules(checks.accessibility(page, axe, colours=True)) == set(checks.COLOURS)


@pytest.mark.parametrize("rule", WHOLE)
def test_axe_finds_what_is_wrong_with_a_whole_page(show, checks, axe, rule):
    text = WHOLE[rule].format("<body><main><h1>h</h1><p>x</p></main></body></html>")
    assert rule in rules(checks.accessibility(show(text=text), axe))
