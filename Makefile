# Everything from a machine that has make and a Python that suits (deploy/python). `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Some machines have Python compile each module anew at each start: the tests start hundreds of programs.
unexport PYTHONDONTWRITEBYTECODE

NETWORK ?= uk
CACHE := $(if $(filter /%,$(XDG_CACHE_HOME)),$(XDG_CACHE_HOME),$(HOME)/.cache)/instep
BIN := .venv/bin
STAMP := .venv/.set-up
PEERS := .venv-bench/.set-up
FUZZER := .venv-fuzz/.set-up
# Set when INSTEP_PYTHON names another version than that of .venv, which is made anew then.
ANEW := $(if $(INSTEP_PYTHON),$(shell INSTEP_PYTHON='$(INSTEP_PYTHON)' deploy/python keeps .venv || echo anew))
# 3.11 is the oldest Python that is supported; the versions hold for each newer one and for each platform too.
COMPILE = pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
    --custom-compile-command "make lock"
# How a check is run: a line before it, and after it how long it took.
STEP = step() { echo; echo "== $$1"; shift; local began=$$SECONDS; "$$@"; echo "   ($$((SECONDS - began)) s)"; }; step
UNIT := $(BIN)/pytest -q -n auto --dist worksteal

.PHONY: help setup demo demo-under-load test unit lint fmt up down routing bench chaos restarts watching publish-kills fuzz clean lock anew

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(STAMP) ## Make .venv from deploy/requirements.lock, with instep in it; INSTEP_PYTHON (a name or a path)
	@echo "The command is $(BIN)/instep. To write just instep in this terminal: source $(BIN)/activate"

demo: $(STAMP) ## The whole journey on a real Kafka; NETWORK=sample for the small network
	@$(BIN)/instep demo --network $(NETWORK)

demo-under-load: $(STAMP) ## The demo again and again on a busy machine; TIMES, LOAD (processes always at work), NETWORK
	@$(BIN)/python -m tests.load --network $(NETWORK) --times $(or $(TIMES),20) --load $(or $(LOAD),8)

