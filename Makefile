# On a machine with Python 3.11 or newer, pip and make: `make demo` installs into .venv and shows what interfere does;
# `make test` installs what tests need besides, and runs them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
# One fixed torch: the newest would bring gigabytes for GPUs that a demo and tests do without.
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0 --editable
# Each test process gets one thread: two of them share the cores of a small machine without fighting over them.
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

.PHONY: demo install test test-real lint types format clean

# The whole tour on the bundled corpus and checkpoint, offline once it is installed.
demo: $(READY)
	$(BIN)/interfere demo

install: $(INSTALLED)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "interfere needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) .
	touch $@

$(INSTALLED): $(READY)
	$(PIP) '.[dev,gguf,peft,tasks]'
	touch $@

# What needs neither a downloaded checkpoint nor minutes.
test: install
	$(PYTEST) -n 2 -m 'not checkpoint and not slow'

# The rest: real checkpoints and text, which it downloads, and long simulations.
test-real: install
	$(PYTEST) -n 2 -m 'checkpoint or slow'

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info interfere-demo interfere-demo.part
