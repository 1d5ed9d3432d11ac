# A thin wrapper round the command `course` (see `course --help`); each target works on a fresh clone.
# Without make (Windows, conda): the three plain commands in README.md do the same.

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP := $(VENV)/.installed
# `make test LECTURE=06`, `make lab LECTURE=06`, `make course JOBS=1`, `make benchmark NAME=lenet`
lecture_of_test := $(if $(LECTURE),--lecture $(LECTURE))
jobs := $(if $(JOBS),--jobs $(JOBS))

.PHONY: course test test-fast soak lab slides site refresh benchmark clean pins setup

course: $(STAMP)
	$(BIN)/course all $(jobs)

test: $(STAMP)
	$(BIN)/course test $(lecture_of_test)

test-fast: $(STAMP)
	$(BIN)/course test --stage fast $(lecture_of_test)

# Every test again and again, and the long injections: hours, before a release.
soak: $(STAMP)
	$(BIN)/python tests/soak.py

lab: $(STAMP)
	$(BIN)/course start $(or $(LECTURE),01) --lab

slides: $(STAMP)
	$(BIN)/course slides $(LECTURE)

site: $(STAMP)
	$(BIN)/course site

refresh: $(STAMP)
	$(BIN)/course refresh $(LECTURE) $(jobs)

benchmark: $(STAMP)
	$(BIN)/course bench $(NAME)

setup: $(STAMP)

# Made once; again when the dependencies change. Optional data is fetched then, and may fail:
# everything runs on what the repository holds.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "This course needs Python 3.11 or newer; say which with make PYTHON=python3.12")'
	@echo 'Setting up once: about 3 GB of packages to fetch, one to ten minutes, silent until the end.'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[course,dev,cluster]'
	-$(BIN)/course data fetch --best-effort
	@touch $@

# What we made; never your work/ and never the environment.
clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis .benchmarks
	find lectures solutions tests utils -name __pycache__ -type d -prune -exec rm -rf {} +

# The exact versions, from the ranges in pyproject.toml, for every platform.
pins_of = $(UV) pip compile --universal --python-version 3.11 --all-extras --no-annotate \
	--custom-compile-command 'make pins' pyproject.toml
pins:
	@command -v $(UV) >/dev/null || { echo 'make pins needs uv: pip install uv'; exit 1; }
	$(pins_of) --upgrade --output-file constraints.txt
	$(pins_of) --constraint constraints.txt --generate-hashes --output-file requirements.lock
