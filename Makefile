# Every target sets itself up from a bare clone: CPython >= 3.11 with pip is all it needs.
#   make demo    the whole path on an embedded data set, into runs/demo
#   make test    lint, types and all tests but the slow ones
#   make test-slow   the tests that take more than about a second each
#   make fuzz    ten thousand mutated files through the reader of checkpoints
#   make docs    the documentation site, into build/site
#   make test-examples   the notebooks of examples/, with small sizes
#   make release-check    wheel and source archive, installed into an empty environment and used
#   make lowest, make newest    the same and some tests, with the lowest and the newest versions of all packages
#   make test-kernels    the numeric tests but the slow ones under the kernels of other processors
# PYTHON=/path/to/python chooses the interpreter that .venv is made from.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A stamp lives inside the environment, so that removing the environment removes it too.
DEMO_READY := $(VENV)/.installed-all
TEST_READY := $(VENV)/.installed-dev
RELEASE_READY := $(VENV)/.installed-release
DOCS_READY := $(VENV)/.installed-docs
INPUTS := pyproject.toml constraints.txt

# Tests run in two processes; more than one thread in each only makes them wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# The environment variables reach the isolated environment in which the package itself is built
# (older pip reads the first, newer pip the second).
PIP_INSTALL := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo docs test test-slow fuzz test-examples release-check lowest newest test-kernels lint types format clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(DEMO_READY)
	$(BIN)/scalegmn demo

# Strict: a broken link, reference or anchor ends the build.
docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

test: lint types
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2

fuzz: $(TEST_READY)
	$(BIN)/python -m benchmarks.fuzz_reader --files 10000
	$(BIN)/python -m benchmarks.fuzz_reader --hdf5 --files 500

test-slow: $(TEST_READY)
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 -m "slow and not examples"

test-examples: $(TEST_READY)
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m examples tests/test_examples.py

release-check: $(RELEASE_READY)
	$(BIN)/python .ci/release.py

lowest newest: $(RELEASE_READY)
	$(BIN)/python .ci/release.py --$@

test-kernels: $(TEST_READY)
	$(BIN)/python .ci/kernels.py

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_READY)
	$(BIN)/mypy

format: $(TEST_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name '*.egg-info' -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
		echo "error: '$(PYTHON)' was not found. Install CPython 3.11 or newer, or name one: make PYTHON=/path/to/python"; \
		exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1); ScaleGMN needs CPython 3.11 or newer. Name one: make PYTHON=/path/to/python"; \
		exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "error: '$(PYTHON)' could not make a virtual environment. It needs the modules venv and ensurepip (Debian and Ubuntu: package python3-venv)."; \
		exit 1; }

# $(BIN)/python is order-only: its time stamp is that of the interpreter it links to.
$(DEMO_READY): $(INPUTS) | $(BIN)/python
	@echo "Installing scalegmn[all] (several minutes the first time)"
	@$(PIP_INSTALL) -e '.[all]'
	@touch $@

# The extra `dev` contains `all`, so this makes both ready.
$(TEST_READY): $(INPUTS) | $(BIN)/python
	@echo "Installing scalegmn[dev] (several minutes the first time)"
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $@ $(DEMO_READY)

$(DOCS_READY): $(INPUTS) | $(BIN)/python
	@echo "Installing scalegmn[docs] (several minutes the first time)"
	@$(PIP_INSTALL) -e '.[docs]'
	@touch $@ $(DEMO_READY)

$(RELEASE_READY): $(INPUTS) | $(BIN)/python
	@echo "Installing scalegmn[release] (several minutes the first time)"
	@$(PIP_INSTALL) -e '.[release]'
	@touch $@ $(TEST_READY) $(DEMO_READY)
