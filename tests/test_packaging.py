"""pyproject.toml, constraints.txt, requirements.lock, environment.yml and Makefile tell one story."""

import os
import re
import subprocess
import tomllib

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from utils import ROOT

SIX = {"jupyterlab", "torch", "torchvision", "matplotlib", "nbval", "papermill"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def pip_lines(environment: dict) -> list[str]:
    (block,) = [line for line in environment["dependencies"] if isinstance(line, dict)]
    assert list(block) == ["pip"]
    return block["pip"]


def test_conda_lines_are_thin_and_valid(environment, project):
    conda = [line for line in environment["dependencies"] if isinstance(line, str)]
    specs = {spec.name.normalized: spec for spec in map(rattler.MatchSpec, conda)}
    assert set(specs) == {"python", "pip"}, "every other package belongs into pyproject.toml"
    version = re.search(r"\d+\.\d+", str(specs["python"].version)).group()
    assert SpecifierSet(project["requires-python"]).contains(version)
    assert environment["channels"] == ["conda-forge"]


def test_pip_lines_are_the_six_and_the_project(environment, project):
    lines = pip_lines(environment)
    assert lines[0] == "-c constraints.txt", "the pins must come before what they pin"
    assert lines[-1] == "-e .[course]"
    named = [Requirement(line) for line in lines[1:-1]]
    assert {requirement.name for requirement in named} == SIX
    course = {
        requirement.name: requirement.specifier
        for requirement in map(Requirement, project["optional-dependencies"]["course"])
    }
    for requirement in named:
        assert requirement.name in course
        assert requirement.specifier in (SpecifierSet(), course[requirement.name]), (
            f"environment.yml and pyproject.toml ask for different {requirement.name}: "
            "leave the range to pyproject.toml"
        )


@pytest.mark.parametrize("extra", ["course", "dev", "cluster", "data"])
def test_every_dependency_is_pinned_inside_its_range(extra, project, pins):
    for requirement in map(Requirement, project["optional-dependencies"][extra]):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"constraints.txt does not pin {name}: run `make pins`"
        for pin in pins[name]:
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            assert requirement.specifier.contains(specifier.version), (
                f"{pin} lies outside {requirement}: run `make pins`"
            )


def test_the_lock_pins_the_same_versions_with_hashes(pins):
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    locked: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        requirement, *hashes = line.split(" --hash=")
        assert hashes, f"{requirement.strip()} has no hash: run `make pins`"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value.strip()) for value in hashes)
        parsed = Requirement(requirement.strip())
        locked.setdefault(canonicalize_name(parsed.name), set()).add(str(parsed.specifier))
    assert locked == {name: {str(pin.specifier) for pin in found} for name, found in pins.items()}


def test_torch_and_torchvision_are_the_versions_the_stored_outputs_come_from(pins):
    (torch,), (torchvision,) = pins["torch"], pins["torchvision"]
    assert Version("2.13") <= Version(str(torch.specifier).lstrip("=")) < Version("3")
    assert torch.marker is None and torchvision.marker is None, "one version for all platforms"


def dry_run(target, folder):
    """What make would do, also where these tests run inside a make themselves."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--dry-run", target],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    "target",
    "course test test-fast lab slides site refresh benchmark clean pins".split(),
)
def test_makefile_knows_the_target(target, tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    shown = dry_run(target, tmp_path)
    assert shown.returncode == 0, shown.stderr
    if target not in ("clean", "pins"):
        set_up, _, command = shown.stdout.rpartition(".installed\n")
        assert "-m venv .venv" in set_up and "-c constraints.txt -e" in set_up
        assert ".venv/bin/course " in command


def test_a_second_make_skips_set_up(tmp_path):
    for name in ("pyproject.toml", "constraints.txt", "Makefile"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    shown = dry_run("course", tmp_path)
    assert shown.stdout.split() == [".venv/bin/course", "all"]


def test_continuous_integration_runs_what_a_person_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o100, "make .ci/run executable: chmod +x .ci/run"
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text and text.rstrip().endswith('exec make test "$@"')
    subprocess.run(["bash", "-n", script], check=True, timeout=30)
