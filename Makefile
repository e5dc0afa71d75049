# Python >= 3.11 and make are all that is needed; everything else is set up here.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?=
DB     ?=
PORT   ?= 8501

.PHONY: help setup run test check fmt torture bench clean

help:
	@echo "make run     the product with a demo event at http://localhost:$(PORT) (CONFIG=my.toml for your own)"
	@echo "make test    every test;  make check: format, lint, types;  make torture: the long suites"
	@echo "make bench   speed and memory figures;  make setup: the set-up alone;  make clean: forget it"

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/.ready
	@MONITOR_CONFIG="$(CONFIG)" MONITOR_DB="$(DB)" MONITOR_PORT="$(PORT)" $(BIN)/python app.py

check: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: $(VENV)/.ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: check
	$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile

torture: $(VENV)/.ready-dev
	HYPOTHESIS_PROFILE=torture TORTURE=1 $(BIN)/python -m pytest tests/ingest tests/alerts tests/crash

bench: $(VENV)/.ready-dev
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) data/demo .mypy_cache .ruff_cache .pytest_cache
