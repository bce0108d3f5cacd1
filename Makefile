# `make help` lists what there is. Every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STAGE ?= dev

.PHONY: help venv demo serve test storage lint package bench clean

help:  ## Show this list.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

venv: $(READY)  ## Set up .venv with everything pinned.

$(READY): requirements.txt requirements-dev.txt agent/pyproject.toml
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(READY)  ## Run the main job for real, and say what happened.
	@$(BIN)/python -m local.demo

serve: $(READY)  ## Run the local cloud in the foreground (HOST, PORT).
	@$(BIN)/python -m local.serve

test: $(READY)  ## Run all tests; those of the storage engine where Java 17 and Maven are.
	$(BIN)/python -m pytest --ignore=tests/storage
	@if $(BIN)/python -m local.dynamodb_local --fetch; then $(MAKE) --no-print-directory storage; \
	else echo "LEFT OUT: tests/storage, which need DynamoDB Local (Java 17 and Maven)."; fi

storage: $(READY)  ## Run the tests that need AWS's own DynamoDB engine; fail without it.
	CLAIMCHECK_TEST_DYNAMODB=local $(BIN)/python -m pytest tests/storage

lint: $(READY)  ## Check style, types and the direction of imports.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## Measure what the budgets promise.
	$(BIN)/python -m bench

clean:  ## Remove what was built.
	rm -rf build dist
