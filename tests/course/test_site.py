"""The site without a browser: what goes into it, and when it is built again."""

import json
import re

import pytest

import utils
from utils import ledger
from utils.course import CourseError, main, notebooks, site
from utils.explorers import gallery


@pytest.fixture
def lecture(clone, monkeypatch):
    """A lecture with its solution, prepared data files beside them; one explorer."""
    monkeypatch.setattr(gallery, "GALLERY", {"pooling": ("06", "Move a pattern.")})
    for name in ("manifest.toml", "published.toml"):
        text = (ledger.PATH.parent / name).read_text(encoding="utf-8")
        (clone.root / "data" / name).write_text(text, encoding="utf-8")
    figure = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "iVBORw0KGgo=", "text/plain": '<Figure "x": 1 axes>'},
    }
    widget = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "bar"},
    }
    prompt = {"exercise": "06.1", "role": "prompt"}
    cells = [
        clone.markdown("# LeNet reads digits\n\n- count\n- train"),
        clone.markdown("Say this.", "remove-cell", slideshow={"slide_type": "notes"}),
        clone.code("draw()", outputs=[figure, widget], count=1, alt="Six planes"),
        clone.markdown("## Exercise 06.1", course=prompt),
    ]
    path = clone.write("06_lenet", cells, pictures=[{"what": "A cat", "licence": "CC0"}])
    clone.write("06_lenet", [clone.markdown("# Solutions")], folder="solutions")
    return path


def test_pages_say_what_a_lecture_holds(lecture):
    (page,) = site.find_pages()
    assert (page.lecture, page.title, page.goals) == (
        "06",
        "LeNet reads digits",
        ["count", "train"],
    )
    assert (page.exercises, page.budget, page.executed) == (1, 5, False)
    assert page.solution == utils.ROOT / "solutions" / "06_lenet.ipynb"
    assert page.pictures == ["A cat, CC0"]


def test_a_page_has_alt_text_and_links_and_no_notes(lecture):
    (page,) = site.find_pages()
    notebook = notebooks.read(lecture)
    before = json.dumps(notebook)
    cells = site.prepare(notebook, page)["cells"]
    assert json.dumps(notebook) == before
    text = "\n".join(map(notebooks.source, cells))
    assert "Say this" not in text
    assert "../slides/06_lenet.html" in cells[1]["source"]
    assert "../downloads/lectures/06_lenet.ipynb" in cells[1]["source"]
    assert "../solutions/06_lenet.html" in cells[1]["source"]
    assert "Solutions <../solutions/06_lenet>" in cells[-1]["source"]
    (figure,) = [cell for cell in cells if cell["cell_type"] == "code"]
    assert figure["metadata"]["mystnb"] == {"image": {"alt": "Six planes"}}
    assert len(figure["outputs"]) == 1  # the progress bar is gone


def test_a_solution_links_back(lecture):
    (page,) = site.find_pages()
    cells = site.prepare(notebooks.read(page.solution), page, solution=True)["cells"]
    assert "../lectures/06_lenet.html" in cells[1]["source"]
    assert "toctree" not in cells[-1]["source"]


def test_headings_of_solutions_leave_no_level_out(clone, lecture):
    fence = "```python\n# a comment\n```"
    cells = [
        clone.markdown("# T"),
        clone.markdown(f"### E\n\n{fence}\n\n#### Why"),
        clone.code("# x"),
    ]
    (page,) = site.find_pages()
    notebook = notebooks.read(clone.write("06_lenet", cells, folder="solutions"))
    prepared = site.prepare(notebook, page, solution=True)["cells"]
    assert [notebooks.source(c) for c in (prepared[0], *prepared[2:])] == [
        "# T",
        f"## E\n\n{fence}\n\n### Why",
        "# x",
    ]


def compared(clone, id, computed, verdict):
    entry = ledger.published(id)
    line = ledger.Comparison(entry, computed, verdict).line
    output = {
        "output_type": "display_data",
        "metadata": {ledger.KEY: {"id": id, "computed": computed, "verdict": verdict}},
        "data": {"text/plain": line},
    }
    return clone.code("compare()", outputs=[output], count=1)


