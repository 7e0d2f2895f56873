# The first steps with a checkout; `make help` lists them. Needs make and Python 3.11 or newer, nothing else.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-live check clean packages

help:  ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: .venv/.demo  ## a database, hushql in front of it, an ORM-like load, the result (ARGS=--stay keeps it up)
	@$(BIN)/hushql demo $(ARGS)

test: .venv/.tools  ## all tests, on a real MariaDB of their own (ARGS=... go to pytest)
	$(BIN)/python -m pytest $(ARGS)

test-live: .venv/.tools  ## only the tests against a server; HUSHQL_TEST_SERVER=mysql://user:password@host:port/schema picks one
	$(BIN)/python -m pytest tests/live $(ARGS)

check: .venv/.tools  ## lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

clean:  ## remove everything that make made
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@tests/system-packages

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { echo "hushql needs Python 3.11 or newer, and there is no $(PYTHON)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hushql needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12")'
	@tests/system-packages python3-venv
	@echo "making .venv"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

.venv/.demo: pyproject.toml | .venv/.made
	@echo "installing hushql and what the demo needs into .venv"
	@$(PIP) install --editable '.[demo]'
	@touch $@

.venv/.tools: pyproject.toml | packages .venv/.made
	@echo "installing hushql and what the tests and checks need into .venv"
	@$(PIP) install --editable '.[demo]' --group check --group test
	@touch $@
