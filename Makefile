# make demo | test | check | up | bench | clean; see README.md
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: venv test check lint types imports clean lock

venv: $(STAMP)

# uv itself comes from the lock, hash and all; everything else comes through uv, which compiles bytecode in parallel.
$(STAMP): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: apt install python3.11 python3.11-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^[a-z].*==/{/^uv==/p;/^ /p}' requirements.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.txt
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

test: venv
	$(BIN)/pytest -n 2 --dist loadgroup

check: lint types imports test

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

imports: venv
	PYTHONPATH=plugins $(BIN)/lint-imports

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --quiet --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" --output-file requirements.txt

clean:
	rm -rf $(VENV) .demo .state .airflow .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

.PHONY: bench
bench: venv
	$(BIN)/python tests/bench
