# The commands of this repository. `make help` lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= -n logical --maxprocesses 8 --dist loadfile
PASSED = $(if $(filter file,$(origin PYTEST)),touch $@,echo "only PYTEST=$(PYTEST) ran: the next 'make test' runs everything")
# What an installation does is told by one line and, on a terminal, by uv's own progress.
QUIET := $(shell test -t 2 || echo --quiet)
INSTALL = @echo "installing $(1) into $(VENV); the first time this downloads some hundred megabytes" >&2
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # compiled once: importing scikit-learn from source takes seconds, each time
# --system-certs: behind a company proxy the system knows the right certificates.
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv --system-certs
LOCK := $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock"
COMPILE := $(LOCK) pyproject.toml
.DEFAULT_GOAL := help
.PHONY: help install repro test test-all reproduce-check bench lock schema remote serving clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.installed  ## make .venv from the hashed lock

repro: $(VENV)/.installed  ## run the pipeline and print its metrics
	dvc repro
	@pipeline metrics

test: $(VENV)/.passed  ## lint, types, quick tests; what passed is not run again until a file changes

test-all: $(VENV)/.passed-all  ## and the slow tests: servers, browsers, whole clones, workflows

$(VENV)/.passed: $(VENV)/.tested $(wildcard $(shell git ls-files --cached --others --exclude-standard 2>/dev/null))
	ruff check
	ruff format --check
	mypy
	pytest -m "not slow" $(PYTEST)
	@$(PASSED)

$(VENV)/.passed-all: $(VENV)/.passed
	pytest -m slow $(PYTEST)
	@$(PASSED)

reproduce-check: $(VENV)/.installed  ## run everything again and prove that nothing changed
	pipeline verify --reproduce

bench: $(VENV)/.tested  ## measure, and print ratios against named references
	@for program in benchmarks/bench_*.py; do echo "== $$program"; python $$program || exit 1; done

schema: $(VENV)/.installed  ## write params.schema.json from src/pipeline/params.py
	pipeline schema

remote: $(VENV)/.installed  ## install what remotes need; with URL=s3://bucket/path also share through that one
	$(call INSTALL,requirements-remote.lock)
	@$(UV) pip install $(QUIET) --require-hashes -r requirements-remote.lock
	$(if $(URL),python -m pipeline.repository.dvc '$(subst ','\'',$(URL))')

serving: $(VENV)/.installed  ## install what `pipeline serve` needs
	$(call INSTALL,requirements-serving.lock)
	@$(UV) pip install $(QUIET) --require-hashes -r requirements-serving.lock

lock: $(VENV)/.uv  ## resolve pyproject.toml again into the hashed locks
	$(COMPILE) --upgrade -o requirements.lock
	$(COMPILE) --extra remote -c requirements.lock -o requirements-remote.lock
	$(LOCK) --group serving -c requirements.lock -o requirements-serving.lock
	$(COMPILE) --extra remote --extra test --group serving -c requirements-remote.lock -c requirements-serving.lock -o requirements-test.lock

clean:  ## remove the environment and what tools left behind (data, models and metrics stay)
	rm -rf $(VENV) .dvc/tmp/environments .mypy_cache .ruff_cache .pytest_cache .hypothesis report dvc_plots

$(VENV)/.uv: requirements-uv.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.11 ..."; exit 3; }
	@echo "making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(QUIET) --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.uv requirements.lock pyproject.toml
	$(call INSTALL,requirements.lock)
	@$(UV) pip install $(QUIET) --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements-test.lock
	$(call INSTALL,requirements-test.lock)
	@$(UV) pip install $(QUIET) --require-hashes -r requirements-test.lock
	@touch $@