test: lint ## Every check that CI makes, real Kafka included
	@$(STEP) "tests without Kafka" $(UNIT) -m "not kafka"
	@$(STEP) "tests with Kafka" $(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m kafka

unit: $(STAMP) ## The tests that start no program, with a tenth of the random examples
	@$(STEP) "tests that start no program" $(UNIT) -m "not kafka and not slow" --hypothesis-profile=quick

lint: $(STAMP) ## Style, types, import contracts and the rules of schemas
	@$(STEP) "ruff check" $(BIN)/ruff check .
	@$(STEP) "ruff format --check" $(BIN)/ruff format --check .
	@$(STEP) "mypy --strict" $(BIN)/mypy
	@$(STEP) "import contracts" $(BIN)/lint-imports --no-logo
	@$(STEP) "schemas" $(BIN)/instep schemas check

fmt: $(STAMP) ## Put the code into the house's form
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

up: $(STAMP) ## Start a local Kafka
	@$(BIN)/instep up

down: $(STAMP) ## End it
	@$(BIN)/instep down

routing: $(STAMP) ## Make deploy/network/ROUTING.md anew: who is told when councils merge
	@$(BIN)/python -m tests.unit.router.mergers > deploy/network/ROUTING.md

bench: $(STAMP) $(PEERS) ## Instep beside its peers on one broker; BENCH=--short takes a minute
	@$(BIN)/python -m tests.benchmarks $(BENCH)

chaos: $(STAMP) ## Every fault while work remains, on one broker and on three, and judge; BROKERS, KAFKA, EVENTS, SEED
	@for brokers in $(or $(BROKERS),1 3); do $(BIN)/python -m tests.chaos --brokers $$brokers \
	    --events $(or $(EVENTS),1000000) --worker-kills $(or $(WORKER_KILLS),50) --broker-kills $(or $(BROKER_KILLS),10) \
	    --zombies $(or $(ZOMBIES),5) $(if $(KAFKA),--kafka $(KAFKA)) $(if $(SEED),--seed $(SEED)); done

restarts: $(STAMP) ## The engine alone while brokers are stopped, killed and frozen under load; TIMES, KAFKA
	@for how in stop kill freeze leaderless staggered; do $(BIN)/python -m tests.chaos.restarts --how $$how \
	    --times $(or $(TIMES),15) $(if $(KAFKA),--kafka $(KAFKA)); done

watching: $(STAMP) ## Watchers of a folder are killed while files come in, and judged; FILES, KILLS, BLIND=1 (no locks), SEED
	@$(BIN)/python -m tests.watching --files $(or $(FILES),1000) --kills $(or $(KILLS),30) $(if $(BLIND),--blind) \
	    $(if $(SEED),--seed $(SEED))

publish-kills: $(STAMP) ## Publish a file while the publisher is killed, and judge that nothing arrives twice; ROWS, KILLS, SEED
	@$(BIN)/python -m tests.chaos.publish_kills --rows $(or $(ROWS),100000) --kills $(or $(KILLS),20) \
	    $(if $(SEED),--seed $(SEED))

fuzz: $(STAMP) $(FUZZER) ## Hostile bytes through the whole entry, and both codecs held against each other; SECONDS
	@PYTHONPATH=.venv-fuzz $(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

clean: ## Remove .venv, caches and the local platform's state (ends it first)
	@if compgen -G ".instep/processes/*.json" >/dev/null; then \
	    [ -x $(BIN)/instep ] || { echo "A local platform may be running: make setup, then make clean again." >&2; exit 1; }; \
	    $(BIN)/instep down; fi
	@rm -rf .venv .venv-bench .venv-fuzz .fuzz .instep .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

lock: $(STAMP) ## Resolve deploy/*.lock again after a change of pyproject.toml; UV (another version of uv)
	@uv=$$(deploy/uv "$(CACHE)"); \
	"$$uv" $(COMPILE) pyproject.toml --all-extras --group dev -o deploy/requirements.lock; \
	"$$uv" $(COMPILE) --group pyproject.toml:bench -o deploy/bench.lock; \
	"$$uv" $(COMPILE) --group pyproject.toml:fuzz -o deploy/fuzz.lock; \
	echo "uv==$(or $(UV),$$("$$uv" --version | cut -d' ' -f2))" | "$$uv" $(COMPILE) - -o deploy/uv.lock

$(STAMP): deploy/requirements.lock deploy/uv.lock pyproject.toml $(ANEW)
	@deploy/setup "$(CACHE)"
	@touch $@

# Peers of the benchmarks that go with other versions than ours do. Without them the others are measured still.
$(PEERS): deploy/bench.lock deploy/uv.lock $(STAMP)
	@uv=$$(deploy/uv "$(CACHE)"); export UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS:-true}"; \
	echo "setting up .venv-bench from deploy/bench.lock" >&2; \
	if "$$uv" venv --quiet --clear --python $(BIN)/python .venv-bench \
	    && "$$uv" pip sync --quiet --python .venv-bench/bin/python --require-hashes deploy/bench.lock; then touch $@; \
	else echo "Some peers could not be fetched (see above); their figures will be missing." >&2; fi

# The fuzzer is beside the services' own environment and not in it: it is built for Linux alone.
$(FUZZER): deploy/fuzz.lock deploy/uv.lock $(STAMP)
	@uv=$$(deploy/uv "$(CACHE)"); export UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS:-true}"; \
	echo "setting up .venv-fuzz from deploy/fuzz.lock" >&2; rm -rf .venv-fuzz; \
	if "$$uv" pip install --quiet --python $(BIN)/python --target .venv-fuzz --require-hashes -r deploy/fuzz.lock; then touch $@; \
	else echo "The fuzzer could not be fetched (see above): it is for Python 3.11 to 3.13 on Linux, x86-64." >&2; exit 1; fi
