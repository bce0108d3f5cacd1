# `make help` lists what there is. Every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STAGE ?= dev
# Processes that run tests at once; each has a local cloud of its own. One more than processors: some of them wait.
WORKERS ?= 3
# Requests that fuzzing makes up for each operation.
EXAMPLES ?= 200
# What tests/browser drives: Chromium, or Chrome.
BROWSER ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: help venv demo serve test storage browser chain projects contract fuzz lint bench package deploy clean

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

test: $(READY)  ## Run all tests; those of the storage engine where Java 17 and Maven are, those of pages where Chromium is.
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/storage --ignore=tests/schema \
		--ignore=tests/browser --ignore=tests/chain -m "not projects"
	@if $(BIN)/python -m local.dynamodb_local --fetch; then $(MAKE) --no-print-directory storage; \
	else echo "LEFT OUT: tests/storage, which need DynamoDB Local (Java 17 and Maven)."; fi
	@if test -n "$(BROWSER)"; then $(MAKE) --no-print-directory browser; \
	else echo "LEFT OUT: tests/browser, which need Chromium."; fi

storage: $(READY)  ## Run the tests that need AWS's own DynamoDB engine; fail without it.
	CLAIMCHECK_TEST_DYNAMODB=local $(BIN)/python -m pytest -n 2 --dist loadfile tests/storage

browser: $(READY)  ## Run the tests of pages in a real browser (BROWSER); fail without it.
	@test -n "$(BROWSER)" || { echo "BROWSER= names the Chromium or Chrome to run"; exit 2; }
	CLAIMCHECK_TEST_BROWSER=$(BROWSER) $(BIN)/python -m pytest tests/browser

projects: $(READY)  ## Write a project by each template, install what it needs from PyPI, start it and run its tests.
	$(BIN)/python -m pytest -n $(WORKERS) -m projects tests/agent

chain: $(READY)  ## Run the tests of smart contracts on a chain of their own (Node.js, npm); fail without them.
	CLAIMCHECK_TEST_CHAIN=1 $(BIN)/python -m pytest tests/chain

contract: $(READY)  ## Check the API's document, and the API against it (WRITE=1 writes the document anew).
	@$(BIN)/python -m local.contract $(if $(WRITE),--write)
	$(if $(WRITE),,$(BIN)/python -m pytest tests/schema)

fuzz: $(READY)  ## Test every operation of the API's document for as long as it takes (EXAMPLES of each).
	CLAIMCHECK_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/schema

lint: $(READY)  ## Check style, types and the direction of imports.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## Measure what the budgets promise.
	$(BIN)/python -m bench

package: $(READY)  ## Make what is deployed, offline: template, code, layer (STAGE).
	$(BIN)/python -m infra.package --stage $(STAGE) --out build/$(STAGE)
	$(BIN)/cfn-lint build/$(STAGE)/sam.json

deploy: package  ## Deploy a STAGE: BUCKET=<bucket for the zips> [PARAMETERS=<file>].
	@test -n "$(BUCKET)" || { echo "BUCKET= names the S3 bucket that the packages are uploaded to"; exit 2; }
	aws cloudformation package --template-file build/$(STAGE)/sam.json --use-json \
		--s3-bucket $(BUCKET) --s3-prefix claimcheck/$(STAGE) --output-template-file build/$(STAGE)/packaged.json
	aws cloudformation deploy --template-file build/$(STAGE)/packaged.json --stack-name claimcheck-$(STAGE) \
		--s3-bucket $(BUCKET) --s3-prefix claimcheck/$(STAGE) --capabilities CAPABILITY_IAM \
		--no-fail-on-empty-changeset $(if $(PARAMETERS),--parameter-overrides file://$(PARAMETERS))

clean:  ## Remove what was built.
	rm -rf build dist agent/build
