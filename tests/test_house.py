"""The house as CONTRIBUTING draws it: floors kept, nothing imported in a circle."""

import ast
import graphlib
import importlib.util
import json
import re
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


# --- docstrings -----------------------------------------------------------------------------

ELSEWHERE = re.compile(r"(?i)\b(as for|as in|see|same as|those of|arguments as)\b[^.]*`")
"""What a docstring says that leaves its arguments to another's."""


def documented() -> dict[str, tuple[ast.AST, ast.AST | None]]:
    """Public functions, methods and classes of utils: what a lecture may import."""
    found = {}
    for name, path in MODULES.items():
        parts = name.split(".")
        inner = any(part.startswith("_") for part in parts[1:])
        if inner or parts[1:2] == ["course"] or re.match(r"lecture_\d\d", parts[-1]):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            members = [(None, node)]
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                members += [(node, member) for member in node.body]
            for owner, member in members:
                kinds = ast.FunctionDef | ast.ClassDef if owner is None else ast.FunctionDef
                if isinstance(member, kinds) and not member.name.startswith("_"):
                    inside = f"{owner.name}." if owner else ""
                    found[f"{name}.{inside}{member.name}"] = (member, owner)
    return found


def arguments_of(node: ast.AST) -> list[str]:
    """Names of a function's arguments, of a class those of its ``__init__``."""
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        return arguments_of(inits[0]) if inits else []
    given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return [argument.arg for argument in given if argument.arg not in ("self", "cls")]


def errors_of(node: ast.AST) -> set[str]:
    """Names of the errors a function raises itself."""
    raised = [n.exc for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc]
    calls = [exc.func for exc in raised if isinstance(exc, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name)} - {"NotImplementedError"}


DOCUMENTED = documented()


def test_the_public_names_are_seen():
    assert len(DOCUMENTED) > 500
    assert "utils.arithmetic.output_size" in DOCUMENTED
    assert arguments_of(DOCUMENTED["utils.arithmetic.output_size"][0])[:2] == ["size", "kernel"]
    assert errors_of(DOCUMENTED["utils.measured.Runs.sd"][0]) == {"ValueError"}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstrings_name_every_argument_and_every_error(name):
    node, owner = DOCUMENTED[name]
    text = ast.get_docstring(node) or ""
    assert text, f"{name} has no docstring"
    unnamed = [arg for arg in arguments_of(node) if not re.search(rf"\b{re.escape(arg)}\b", text)]
    if owner is not None and node.name == "forward" and "(N" in text:
        unnamed = []  # its shape says what a network's input is
    if owner is not None and node.name == "forward" and "(N" in (ast.get_docstring(owner) or ""):
        unnamed = []  # ... or the class says it
    assert not unnamed or ELSEWHERE.search(text), f"{name}: the docstring does not name {unnamed}"
    if isinstance(node, ast.FunctionDef) and (errors := errors_of(node)):
        assert "Raises" in text or any(error in text for error in errors), (
            f"{name} raises {sorted(errors)}: its docstring should say when"
        )