def test_the_ledger_page_sets_computed_beside_published(clone, lecture):
    cell = compared(clone, "lenet5.c3.connections", 151600, "contradicts")
    clone.write("06_lenet", [clone.markdown("# T"), cell])
    facts = site.ledger_facts(site.find_pages())
    rows = {row["id"]: row for row in facts["rows"]}
    assert len(rows) == len(ledger.entries())
    row = rows["lenet5.c3.connections"]
    assert (row["published"], row["computed"]) == ("156,000", "151,600")
    assert row["verdict"] == "contradicts"
    assert row["pages"] == [{"lecture": "06", "href": "lectures/06_lenet.html"}]
    assert rows["lenet5.parameters"]["verdict"] == site.OPEN  # not computed by this lecture
    assert rows["lenet5.parameters"]["computed"] == ""
    assert facts["numbers"] == ["06"]


def test_a_stale_line_of_the_ledger_names_its_notebook(clone, lecture):
    cell = compared(clone, "lenet5.c3.connections", 151600, "contradicts")
    cell["outputs"][0]["data"]["text/plain"] += "!"
    clone.write("06_lenet", [clone.markdown("# T"), cell])
    with pytest.raises(CourseError, match=r"lectures/06_lenet\.ipynb: .*refresh"):
        site.ledger_facts(site.find_pages())


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (60000, 0, "60,000"),
        (0.95, 2, "0.95"),
        (1234.5, 1, "1,234.5"),
        ([1, 20000], 0, "1, 20,000"),
        (list(range(20)), 0, "0, 1, 2, 3, 4, 5, 6, 7, …, 17, 18, 19"),
    ],
)
def test_figures_read_as_numbers_do(value, decimals, text):
    assert site.figure(value, decimals) == text


def test_every_data_set_has_its_row(lecture):
    facts = site.credit_facts(site.find_pages())
    assert {"mnist", "cutouts"} <= {row["name"] for row in facts["sets"]}
    assert all(row["licence"] and row["kinds"] for row in facts["sets"])


def test_the_site_is_whole_offline_and_left_alone_when_up_to_date(lecture, capsys):
    assert main(["site"]) == 0
    out, err = capsys.readouterr()
    assert "from the committed notebook: 06" in out and "Site (built)" in out and not err
    folder = utils.ROOT / "build" / "site"
    for name in (
        "index.html",
        "ledger.html",
        "credits.html",
        "exercises.html",
        "gallery.html",
        "glossary.html",
        "teaching.html",
        "explorers/pooling.html",
        "search.html",
        "lectures/06_lenet.html",
        "solutions/06_lenet.html",
        "slides/06_lenet.html",
        "slides/index.html",
        "downloads/lectures/06_lenet.ipynb",
        "downloads/solutions/06_lenet.ipynb",
    ):
        assert (folder / name).is_file(), name
    page = (folder / "lectures" / "06_lenet.html").read_text(encoding="utf-8")
    assert 'alt="Six planes"' in page and "Say this" not in page
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert '<script src="http' not in text and 'stylesheet" href="http' not in text, path
    assert main(["site"]) == 0
    assert "Site (up to date)" in capsys.readouterr().out
    (utils.ROOT / "solutions" / "06_lenet.ipynb").unlink()
    pages = site.find_pages()
    assert site._digest(pages) != json.loads((folder / site.RECORD).read_text())["digest"]


