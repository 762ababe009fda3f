# `make run` serves a model, `make test` runs every test; each does all of its own set-up. `make help` lists the rest.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null)))
# Tests compare with torch. Its CPU build is enough: where pip would take a build for GPUs (Linux, by default), point
# PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS at PyTorch's CPU wheels, which saves some gigabytes.
TORCH ?= torch==2.13.0

KILLS ?= 300
POINTS ?= 600

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --require-hashes --no-deps --only-binary :all: -r
ITSELF := $(INSTALL) --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
LOCK := $(COMPILE) pyproject.toml requirements/build.in

# The assistant's pages are built by Node.js: the machine's own or, where there is none, one inside .venv.
IN_WEB := cd web && PATH="$(CURDIR)/$(BIN):$$PATH"
NODE_WORKS := node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
PAGES := $(shell find web/src web/build web/public web/index.html web/vite.config.ts -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run pages test coverage check check-python check-pages client schemas format crash bench shapes soak fuzz peers lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: .venv/.run ## pull a model, serve it with the assistant on http://127.0.0.1:8000; HOST=, PORT=, MODEL= choose others
	@$(MAKE) --no-print-directory pages || echo "The assistant's pages are not built; the API is served without them." >&2
	@$(BIN)/galerne models pull $(MODEL)
	@exec $(BIN)/galerne serve $(HOST:%=--host %) $(PORT:%=--port %) $(MODEL:%=--model %)

pages: .venv/.pages ## build the assistant's pages, if their sources are newer
	@:

test: .venv/.test .venv/.pages ## run every test
	@$(IN_WEB) npm test --silent
	$(PYTEST)

coverage: .venv/.test .venv/.pages ## run the tests of Python again, half as fast, and list the lines that none of them reaches
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

check: check-python check-pages ## format, lint, strict types, import contracts

check-python: .venv/.test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check-pages: client
	@$(IN_WEB) npm run check --silent

client: .venv/.test web/node_modules/.installed ## make the pages' types from what the API says of itself
	@$(BIN)/python -m tests.api.openapi web/openapi.json
	@$(IN_WEB) npx openapi-typescript openapi.json --output src/api/schema.d.ts >/dev/null

schemas: .venv/.test ## answer 270 JSON schemas with the default model, and validate every answer (some minutes)
	@$(BIN)/galerne models pull smollm2-135m-instruct
	$(BIN)/python -m tests.golden.ask

format: .venv/.test web/node_modules/.installed ## format the code, and mend what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	@$(IN_WEB) npm run format --silent

crash: .venv/.test ## kill a server KILLS=300 times, let its disk fail at POINTS=600 writes; nothing may be lost or done twice
	$(BIN)/python -m tests.crash --kills $(KILLS)
	$(BIN)/python -m tests.crash.disk --points $(POINTS)

bench: .venv/.bench .venv/.pages ## ours beside each engine that is installed, what accounts cost, how fast pages are, into docs/performance.md
	@$(BIN)/galerne models pull smollm2-135m-instruct
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.accounting
	$(BIN)/python -m benchmarks.usage
	$(BIN)/python -m benchmarks.pages

shapes: .venv/.bench ## decode models of 1B and 7B shape with random weights, beside what the memory gives
	$(BIN)/python -m benchmarks.shapes

soak: .venv/.bench ## the engine at full load for an hour: its memory must stay what it is
	@$(BIN)/galerne models pull smollm2-135m-instruct
	$(BIN)/python -m benchmarks.soak

fuzz: .venv/.test ## more than 20,000 made-up requests, right and wrong ones, to the whole API (some minutes)
	$(BIN)/python -m tests.fuzz

peers: .venv/.bench ## install the engines that `make bench` compares with (llama.cpp is compiled: about 10 minutes)
	$(BIN)/python -m benchmarks.install

lock: .venv/.test ## choose the newest versions of all dependencies, and pin them with their hashes
	$(LOCK) --upgrade --extra test --extra bench --extra postgres --output-file requirements/test.lock
	$(LOCK) --constraint requirements/test.lock --extra bench --output-file requirements/bench.lock
	$(LOCK) --constraint requirements/test.lock --output-file requirements/run.lock
	$(COMPILE) --upgrade requirements/node.in --output-file requirements/node.lock

clean: ## remove the virtual environment and what the tools left
	rm -rf .venv web/node_modules src/galerne/api/built_pages .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage build src/*.egg-info

# Set-up. Each stamp is newer than what it was made from, so that the next time costs nothing.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Galerne needs Python 3.11 or newer; name yours with PYTHON=/path/to/python3." >&2; exit 1; }
	@echo "Making a virtual environment in .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu install python3-venv." >&2; exit 1; }

.venv/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing the dependencies of requirements/run.lock (once)"
	@$(LOCKED) requirements/run.lock
	@$(ITSELF)
	@touch $@

.venv/.bench: requirements/bench.lock pyproject.toml | $(BIN)/python
	@echo "Installing the dependencies of requirements/bench.lock (once)"
	@$(LOCKED) requirements/bench.lock
	@$(ITSELF)
	@touch $@

.venv/.test: requirements/test.lock pyproject.toml | $(BIN)/python
	@echo "Installing $(TORCH) and the dependencies of requirements/test.lock (once)"
	@$(INSTALL) $(TORCH)
	@$(LOCKED) requirements/test.lock
	@$(ITSELF)
	@touch $@ .venv/.run .venv/.bench

.venv/.node: requirements/node.lock | $(BIN)/python
	@$(IN_WEB) $(NODE_WORKS) 2>/dev/null || { \
		echo "Installing Node.js from requirements/node.lock: the pages need 20.19 or newer"; $(LOCKED) requirements/node.lock; } || { \
		echo "The pages need Node.js 20.19 or newer; install it (on Debian and Ubuntu: nodejs and npm)." >&2; exit 1; }
	@touch $@

web/node_modules/.installed: web/package-lock.json | .venv/.node
	@echo "Installing what the pages are built from: web/package-lock.json (once)"
	@$(IN_WEB) npm ci --silent
	@touch $@

.venv/.pages: $(PAGES) web/node_modules/.installed
	@echo "Building the assistant's pages (when their sources change)"
	@$(IN_WEB) npm run build --silent -- --logLevel warn
	@touch $@
