# demo, test, test-frameworks, lint, format, bench, peers: each sets up what it needs in .venv. ARGS are passed on: make test ARGS="-k kill"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml hatch_build.py $(shell find ui -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: demo test test-frameworks lint format bench peers

demo: $(VENV)/.demo
	$(BIN)/rolltape demo $(ARGS)

test: $(VENV)/.dev $(if $(filter 1,$(REQUIRE_ALL)),$(VENV)/.all peers)
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

# The real libraries that loggers write to and take values from. Large, so only where nothing may be skipped.
$(VENV)/.all: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet 'torch==2.13.0' jax
	$(BIN)/python -m pip install --quiet --editable '.[tensorboard,wandb,mlflow]' tensorboard joblib mpi4py mpich chdb
	touch $@

# The real packages that rolltape is held against, each in an environment of its own (tests/environments).
peers: $(BIN)/python
	$(BIN)/python tests/environments/environment.py acme neptune neptune-scale

# The real frameworks train with rolltape attached.
test-frameworks: $(BIN)/python
	tests/frameworks/run $(BIN)/python
