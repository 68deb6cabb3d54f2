# Every command that a person needs. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS   ?=

# Servers are got without asking only where that surprises nobody: under CI, or as root in a container.
MAY_INSTALL := $(shell if [ -n "$$CI" ] || { [ "$$(id -u)" = 0 ] && { [ -f /.dockerenv ] || [ -f /run/.containerenv ]; }; }; then echo yes; fi)

.PHONY: help setup setup-test setup-planner demo test pure check-code servers server-tests cluster-tests bench bench-servers soak mutants studies lock image clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.setup  ## make .venv with what the daemon needs

setup-test: $(VENV)/.setup-test  ## make .venv with what the tests need

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; say make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.setup: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "setup: packages of requirements.lock into $(VENV)"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.setup-test: $(VENV)/.setup requirements-test.lock
	@echo "setup: test packages of requirements-test.lock into $(VENV)"
	@$(PIP) --require-hashes -r requirements-test.lock
	@touch $@

setup-planner: $(VENV)/.setup-planner  ## the same with what capacity planners need: compiled simulation, traces, reports, sweeps

$(VENV)/.setup-planner: $(VENV)/.setup requirements-planner.lock
	@echo "setup: planner's packages of requirements-planner.lock into $(VENV)"
	@$(PIP) --require-hashes -r requirements-planner.lock
	@touch $@

demo: setup  ## the daemon's main job on the embedded twin; ARGS="--duration 60 --no-open"
	@$(BIN)/autoscaler demo $(ARGS)

test: setup-test pure check-code server-tests cluster-tests  ## every test, the pure ones first

pure: setup-test  ## unit, property, golden, parity and architecture tests: no server needed
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/property tests/golden tests/parity tests/architecture tests/deterministic $(ARGS)

check-code: setup-test  ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

servers: setup-test  ## get the real servers that tests run against (says time and disk first)
	$(BIN)/python -m tests.servers.build

server-tests: setup-test $(if $(MAY_INSTALL),servers)  ## contract, integration and browser tests
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/contract tests/integration tests/browser $(ARGS)

cluster-tests: setup-test $(if $(MAY_INSTALL),servers)  ## real Kubernetes API, Prometheus and Alertmanager in network namespaces
	$(BIN)/python -m tests.cluster $(ARGS)

bench: setup-test  ## the figures, each a table; ARGS=--json for machines
	@for figure in decisions budgets documents decision_log sources tick stall memory metrics; do echo "== $$figure"; $(BIN)/python -m benchmarks.$$figure $(ARGS) || exit 1; done

bench-servers: setup-test  ## the figures that need real servers: start, writes, wakes, alerts, takeover, KEDA's shape (about half an hour)
	@for figure in start drain wake alerts takeover keda; do echo "== $$figure"; $(BIN)/python -m benchmarks.$$figure $(ARGS) || exit 1; done

soak: setup-test  ## what takes long: fifty times the examples of every property, every mutant of the core, an hour of faults
	SOAK=$${SOAK:-50} $(BIN)/python -m pytest tests/property --timeout 7200 $(ARGS)
	$(BIN)/python -m tests.mutation --all --jobs 2
	$(BIN)/python -m tests.deterministic --seeds $${SEEDS:-10000} --jobs 2
	$(BIN)/python -m tests.servers.netns $(BIN)/python -m tests.soak.faults --minutes $${MINUTES:-60} --seed $${SEED:-1}

mutants: setup-test  ## change one comparison in each module of the core: some test must fail (under a minute)
	$(BIN)/python -m tests.mutation

studies: setup-test  ## write the figures of simulations/*/README.md anew
	$(BIN)/python -m simulations

lock:  ## pin and hash all packages anew (needs uv)
	uv pip compile pyproject.toml --group build --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --all-extras --group build --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --quiet --constraint requirements.lock --output-file requirements-planner.lock
	uv pip compile pyproject.toml --all-extras --group build --group test --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --quiet --constraint requirements-planner.lock --output-file requirements-test.lock

image:  ## build the container image (needs an engine)
	docker build --tag faas-autoscaler:dev .

clean:  ## remove what setup and tests made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
