# Undertow. `make` lists the targets; `make run` and `make test` need Python 3.11 or later, make and a package index.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
DUCKDB12_VENV ?= .venv-duckdb12
PEERS_VENV ?= .venv-peers
AUDIT_VENV ?= .venv-audit
SPARK_VENV ?= .venv-spark
# More arguments for one call: make run RUN_ARGS="--source live", make test TEST_ARGS="tests/unit", make lock LOCK_ARGS="--upgrade",
# make bench BENCH_ARGS="--quick"
RUN_ARGS ?=
TEST_ARGS ?=
# One process a core; a file's tests stay together, since they share what they build. TEST_WORKERS= runs them one by one.
TEST_WORKERS ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
LOCK_ARGS ?=
BENCH_ARGS ?=
# make soak SOAK_ARGS="--minutes 20"
SOAK_ARGS ?=
DAGSTER_HOME ?= $(abspath $(or $(UNDERTOW_HOME),data))/dagster

BIN := $(abspath $(VENV))/bin
DUCKDB12_PYTHON := $(abspath $(DUCKDB12_VENV))/bin/python
PEERS_PYTHON := $(abspath $(PEERS_VENV))/bin/python
SPARK_PYTHON := $(abspath $(SPARK_VENV))/bin/python

export PATH := $(BIN):$(PATH)
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

# A stamp is younger than what it was made from, so a second `make` installs nothing.
UV := $(VENV)/.stamp-uv
RUNTIME := $(VENV)/.stamp-runtime
PROJECT := $(VENV)/.stamp-project
DEVELOPMENT := $(VENV)/.stamp-development
DUCKDB12 := $(DUCKDB12_VENV)/.stamp
PEERS := $(PEERS_VENV)/.stamp
AUDIT := $(AUDIT_VENV)/.stamp
SPARK := $(SPARK_VENV)/.stamp

# $(call install,<interpreter>,<arguments of pip install>). uv is fast and does not read pip's settings (index, proxy,
# certificates); where it fails, pip does the same more slowly.
define install
$(BIN)/uv pip install --quiet --compile-bytecode --python $(1) $(2) \
	|| { echo "uv could not install; trying pip, with pip's own settings"; \
	$(BIN)/python -m pip --python $(1) install --quiet --disable-pip-version-check $(2); }
endef

.PHONY: help install run run-spark test test-engines check bench bench-engines soak lock dev docs dbt-docs licences audit clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

install: $(PROJECT) ## Create .venv with the locked packages and the command `undertow`.

run: $(PROJECT) ## Install, then fetch, land, model, check and publish in sample mode (no network; about 40 s).
	@$(BIN)/undertow run $(RUN_ARGS)

run-spark: $(SPARK) ## Install the packages of Spark and Sail into .venv-spark, then run there (RUN_ARGS="--engine sail").
	@PATH="$(dir $(SPARK_PYTHON)):$$PATH" $(SPARK_PYTHON) -m undertow run $(or $(RUN_ARGS),--engine spark)

test-engines: $(DEVELOPMENT) $(SPARK) ## Build the marts on DuckDB, Sail and Spark, with dbt's tests, and compare them row for row.
	@UNDERTOW_SPARK_PYTHON="$(SPARK_PYTHON)" UNDERTOW_TEST_ENGINES=all $(BIN)/python -m pytest -n0 tests/integration/test_engines.py

test: $(DEVELOPMENT) $(DUCKDB12) ## Install the development packages, then run the tests.
	@$(MAKE) --no-print-directory $(PEERS) \
		|| echo "the peers' packages could not be installed; the tests that ask Feast itself are skipped"
	@$(MAKE) --no-print-directory $(SPARK) \
		|| echo "the packages of Spark and Sail could not be installed; the tests that compute on them are skipped"
	@if $(DUCKDB12_PYTHON) -c "import duckdb" 2>/dev/null; then \
		export UNDERTOW_DUCKDB12_PYTHON="$(DUCKDB12_PYTHON)"; \
	else \
		echo "DuckDB 1.2 has no wheel for this Python; the test that reads with it is skipped"; \
	fi; \
	if $(PEERS_PYTHON) -c "import feast" 2>/dev/null; then export UNDERTOW_PEERS_PYTHON="$(PEERS_PYTHON)"; fi; \
	if $(SPARK_PYTHON) -c "import pysail" 2>/dev/null; then export UNDERTOW_SPARK_PYTHON="$(SPARK_PYTHON)"; fi; \
	$(BIN)/python -m pytest $(TEST_WORKERS) $(TEST_ARGS)

check: $(DEVELOPMENT) ## Linters, formatter and types; changes nothing.
	@echo "ruff check";         $(BIN)/ruff check .
	@echo "ruff format";        $(BIN)/ruff format --check .
	@echo "ty check";           $(BIN)/ty check --python $(VENV)
	@echo "sqlfluff lint";      $(BIN)/sqlfluff lint dbt_project/models dbt_project/data-tests

bench: $(PROJECT) $(PEERS) ## Measure speed and memory next to other tools; writes benchmarks/RESULTS.md (BENCH_ARGS="--help").
	@$(BIN)/python -m benchmarks --peers-python $(PEERS_PYTHON) $(BENCH_ARGS)