def test_a_folder_that_holds_something_else_is_not_overwritten(lecture, tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    assert main(["site", "--output", str(tmp_path / "thesis")]) == 1
    assert "holds something that is no site of this course" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


def test_a_warning_of_sphinx_is_shown_and_counts_and_a_folder_may_be_relative(
    clone, lecture, capsys, monkeypatch
):
    clone.write("06_lenet", [clone.markdown("# T\n\n[there](nowhere.md)")])
    monkeypatch.chdir(clone.root)
    assert main(["site", "--output", "mine/site"]) == 1
    assert "nowhere.md" in capsys.readouterr().err
    assert (clone.root / "mine" / "site" / "index.html").is_file()


def test_no_lecture_is_one_sentence(clone, capsys):
    assert main(["site"]) == 1
    assert "there is no site to build" in capsys.readouterr().err


# ------------------------------------------------------------- glossary, exercises, gallery


def test_terms_are_linked_once_and_only_in_prose():
    wanted = {"kernel": "kernel", "kernels": "kernel", "feature map": "feature map"}
    text = (
        "## A kernel slides\n\n`kernel` and $kernel$ and [a kernel](x) stay; kernel-size too. "
        "The Kernels make a feature\nmap, or one feature map. Another kernel.\n\n| kernel |\n"
    )
    linked = site.link_terms(text, wanted)
    assert linked.count("{term}") == 2
    assert "The {term}`Kernels <kernel>` make a feature\nmap, or one" in linked
    assert "one {term}`feature map <feature map>`. Another kernel." in linked
    assert wanted == {}
    assert site.link_terms(text, wanted) == text


def test_the_glossary_is_sound():
    terms = site.glossary()
    forms = [
        form.lower() for term, entry in terms.items() for form in (term, *entry.get("also", ()))
    ]
    assert len(set(forms)) == len(forms), "two terms share a form"
    for term, entry in terms.items():
        assert set(entry) <= {"text", "lecture", "also"}, term
        assert entry["text"].endswith(".") and len(entry["text"].split()) <= 40, term
        assert list((utils.ROOT / "lectures").glob(f"{entry['lecture']}_*.ipynb")), term


def test_every_explorer_is_in_the_gallery():
    from utils import explorers

    makers = {
        name
        for name in {*vars(explorers), *explorers._HOMES}
        if name in explorers._HOMES
        or (
            getattr(getattr(explorers, name), "__annotations__", {}).get("return") == "Explorer"
            and not name.startswith("_")
        )
    }
    assert makers == set(gallery.GALLERY)


def test_the_overview_lists_the_exercises_of_the_real_lectures():
    pages = [site.page_of(path) for path in sorted((utils.ROOT / "lectures").glob("*.ipynb"))]
    facts = site.exercise_facts(pages)
    assert len(facts["rows"]) == sum(page.exercises for page in pages)
    assert all(row["title"] and row["kind"] and row["minutes"] for row in facts["rows"])
    assert sum(count for _, count, _ in facts["kinds"]) == len(facts["rows"])


def test_every_slide_of_the_original_lecture_has_a_home():
    import tomllib

    path = site.slides.TEMPLATES / "site" / "teaching.toml"
    guide = tomllib.loads(path.read_text(encoding="utf-8"))
    lectures = sorted(path.stem[:2] for path in (utils.ROOT / "lectures").glob("*.ipynb"))
    assert sorted(guide) == lectures
    homes = {int(number) for entry in guide.values() for number in entry.get("deck", {})}
    assert homes == set(range(1, 49))
    for lecture, entry in guide.items():
        assert {*entry, "deck"} == {"needs", "deck", "ask", "misconceptions"}, lecture
        assert len(entry["ask"]) >= 2 and len(entry["misconceptions"]) >= 2, lecture


def test_the_guide_maps_every_original_slide_to_lectures_that_are_shown():
    pages = [site.page_of(path) for path in sorted((utils.ROOT / "lectures").glob("*.ipynb"))]
    rows = {number: places for number, _, places in site.teaching_facts(pages)["deck"]}
    assert set(rows) == set(range(1, 49))
    for number, places in rows.items():
        assert re.findall(r"\[(\d\d)\]\(lectures/\1_\w+\.ipynb\)", places), number


def test_the_guide_says_what_the_full_preset_is():
    pages = [site.page_of(path) for path in sorted((utils.ROOT / "lectures").glob("*.ipynb"))]
    items = site.teaching_facts(pages)["items"]
    assert all(item["full"] for item in items), [i["lecture"] for i in items if not i["full"]]
    assert all(item["slides"] >= 15 for item in items)


def test_every_symbol_stands_in_the_lecture_it_is_said_to_come_from():
    pages = site.find_pages()
    texts = {
        page.lecture: " ".join(notebooks.source(c) for c in notebooks.read(page.path)["cells"])
        for page in pages
    }
    rows = [row for group in site.symbol_facts(pages)["groups"] for row in group["symbols"]]
    assert len(rows) > 20
    for row in rows:
        assert row["page"] is not None, f"there is no lecture {row['lecture']}"
        for symbol in re.split(r",\s+", row["symbol"]):
            core = symbol.strip("$").removesuffix(r"(\cdot)")
            letters = rf"(?<![A-Za-z]){re.escape(core)}(?![A-Za-z])"
            assert re.search(letters, texts[row["lecture"]]), f"{symbol} is not in {row['lecture']}"


def test_references_carry_their_dois():
    text = (
        "## References\n\n- K. He, X. Zhang, S. Ren, J. Sun: Deep *residual* learning for image "
        "recognition. *CVPR*, 2016.\n- A. Canziani: An analysis. arXiv 1605.07678, 2016.\n"
        "- V. Dumoulin, F. Visin: A guide to convolution arithmetic. arXiv 1603.07285, 2016.\n"
        "- Somebody: A book. 1999.\nWords about network in network."
    )
    lines = site.link_dois(text).split("\n")
    assert lines[2].endswith("[doi:10.1109/CVPR.2016.90](https://doi.org/10.1109/CVPR.2016.90)")
    assert "[arXiv 1605.07678](https://doi.org/10.48550/arXiv.1605.07678), 2016." in lines[3]
    assert lines[4].count("https://") == 1, "arXiv's number is named and linked once"
    assert lines[5:] == text.split("\n")[5:]
    assert site.link_dois("\n".join(lines)) == "\n".join(lines)


def test_every_doi_is_one_and_most_references_have_theirs():
    import tomllib

    path = site.slides.TEMPLATES / "site" / "references.toml"
    for words, doi in tomllib.loads(path.read_text(encoding="utf-8")).items():
        assert words == words.lower() and re.fullmatch(r"10\.\d{4,5}/\S+", doi), words
    pages = [site.page_of(path) for path in sorted((utils.ROOT / "lectures").glob("*.ipynb"))]
    rows = [text for text, _ in site.reference_facts(pages)["rows"]]
    papers = [text for text in rows if re.search(r"\b(19[6-9]|20)\d", text)]
    without = [text for text in papers if "doi.org" not in text and "Photograph" not in text]
    assert len(papers) > 40
    assert len(without) <= len(papers) / 6, without


@pytest.mark.parametrize(
    ("address", "services"),
    [
        (None, {}),
        ("https://example.org/course", {}),
        (
            "https://github.com/a/b",
            {
                "Colab": "https://colab.research.google.com/github/a/b/blob/main/lectures/06_lenet.ipynb",
                "Binder": "https://mybinder.org/v2/gh/a/b/HEAD?labpath=lectures/06_lenet.ipynb",
            },
        ),
        (
            "https://gitlab.com/a/b",
            {"Binder": "https://mybinder.org/v2/gl/a%2Fb/HEAD?labpath=lectures/06_lenet.ipynb"},
        ),
    ],
)
def test_launch_buttons_follow_the_public_address(address, services):
    assert site.launch_links("06_lenet", address) == services


def test_the_public_address_is_set_in_one_place(clone, monkeypatch):
    project = clone.root / "pyproject.toml"
    project.write_text('[project]\nname = "x"\n', encoding="utf-8")
    assert site.repository() is None
    page = site.page_of(clone.write("06_lenet", [clone.markdown("# 06 · LeNet")]))
    assert "Run it at" not in site.prepare(notebooks.read(page.path), page)["cells"][1]["source"]
    project.write_text(
        '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/a/b.git"\n',
        encoding="utf-8",
    )
    assert site.repository() == "https://github.com/a/b"
    links = site.prepare(notebooks.read(page.path), page)["cells"][1]["source"]
    assert "Run it at Colab" in links and "Run it at Binder" in links


def test_every_cover_is_a_figure_of_its_lecture():
    for path in sorted((utils.ROOT / "lectures").glob("*.ipynb")):
        page = site.page_of(path)
        ids = {cell["id"] for cell in notebooks.read(path)["cells"] if cell.get("outputs")}
        assert site.COVERS.get(page.lecture, next(iter(ids))) in ids, page.lecture
        assert site.cover(page)[:3] == b"\xff\xd8\xff"
