# demo, test, lint, format, bench: each sets up what it needs in .venv. ARGS are passed on: make test ARGS="-k kill"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml hatch_build.py $(shell find ui -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: demo test lint format bench

demo: $(VENV)/.demo
	$(BIN)/rolltape demo $(ARGS)

test: $(VENV)/.dev $(if $(filter 1,$(REQUIRE_ALL)),$(VENV)/.arrays)
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rolltape needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# The real PyTorch and JAX, for the tests of their arrays. Large, so only where nothing may be skipped.
$(VENV)/.arrays: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet 'torch==2.13.0' jax
	touch $@