bench-engines: $(SPARK) ## Measure the build of all marts on DuckDB, Sail and Spark, and compare them; writes benchmarks/ENGINES.json.
	@$(SPARK_PYTHON) -W ignore -m benchmarks.engines --out benchmarks/ENGINES.json $(BENCH_ARGS)

soak: $(DEVELOPMENT) ## Play two years of daily operation by a simulated clock under .soak; resumable (SOAK_ARGS="--help").
	@nice -n 19 $(BIN)/python -m tests.soak --root .soak $(SOAK_ARGS)

# The runtime lock takes the versions of the development lock, so that what is tested is what runs.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet $(LOCK_ARGS)
lock: $(UV) ## Write the lock files anew (LOCK_ARGS="--upgrade" raises versions).
	$(LOCK) requirements-bootstrap.in -o requirements-bootstrap.lock
	$(LOCK) pyproject.toml --extra build --extra dev --extra postgres --extra s3 --extra lineage --extra team -o requirements-dev.lock
	$(LOCK) pyproject.toml --extra build -c requirements-dev.lock -o requirements.lock
	$(LOCK) pyproject.toml --extra build --extra team -c requirements-dev.lock -o requirements-team.lock
	$(LOCK) requirements-duckdb12.in -o requirements-duckdb12.lock
	$(LOCK) requirements-peers.in -o requirements-peers.lock
	$(LOCK) requirements-audit.in -o requirements-audit.lock
	$(LOCK) pyproject.toml --extra build --extra spark -c requirements-dev.lock -o requirements-spark.lock
	@if grep -n "://" *.lock; then echo "a lock file must not hold an address"; exit 1; fi

dev: $(PROJECT) ## Open the Dagster UI on http://127.0.0.1:3000; its state is kept under the data folder.
	@umask 077 && mkdir -p "$(DAGSTER_HOME)"
	@test -s "$(DAGSTER_HOME)/dagster.yaml" || cp orchestration/dagster.yaml "$(DAGSTER_HOME)/dagster.yaml"
	@DAGSTER_HOME="$(DAGSTER_HOME)" $(BIN)/dagster dev -m orchestration.definitions -h 127.0.0.1 -p 3000

docs: $(PROJECT) ## Write docs/data-dictionary.md from the models, the seeds and the macros.
	@$(BIN)/python -m undertow.dictionary

dbt-docs: $(PROJECT) ## Write dbt's documentation site of the warehouse as one HTML file, and print its path.
	@$(BIN)/python -m orchestration.docs

licences: $(DEVELOPMENT) ## Write docs/licences.md: every locked package with its licence.
	@$(BIN)/python -m undertow.licences

audit: $(AUDIT) $(PROJECT) ## Ask the advisory database for known holes of what is locked; writes docs/known-holes.md. Needs the network.
	@$(AUDIT_VENV)/bin/pip-audit --disable-pip --require-hashes -r requirements.lock -r requirements-dev.lock -f json --progress-spinner off \
		| $(BIN)/python -m undertow.known_holes

clean: ## Remove environments and caches; the data folder stays.
	rm -rf $(VENV) $(DUCKDB12_VENV) $(PEERS_VENV) $(AUDIT_VENV) $(SPARK_VENV) .pytest_cache .ruff_cache .hypothesis build dist dbt_project/target dbt_project/logs
	find undertow assets expectations orchestration dbt_project tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments --------------------------------------------------------------------------------------------------------

$(UV): requirements-bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Undertow needs Python 3.11 or later, and $(PYTHON) is older or absent;" \
		"name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@touch $@

$(RUNTIME): requirements.lock $(UV)
	@echo "Installing the packages of requirements.lock"
	@$(call install,$(BIN)/python,--require-hashes -r requirements.lock)
	@touch $@

$(PROJECT): pyproject.toml $(RUNTIME)
	@$(call install,$(BIN)/python,--no-deps --no-build-isolation -e .)
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(PROJECT)
	@echo "Installing the packages of requirements-dev.lock"
	@$(call install,$(BIN)/python,--require-hashes -r requirements-dev.lock)
	@touch $@

$(DUCKDB12): requirements-duckdb12.lock $(UV)
	@$(PYTHON) -m venv --without-pip $(DUCKDB12_VENV)
	@$(call install,$(DUCKDB12_PYTHON),--require-hashes -r requirements-duckdb12.lock)
	@touch $@

$(PEERS): requirements-peers.lock $(UV)
	@echo "Installing the packages of requirements-peers.lock"
	@$(PYTHON) -m venv --without-pip $(PEERS_VENV)
	@$(call install,$(PEERS_PYTHON),--require-hashes -r requirements-peers.lock)
	@touch $@

$(AUDIT): requirements-audit.lock $(UV)
	@$(PYTHON) -m venv --without-pip $(AUDIT_VENV)
	@$(call install,$(abspath $(AUDIT_VENV))/bin/python,--require-hashes -r requirements-audit.lock)
	@touch $@

$(SPARK): requirements-spark.lock pyproject.toml $(UV)
	@echo "Installing the packages of requirements-spark.lock"
	@$(PYTHON) -m venv --without-pip $(SPARK_VENV)
	@$(call install,$(SPARK_PYTHON),--require-hashes -r requirements-spark.lock)
	@$(call install,$(SPARK_PYTHON),--no-deps --no-build-isolation -e .)
	@touch $@
