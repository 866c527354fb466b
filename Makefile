# `make demo` shows Ringmain at work, `make test` checks it; both need only Python 3.11 and make.
# A step that is done is not done again: the stamps in .venv are as old as the lock they installed.

SHELL := /bin/sh
# Written once, read by each of some hundred processes that the tests start.
export PYTHONDONTWRITEBYTECODE :=
.SUFFIXES:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock'
PROJECT = pyproject.toml --group build
NODE_TESTS := tests/node
CONSOLE := api/console
CONSOLE_SOURCES = $(shell find $(CONSOLE)/src -type f) $(wildcard $(CONSOLE)/*.html $(CONSOLE)/*.ts)
STORES := .venv-stores
AUDIT := .venv-audit
SBOM := build/sbom.cdx.json
SITE := build/docs
SPELLED := --ignore-words docs/words.txt README.md SECURITY.md CHANGELOG.md docs
# The tests wait for the disk at every commit: where memory is plenty their files are in it.
ROOMY = $(if $(TMPDIR),,$(shell df -Pm /dev/shm 2>/dev/null | \
	awk '$$NF == "/dev/shm" && $$4 > 4000 {print "TMPDIR=/dev/shm"}'))

.PHONY: help
help:
	@echo 'make demo     Ringmain, a target, two chargers and a site of ten on this machine (ARGS="--seconds 20")'
	@echo 'make test     everything that must hold: check, then the tests, on SQLite and on PostgreSQL'
	@echo 'make cover    which lines the tests run (ARGS="tests/storage" for some of them)'
	@echo 'make check    style, types and import contracts'
	@echo 'make docs     the pages of docs/ as a site (build/docs/index.html), with its links and spelling looked at'
	@echo 'make pictures the console before the demo, taken anew for docs/console.md (needs Chromium)'
	@echo 'make schemathesis  what the running server answers, held against its document, on both databases'
	@echo 'make bench    CPU per message, beside a raw websockets echo and relay of the same run'
	@echo 'make history  what 10^7 messages in the log cost, on both databases (15 minutes, 15 GB)'
	@echo 'make bench-console  how soon the overview of 10,000 chargers can be used, and what it holds (needs Chromium)'
	@echo 'make neighbours  what a mute and a throttled target cost the other chargers of 200'
	@echo 'make fuzz     mutated frames against the decoder'
	@echo 'make attacks  guesses, slow sockets, bombs, clones and floods, and what they come to (ARGS="--only slow")'
	@echo 'make faults   kills, outages and nonsense, and what is lost by them (ARGS="--only F-07")'
	@echo 'make security runs what shows each requirement of security, and writes docs/security.md'
	@echo 'make sbom     list what users install, in CycloneDX (build/sbom.cdx.json)'
	@echo 'make audit-dependencies  ask osv.dev for weaknesses in what is locked (needs the way there)'
	@echo 'make dist     wheel and source distribution, with the console in them (dist/)'
	@echo 'make containers  build the image of deploy/ and try it (needs Docker or Podman; ARGS go to the build)'
	@echo 'make console  build the console and the page of the API (needs node)'
	@echo 'make stores   install the stand-ins for object stores that the tests use'
	@echo 'make lock     settle the dependencies anew (ARGS="--upgrade" for the newest)'
	@echo 'make clean    remove what make made'

# ---- set-up ----

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: '$(PYTHON)' not found: name a Python >= 3.11 with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), needed is 3.11 or newer:" \
			"name one with make PYTHON=..." >&2; exit 1; }
	@echo "set-up: $$($(PYTHON) -V) in $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null || { \
		echo "make: '$(PYTHON) -m venv' failed (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.lock
	@echo 'set-up: runtime packages from requirements.lock'
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# Isolation would download a build backend that is in no lock; ours is in requirements.lock.
$(VENV)/.project: $(VENV)/.runtime pyproject.toml
	@echo 'set-up: ringmain'
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.project requirements-dev.lock
	@echo 'set-up: development packages from requirements-dev.lock'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: .venv
.venv: $(VENV)/.dev

# The stand-ins for object stores want other versions of the libraries that we use ourselves.
$(STORES)/.installed: $(VENV)/.created requirements-stores.lock
	@echo 'set-up: stand-ins for object stores from requirements-stores.lock'
	@$(PYTHON) -m venv --clear $(STORES)
	@$(STORES)/bin/python -m pip --quiet --disable-pip-version-check --no-input \
		install --no-compile --require-hashes -r requirements-stores.lock
	@touch $@

# The console and the page of the API. Whoever has no node does without: plain pages stand in.
$(CONSOLE)/node_modules/.installed: $(CONSOLE)/package.json $(CONSOLE)/package-lock.json
	@echo 'set-up: what the console is made of, from $(CONSOLE)/package-lock.json'
	@cd $(CONSOLE) && npm ci --silent --no-audit --no-fund
	@touch $@

$(CONSOLE)/dist/index.html: $(CONSOLE)/node_modules/.installed $(CONSOLE_SOURCES)
	@echo 'set-up: console'
	@cd $(CONSOLE) && npm run --silent build -- --logLevel error
	@touch $@

.PHONY: console
console:
	@if command -v npm >/dev/null; then \
		$(MAKE) -s --no-print-directory $(CONSOLE)/dist/index.html; \
	elif [ "$$CI" = true ]; then \
		echo 'make: node not found: in CI the console must be built' >&2; exit 1; \
	else \
		echo 'node not found: the console is not built, plain pages stand in at / and /docs'; \
	fi

.PHONY: stores
stores: $(STORES)/.installed node

# ocpp-rpc is the charger and the target that we did not write; azurite stands in for Azure.
$(NODE_TESTS)/node_modules/.installed: $(NODE_TESTS)/package.json $(NODE_TESTS)/package-lock.json
	@echo 'set-up: ocpp-rpc and azurite from $(NODE_TESTS)/package-lock.json'
	@cd $(NODE_TESTS) && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: node
node:
	@if command -v npm >/dev/null; then \
		$(MAKE) -s --no-print-directory $(NODE_TESTS)/node_modules/.installed; \
	elif [ "$$CI" = true ]; then \
		echo 'make: node not found: in CI the tests against ocpp-rpc and azurite must run' >&2; exit 1; \
	else \
		echo 'node not found: tests against ocpp-rpc and azurite are skipped'; \
	fi

# ---- what one comes for ----

.PHONY: demo
demo: $(VENV)/.project console
	@$(BIN)/ringmain demo $(ARGS)

.PHONY: check
check: $(VENV)/.dev console
	@echo 'check: style'
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@echo 'check: types'
	@$(BIN)/mypy --no-error-summary
	@if [ -d $(CONSOLE)/node_modules ]; then echo 'check: console'; cd $(CONSOLE) && npm run --silent check && \
		{ said=$$(npm test --silent 2>&1) || { echo "$$said"; exit 1; }; }; fi
	@echo 'check: import contracts'
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

.PHONY: test
test: tests $(if $(ARGS),,docs promises)

# Each of the processes that run tests reads them all: here they are made ready for that, once.
.PHONY: collected
collected: $(VENV)/.dev
	@$(BIN)/python -m pytest --collect-only --quiet $(ARGS) >/dev/null 2>&1 || true

.PHONY: tests
tests: collected check stores console
	@echo 'test: pytest'
	@$(ROOMY) $(BIN)/python -m pytest --numprocesses=auto $(ARGS)

# As the demo looks now, for docs/console.md.
.PHONY: pictures
pictures: $(VENV)/.dev console
	@$(BIN)/python -m tests.console.demo

# What a link leads to, and how words are written, is looked at here; what the pages say is tried by the tests.
.PHONY: docs
docs: $(VENV)/.dev
	@echo 'docs: spelling, then the site in $(SITE)'
	@$(BIN)/codespell $(SPELLED)
	@$(BIN)/sphinx-build --quiet --nitpicky --fail-on-warning --keep-going -d build/doctrees docs $(SITE)
	@! grep -rlE '(src|<link[^>]* href)="https?:' $(SITE) --include='*.html' || \
		{ echo 'docs: these pages fetch something from elsewhere' >&2; exit 1; }

# Two jobs at a time it takes what the tests leave while they wait. The seed is the same each time: what chance finds
# is for `make schemathesis`.
.PHONY: promises
promises: check
	@echo 'test: schemathesis, 20 examples per operation on SQLite'
	@$(ROOMY) nice $(BIN)/python -m bench.promises --engines=sqlite --phases=fuzzing --examples=20 --seed=1 --brief

# All that the document promises, on both engines; ARGS="--seed=1" for the same again.
.PHONY: schemathesis
schemathesis: $(VENV)/.dev
	@$(BIN)/python -m bench.promises $(ARGS)

# Apart from `make test`: to watch every line takes a third more time.
.PHONY: cover
cover: $(VENV)/.dev stores
	@$(ROOMY) $(BIN)/python -m pytest --numprocesses=auto --cov --cov-report=term:skip-covered $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev
	@$(BIN)/python -m bench $(ARGS)

.PHONY: bench-console
bench-console: $(VENV)/.dev console
	@$(BIN)/python -m bench.console $(ARGS)

.PHONY: history
history: $(VENV)/.dev
	@$(BIN)/python -m bench.histories $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.dev
	@$(BIN)/python -m bench.fuzz $(ARGS)

.PHONY: neighbours
neighbours: $(VENV)/.dev
	@$(BIN)/python -m bench.neighbours $(ARGS)

.PHONY: faults
faults: $(VENV)/.dev
	@$(BIN)/python -m bench.faults $(ARGS)

.PHONY: attacks
attacks: $(VENV)/.dev
	@$(BIN)/python -m bench.attacks $(ARGS)

# ---- security ----

.PHONY: security
security: $(VENV)/.dev stores
	@$(ROOMY) $(BIN)/python -m tests.security.page $(ARGS)

# What users install, in CycloneDX, made of the lock and of what the packages say of themselves.
.PHONY: sbom
sbom: $(VENV)/.runtime
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/python -m bench.sbom requirements.lock >$(SBOM)
	@echo 'sbom: $(SBOM)'

$(AUDIT)/.installed: $(VENV)/.created requirements-audit.lock
	@echo 'set-up: pip-audit from requirements-audit.lock'
	@$(PYTHON) -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/python -m pip --quiet --disable-pip-version-check --no-input \
		install --require-hashes -r requirements-audit.lock
	@touch $@

# Needs the way to osv.dev, which a machine with a package mirror alone has not.
.PHONY: audit-dependencies
audit-dependencies: $(AUDIT)/.installed
	@for lock in requirements*.lock; do echo "audit: $$lock"; $(AUDIT)/bin/pip-audit \
		--vulnerability-service osv --require-hashes --disable-pip --progress-spinner off \
		--requirement $$lock $(ARGS) || exit 1; done

# ---- packages ----

# The source distribution, and the wheel made of it: what is in the one is enough for the other.
.PHONY: dist
dist: $(VENV)/.dev console
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation >/dev/null
	@ls dist/*

# Apart from `make test`: it fetches three images, and takes minutes.
.PHONY: containers
containers: $(VENV)/.dev
	@$(BIN)/python -m bench.containers $(ARGS)

# ---- upkeep ----

# The development lock is settled on top of the runtime lock, so both name the same versions.
.PHONY: lock
lock: $(VENV)/.dev
	@$(COMPILE) $(PROJECT) --output-file requirements.lock $(ARGS)
	@$(COMPILE) $(PROJECT) --extra dev --constraints requirements.lock --output-file requirements-dev.lock $(ARGS)
	@$(COMPILE) --group stores --output-file requirements-stores.lock $(ARGS)
	@$(COMPILE) --group audit --output-file requirements-audit.lock $(ARGS)

.PHONY: clean
clean:
	@rm -rf $(VENV) $(STORES) $(AUDIT) build dist *.egg-info $(NODE_TESTS)/node_modules
	@rm -rf $(CONSOLE)/node_modules $(CONSOLE)/dist
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
