"""Sphinx settings of the course's site. `course site` copies this file beside the pages it made."""

import json
from pathlib import Path

_facts = json.loads((Path(__file__).parent / "site.json").read_text(encoding="utf-8"))

project = _facts["title"]
author = copyright = "the authors of this course"
html_show_copyright = False
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["downloads", "_build"]

# Notebooks are shown with the outputs they have; nothing is executed.
nb_execution_mode = "off"
nb_output_stderr = "remove"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_number_source_lines = False
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
# A cell's own language says enough; a heading a lecture skips is the lectures' test to find.
suppress_warnings = ["misc.highlighting_failure", "mystnb.unknown_mime_type"]

# Formulae: MathJax 3 in one file, from a wheel, not from a CDN.
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {
    "tex": {"processEscapes": True, "processEnvironments": True, "tags": "none"},
    "options": {"enableMenu": False},
    "svg": {"fontCache": "global"},
}

html_theme = "sphinx_book_theme"
html_title = _facts["title"]
html_static_path = ["static"]
html_extra_path = ["extra"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_permalinks_icon = "#"
html_last_updated_fmt = None
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "toc_title": "On this page",
    "navigation_with_keys": False,
    "search_bar_text": "Search the course",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": "",
    "back_to_top_button": False,
    "logo": {"text": "Introduction to CNNs"},
}
