# make demo | test | services | test-services | check | up | bench | fuzz | clean; see README.md
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv

# What a shop runs on, for the tests against real servers: see tests/services. Needs root, or sudo.
SERVICES := mariadb-server postgresql redis-server dovecot-imapd percona-toolkit ripgrep wget chromium

.PHONY: services test-services fuzz venv demo up test check lint types imports bench clean lock

# Until it ends: a demo shop, a real Airflow, one request, its bundle.
demo: venv
	$(BIN)/python -m privacy.orchestration.run demo --home include --folder .demo

# Airflow's pages on 127.0.0.1:8080 (PORT=... for another), with the demo shop, until Ctrl-C.
PORT ?= 8080
up: venv
	$(BIN)/python -m privacy.orchestration.run up --home include --folder .state/up --port $(PORT)

venv: $(STAMP)

# uv itself comes from the lock, hash and all; everything else comes through uv, which compiles bytecode in parallel.
$(STAMP): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: apt install python3.11 python3.11-venv" >&2; exit 1; }
	test -x $(BIN)/uv || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^[a-z].*==/{/^uv==/p;/^ /p}' requirements.txt > $(VENV)/uv.txt
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(UV) pip sync --quiet --require-hashes --compile-bytecode requirements.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# A file's tests stay together: an Airflow that one of them started serves all of them. The slowest files come first.
# COVERAGE=yes measures branches as well and wants 90 %, which takes half as long again; `make check` does.
COVERAGE ?=
test: venv
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=term-missing:skip-covered)

services:
	@missing=""; for one in $(SERVICES); do dpkg -s $$one >/dev/null 2>&1 || missing="$$missing $$one"; done; \
	test -z "$$missing" && exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=""; elif command -v sudo >/dev/null; then as=sudo; \
	else echo "make services installs$$missing with apt: run it as root, or install sudo." >&2; exit 1; fi; \
	$$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing

# Private instances on free loopback ports and in fresh folders, all of them ended at the end.
test-services: venv
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -o addopts= -ra --strict-markers --strict-config --import-mode=importlib tests/services

check: lint types imports
	$(MAKE) test COVERAGE=yes

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

imports: venv
	PYTHONPATH=plugins $(BIN)/lint-imports

# LARGE=/some/folder: an export from the large demo shop too, which is made there in half an hour if need be.
# ONLY="desk erasure": these parts alone; the rows of the others stay.
LARGE ?=
ONLY ?=
bench: venv
	LARGE=$(LARGE) ONLY="$(ONLY)" $(BIN)/python tests/bench

# Any bytes as log lines, messages and dumps, for so long.
SECONDS ?= 600
fuzz: venv
	PYTHONPATH=tests $(BIN)/python tests/fuzz $(SECONDS)

lock: venv
	$(UV) pip compile pyproject.toml --extra dev --generate-hashes --quiet --no-emit-index-url --allow-unsafe --python-version 3.11 --custom-compile-command "make lock" --output-file requirements.txt

# Of the state folder only what `make up` made: the rest may be an installation, with its master key.
clean:
	rm -rf $(VENV) .demo .demo.lock .state/up .state/up.lock .airflow .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
