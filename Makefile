# Every target makes .venv itself when it is missing or out of date. Nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CACHE_DIR := $(CURDIR)/$(VENV)/cache/pip
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/cache/matplotlib

SEED ?= 1

.PHONY: help setup venv-with-pip-of-debian demo test test-rest test-all lint soak bench bench-scale pins clean

help:
	@echo "make demo   a setup and a whole night against a local exchange, until all is final at 08:10"
	@echo "make test   the quick tests, about 3 minutes; nothing but Python is needed"
	@echo "make test-all   these and all others: a MongoDB server, crashes, documents, a browser, cron"
	@echo "make test-rest  the others alone     make lint   ruff and mypy"
	@echo "make setup  only .venv          make bench  measurements, into docs/performance.md"
	@echo "make soak   a simulated year of nights in a storm of failures; SEED=7 makes another one"
	@echo "make bench-scale  thirty years of sessions: sizes, times, memory, into docs/scale.md"
	@echo "make pins   new exact pins      make clean  remove .venv and the demo's files"

setup: $(VENV)/runtime.done

$(VENV)/runtime.done: $(VENV)/pip.done requirements.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/pip.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; call make PYTHON=python3.12, say." >&2; exit 2; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); else $(MAKE) --silent venv-with-pip-of-debian; fi \
		|| { rm -rf $(VENV); echo "python3 -m venv failed; on Debian: apt install python3-venv" >&2; exit 2; }
	@touch $@

# Debian's python3 alone has no ensurepip. It lacks one wheel, which apt fetches into .venv, with lists of its own: no root
# is needed and nothing is installed.
APT := apt-get -qq -o Dir::State="$(CURDIR)/$(VENV)/apt" -o Dir::Cache="$(CURDIR)/$(VENV)/apt" -o APT::Sandbox::User=root
PIP_WHEEL := $(VENV)/apt/usr/share/python-wheels/pip-*.whl
venv-with-pip-of-debian:
	$(PYTHON) -m venv --without-pip $(VENV)
	mkdir -p $(VENV)/apt/lists/partial $(VENV)/apt/archives/partial
	cd $(VENV)/apt && $(APT) update && $(APT) download python3-pip-whl && dpkg -x python3-pip-whl_*.deb .
	$(BIN)/python $$(echo $(PIP_WHEEL))/pip install --quiet --no-index $$(echo $(PIP_WHEEL))
	rm -rf $(VENV)/apt

$(VENV)/tests.done: $(VENV)/runtime.done tests/requirements.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/requirements.txt
	@touch $@

demo: setup
	@$(BIN)/python -m sandbox.demo

# What needs nothing but .venv, none of it slow; the rest, beside a server where there is Go; both.
QUICK := not process and not server and not storm and not browser and not cron and not docs and not recorded
PYTEST := $(BIN)/python -m pytest -q -n auto --dist worksteal

test: $(VENV)/tests.done
	$(PYTEST) -m "$(QUICK)" --most-seconds 1

test-rest: $(VENV)/tests.done
	tests/ferretdb/with-mongodb $(PYTEST) -m "not ($(QUICK))"

test-all: test
	@$(MAKE) --no-print-directory test-rest

lint: $(VENV)/tests.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: $(VENV)/tests.done
	SOAK_SEED=$(SEED) tests/ferretdb/with-mongodb $(BIN)/python -m pytest -q -n 0 tests/storm/soak/year.py

bench: $(VENV)/tests.done
	tests/ferretdb/with-mongodb $(BIN)/python -m benchmarks --write-docs

bench-scale: $(VENV)/tests.done
	tests/ferretdb/with-mongodb $(BIN)/python -m benchmarks.scale --write-docs

pins: $(VENV)/tests.done
	$(BIN)/pip-compile $(PINS) --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile $(PINS) --extra dev --constraint requirements.txt --output-file tests/requirements.txt pyproject.toml

PINS := --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
