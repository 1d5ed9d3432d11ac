"""The house as CONTRIBUTING draws it: floors kept, nothing imported in a circle."""

import ast
import graphlib
import importlib.util
import json
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UTILS = ROOT / "utils"
FLOORS = {
    module: floor["number"]
    for floor in tomllib.loads((ROOT / "tests" / "house.toml").read_text("utf-8"))["floor"]
    for module in floor["modules"]
}


def modules() -> dict[str, Path]:
    """Every module of utils by its dotted name."""
    found = {}
    for path in sorted(UTILS.rglob("*.py")):
        if "templates" in path.parts:
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(name: str, everywhere: bool) -> set[str]:
    """Modules of utils that one imports: also inside functions, or only when it is loaded."""
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    if everywhere:
        nodes = list(ast.walk(tree))
    else:
        nodes = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name} imports relatively"
            candidates = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {candidate for candidate in candidates if candidate in MODULES}
    return found - {name, "utils"}


def room(name: str) -> str:
    return name.split(".")[1]


def test_every_module_has_its_floor():
    rooms = {room(name) for name in MODULES if name != "utils"}
    assert rooms == set(FLOORS), "name new modules in tests/house.toml, remove old ones"


@pytest.mark.parametrize("name", [name for name in MODULES if name != "utils"])
def test_nothing_is_imported_from_above(name):
    floor = FLOORS[room(name)]
    above = {other for other in imported(name, everywhere=True) if FLOORS[room(other)] > floor}
    assert not above, f"{name} stands on floor {floor} and imports {sorted(above)} from above"


def test_nothing_is_imported_in_a_circle():
    graph = {name: imported(name, everywhere=False) for name in MODULES if name != "utils"}
    assert sum(map(len, graph.values())) > 100, "this test sees the imports"
    for name in graph:  # a package is loaded before its parts, and may name them
        graph[name] = {other for other in graph[name] if not name.startswith(f"{other}.")}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.fixture(scope="module")
def pictures():
    """The script that makes the pictures."""
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "data/make/pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawing_shows_the_house_as_it_is(pictures):
    stored = (pictures.FOLDER / "house.svg").read_text("utf-8")
    assert stored == pictures.house(), "run: python data/make/pictures.py house"


def test_the_photographs_show_what_the_lectures_hold(pictures):
    record = json.loads((pictures.FOLDER / "record.json").read_text("utf-8"))
    assert set(record) == set(pictures.SHOWN)
    for name, where in pictures.SHOWN.items():
        assert (pictures.FOLDER / name).is_file()
        now = pictures.shown_now(*where)
        assert now["figures"], f"{where} has no figure"
        assert record[name] == now, "run: python data/make/pictures.py photographs"
