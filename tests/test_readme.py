"""README, CONTRIBUTING and data/README.md: links lead somewhere, commands exist, figures are true."""

import re
from pathlib import Path

import pytest

import utils
from utils.course import main, notebooks

ROOT = utils.ROOT
PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "CHANGELOG.md")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = text_of(page)
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in anchors, f"{page} has no section {target}"
        elif not re.match(r"[a-z]+:", target):
            path = (ROOT / page).parent / target.partition("#")[0]
            assert path.exists(), f"{page} links to {target}, which is not there"


@pytest.mark.parametrize("page", ("README.md", "CONTRIBUTING.md"))
def test_make_targets_and_commands_exist(page):
    text = text_of(page)
    fenced = r"(?s)```.*?```"
    code = "\n".join(re.findall(fenced, text) + re.findall("`([^`]+)`", re.sub(fenced, "", text)))
    rules = set(re.findall(r"(?m)^([a-z-]+):", text_of("Makefile")))
    wanted = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert wanted and wanted <= rules, wanted - rules
    commands = set(re.findall(r"(?m)(?:^|[/ ])course ([a-z]+)\b", code))
    assert commands
    for command in commands:
        assert main([command, "--help"]) == 0, f"there is no `course {command}`"


def rows() -> dict[str, list[str]]:
    """Cells of the table of lectures by number."""
    found = {}
    for line in text_of("README.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"\d\d", cells[0]):
            found[cells[0]] = cells[1:]
    return found


@pytest.mark.parametrize("path", notebooks.notebooks(), ids=lambda path: path.stem)
def test_the_table_of_lectures_says_what_the_notebooks_say(path: Path):
    notebook = notebooks.read(path)
    assert path.stem[:2] in rows(), f"README's table lacks lecture {path.stem[:2]}"
    link, _, _, runs, minutes = rows()[path.stem[:2]]
    assert link.endswith(f"](lectures/{path.name})")
    title = re.match(r"\[(.+?)\]", link)[1]
    first = notebooks.source(notebook["cells"][0]).splitlines()[0].lstrip("# ")
    assert first.startswith(title), f"README calls it {title!r}, the notebook {first!r}"
    prompts = [
        cell["metadata"]["course"]
        for cell in notebook["cells"]
        if cell["metadata"].get("course", {}).get("role") == "prompt"
    ]
    assert runs == f"{notebooks.course_metadata(notebook)['budget']} s"
    assert minutes == f"{sum(prompt.get('minutes', 0) for prompt in prompts)} min"


def test_the_table_lists_no_lecture_that_is_not_there():
    assert set(rows()) == {path.stem[:2] for path in notebooks.notebooks()}
