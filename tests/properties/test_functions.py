"""Every public function of `utils` with wrong arguments of every kind: see trials.py and recipes.py.

`KNOWN` in known.py lists what falls short, with the reason why it stands; a finding that is not in
it fails, and so does an entry that no longer happens.
"""

import ast
import fnmatch
import importlib

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from known import KNOWN
from recipes import EXEMPT, RECIPES
from trials import Draw, Recipe, findings

from utils import ROOT


def public_names() -> list[str]:
    """Every public function and class below `utils`, by the module that defines it."""
    names = []
    for path in sorted((ROOT / "utils").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                if not _is_record(node):
                    names.append(f"{module}.{node.name}")
    return names


def _is_record(node: ast.AST) -> bool:
    """Whether a class only holds what it is given: a dataclass, a named tuple, an error."""
    if not isinstance(node, ast.ClassDef):
        return False
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    decorated = any("dataclass" in ast.unparse(word) for word in node.decorator_list)
    return decorated or any(
        b == "NamedTuple" or b.endswith(("Error", "Exception", "Warning")) for b in bases
    )


def test_every_public_function_has_a_recipe_or_a_reason():
    names = public_names()
    assert len(names) > 400
    without = [
        name
        for name in names
        if name not in RECIPES and not any(fnmatch.fnmatch(name, pattern) for pattern in EXEMPT)
    ]
    assert not without, f"say in tests/properties/recipes.py how to call {', '.join(without)}"


def test_no_recipe_or_exemption_is_left_over():
    names = public_names()
    assert not [name for name in RECIPES if name not in names]
    assert not [name for name in KNOWN if name not in RECIPES], "take it out of known.py"
    assert not [pattern for pattern in EXEMPT if not fnmatch.filter(names, pattern)]
    for reason in EXEMPT.values():
        for word in reason.split():
            if word.startswith("tests/"):
                assert (ROOT / word.rstrip(".,;:)")).exists(), f"there is no {word}"


def expected(name: str) -> set[tuple[str, str]]:
    """What is known of a function, as (part of an argument, kind)."""
    return {
        (path, kind)
        for path, kinds in KNOWN.get(name, ({}, ""))[0].items()
        for kind in kinds.split()
    }


def judge(name: str, found: dict[tuple[str, str], str]) -> None:
    """Compare what was found with what is known."""
    known = expected(name)
    short = {(_short(path), kind.replace(" ", "-")): text for (path, kind), text in found.items()}
    new = {key: text for key, text in short.items() if key not in known}
    assert not new, f"{name}:\n" + "\n".join(f"  {p}, {k}: {t}" for (p, k), t in new.items())
    gone = known - set(short)
    assert not gone, f"{name}: no longer so, take it out of known.py: {sorted(gone)}"


def _short(path: str) -> str:
    """A path without positions in lists: the second picture fails as the first does."""
    return "".join(part.partition("]")[2] if i else part for i, part in enumerate(path.split("[")))


SIZES = ((1, 3, 9), (2, 2, 8))
"""Seed, number of images and side of the draws that `make test` makes; `make soak` makes more."""


@pytest.mark.parametrize("name", RECIPES)
def test_wrong_arguments_get_an_error_or_a_right_answer(name):
    found = {}
    for seed, count, side in SIZES[: 1 if RECIPES[name].draws else None]:
        found |= findings(RECIPES[name], lambda s=seed, c=count, d=side: Draw(s, c, d))
    judge(name, found)


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.integers(0, 2**31), st.integers(2, 5), st.integers(8, 14))
def test_wrong_arguments_of_random_sizes(name, seed, count, side):
    """Three draws a function; each soak makes others."""
    found = findings(
        RECIPES[name], lambda: Draw(seed, count, side), lambda: Draw(seed, count + 1, side)
    )
    known = expected(name)
    new = {
        key: text
        for key, text in found.items()
        if (_short(key[0]), key[1].replace(" ", "-")) not in known
    }
    assert not new, f"{name}: {new}"


# ---------------------------------------------------------------------------- the trials see


def _recipe(function, **fine) -> Recipe:
    return Recipe(function, lambda d: {"images": d.images(1), "size": 3}, fine)


def _drawn() -> Draw:
    return Draw(1, 3, 8)


def test_a_careful_function_passes():
    def careful(images, size):
        if not hasattr(images, "ndim") or images.ndim != 4 or not images.is_floating_point():
            raise ValueError("give float images (N, C, H, W)")
        if not isinstance(size, int) or size < 1 or len(images) == 0:
            raise ValueError("give a size of 1 or more, and images")
        return images[..., :size, :size].clone()

    assert findings(_recipe(careful), _drawn) == {}


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda images, size: images.nan_to_num()[..., :size], ("images", "nan")),
        (lambda images, size: images.view(-1)[:size], ("images", "strided")),
        (lambda images, size: images.mul_(2)[..., :size], ("images", "changed")),
        (lambda images, size: images[..., : int(size)], ("size", "fraction")),
        (lambda images, size: images[..., :size], ("size", "negative")),
        (lambda images, size: images.sum() / size, ("size", "zero")),
        (lambda images, size: images.to(torch.uint8) / 3, ("images", "nan")),
        (lambda images, size: images.sum() + 1 + size * 0, ("images", "empty")),
        (lambda images, size: {"a": 1}[size] if size != 3 else 1.0, ("size", "zero")),
    ],
)  # fmt: skip
def test_a_careless_function_is_seen(function, kind):
    assert kind in findings(_recipe(function), _drawn)


def test_importing_every_module_changes_nothing():
    for name in {n.rpartition(".")[0] for n in public_names()}:
        if ".templates." not in name:
            importlib.import_module(name)
