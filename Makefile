# Every target prepares what it needs: an environment of its own in .venv, from hash-locked sets.

SHELL := bash
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

.PHONY: help serve test verify-faults check lint types imports sizes web bench peers campaign \
    audit rotation format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

serve: .venv/.runtime ## Start the service; ARGS="--port 9000" passes options on
	@exec $(BIN)/holdfast serve $(ARGS)

test: .venv/.dev ## Run the tests; ARGS="-k lease" passes options on
	@test -x /usr/bin/chromium || tools/debian.sh chromium
	@test -x /usr/bin/redis-server || tools/debian.sh redis-server
	@test -x /usr/bin/faketime || tools/debian.sh faketime
	$(BIN)/python -m pytest $(ARGS)

verify-faults: .venv/.dev ## Break Redis servers, networks, clocks and callers for a long time
	@test -x /usr/bin/redis-server || tools/debian.sh redis-server
	@test -x /usr/bin/faketime || tools/debian.sh faketime
	$(BIN)/python -m pytest tests/faults tests/backends/redis/test_sentinel.py \
	    tests/backends/redis/test_cluster.py --faults=long $(ARGS)

check: lint types imports sizes web ## Run every check that needs no test

lint: .venv/.dev ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/.dev ## Check types with mypy and pyright
	$(BIN)/mypy
	$(BIN)/pyright

imports: .venv/.dev ## Check that each file imports from lower floors only
	$(BIN)/lint-imports

sizes: .venv/.dev ## Check the size budgets and print the structure figures
	$(BIN)/python -m tools.budgets

web: .venv/.dev ## Rebuild the pages and compare them with the committed ones
	tools/check_web.sh

bench: .venv/.dev ## Measure against peers and print the ratios; ARGS="--help" lists options
	$(BIN)/python -m benchmarks $(ARGS)

peers: .venv-bench/.made ## Measure against other people's session stores; ARGS="--quick" is shorter
	@test -x /usr/bin/redis-server || tools/debian.sh redis-server
	.venv-bench/bin/holdfast bench --peers --redis-server $(ARGS)

campaign: .venv/.dev ## Kill a swarm of writers on one file 50 times; ARGS="--seed 7" repeats
	$(BIN)/python -m benchmarks.kill_swarm $(ARGS)

rotation: .venv/.dev ## Turn a key every second for a minute under load; ARGS="--store URL"
	$(BIN)/python -m benchmarks.key_rotation $(ARGS)

audit: .venv-audit/.made ## Look the locked sets through for known faults and write a bill of materials
	tools/audit.sh

format: .venv/.dev ## Rewrite the Python sources in the common format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/.dev ## Write the locked sets anew; ARGS=--upgrade takes newer versions
	tools/lock.sh $(ARGS)

clean: ## Remove the environment and everything that tools made
	rm -rf .venv .venv-audit .venv-bench build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache \
	    .import_linter_cache web/node_modules
	find src tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml requirements/installer.txt requirements/runtime.txt
	@tools/setup.sh runtime

.venv-audit/.made: .venv/.dev requirements/audit.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-audit
	$(BIN)/uv pip install --quiet --python .venv-audit/bin/python --require-hashes \
	    --only-binary :all: --requirement requirements/audit.txt
	@touch $@

.venv-bench/.made: .venv/.dev pyproject.toml requirements/bench.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-bench
	$(BIN)/uv pip install --quiet --python .venv-bench/bin/python --require-hashes \
	    --only-binary :all: --requirement requirements/bench.txt
	$(BIN)/uv pip install --quiet --python .venv-bench/bin/python --no-deps --no-index \
	    --no-build-isolation --editable .
	@touch $@

.venv/.dev: pyproject.toml requirements/installer.txt requirements/dev.txt
	@tools/setup.sh dev
