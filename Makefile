# The commands of the project. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup serve test check bench bench-client bench-insight privacy soak lock clean browser shells proxies audit-dependencies screenshots
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/.setup-done ## make .venv with everything the project needs

$(VENV)/.setup-done: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src  # the first start is then as quick as all others
	$(BIN)/python -c 'from telemetry_service.web import pages; pages.prepare()'
	@touch $@

serve: setup ## run the service on :8080 with its data in ./data
	@$(BIN)/telemetry-service serve

test: setup ## run the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile

browser: ## install chromium for the browser tests where it is missing
	@sh scripts/browser.sh

shells: ## install the shells and tools that tests of the shell client use, where they are missing
	@sh scripts/shells.sh

proxies: ## install nginx, Caddy and systemd-analyze for the tests of deploy/ where they are missing
	@sh scripts/proxies.sh

audit-dependencies: ## ask PyPI's list of known faults about every pinned dependency (needs the network)
	$(PYTHON) -m venv .audit
	.audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@rm -f .audit/report.json
	@.audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip --format json --output .audit/report.json \
	  2>.audit/said || test -s .audit/report.json || { cat .audit/said; exit 1; }
	@$(PYTHON) -m scripts.known_faults .audit/report.json

screenshots: setup browser ## write docs/images
	$(BIN)/python -m scripts.screenshots

check: setup ## what must hold of the sources: style, types, import direction, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.generate --check
	$(BIN)/python -m pytest -q tests/test_no_secrets.py
	@if command -v shellcheck >/dev/null; then shellcheck -s sh clients/shell/*.sh; else echo "no shellcheck here; make shells installs it"; fi

soak: setup ## long campaigns: kills, floods, fuzz (SOAK_ROUNDS=50)
	SOAK_ROUNDS=$${SOAK_ROUNDS:-50} $(BIN)/python -m pytest -m soak -v --timeout=3600 --log-cli-level=INFO

bench: setup ## the figures of docs/performance.md
	$(BIN)/python -m bench

bench-client: setup ## how long an installer waits for the shell client
	$(BIN)/python -m bench client

bench-insight: setup ## does the watch say which script broke, soon, and nothing else
	$(BIN)/python -m bench.insight

privacy: setup ## what is removed and kept of error texts, and at what speed
	$(BIN)/python -m scripts.privacy

lock: ## pin the dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
	  --group dev -o requirements.lock pyproject.toml
	@sed -i '/^--index-url/d;/^--extra-index-url/d;/^--find-links/d' requirements.lock

clean: ## remove what setup made
	rm -rf $(VENV) .audit .mypy_cache .ruff_cache .pytest_cache .hypothesis
