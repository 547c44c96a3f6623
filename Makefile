# Everything starts from Python >= 3.10, git and make. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy

UV := .venv-uv/bin/uv
BIN := .venv/bin
SYNC := $(UV) sync --quiet --locked --all-extras --python $(PYTHON)
# One environment per supported generation of mcp; the newest is the main one.
MATRIX := mcp1-oldest mcp1 mcp2-oldest

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit matrix e2e stack bench bench-peers soak clean

help:  ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv-uv/ready: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; say which with: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv-uv \
	  || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing uv, which installs the rest"
	@.venv-uv/bin/pip install --quiet --disable-pip-version-check 'uv==0.13.9'
	@touch $@

.venv/ready: pyproject.toml uv.lock .venv-uv/ready
	@echo "Installing the locked dependencies into .venv"
	@$(SYNC)
	@touch $@

.venv-%/ready: pyproject.toml uv.lock .venv-uv/ready
	@echo "Installing the locked dependencies into .venv-$*"
	@UV_PROJECT_ENVIRONMENT=.venv-$* $(SYNC) --no-default-groups --group dev --group $*
	@touch $@

demo: .venv/ready  ## Watch real MCP servers for a minute, without any backend
	@$(BIN)/python docs/demo/demo.py

test: lint unit matrix e2e  ## Run every check, real processes included (the first run builds them)

lint: .venv/ready  ## Check style, types and the walls between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: .venv/ready  ## Run the fast tests, on the newest mcp
	$(BIN)/pytest -m "not e2e"

matrix: $(MATRIX:%=.venv-%/ready)  ## Run the instrumentation's tests on the older generations of mcp
	@set -e; for generation in $(MATRIX); do \
	  echo "== $$generation"; .venv-$$generation/bin/pytest -m "not e2e" tests/mcp; done

e2e: .venv/ready  ## Run the tests against the real Collector, Jaeger, Prometheus and Alertmanager
	$(BIN)/groundhog stack build
	$(BIN)/pytest -m e2e

stack: .venv/ready  ## Start the Collector, Jaeger, Prometheus and Alertmanager on loopback
	@$(BIN)/groundhog stack up

bench: .venv/ready .venv-mcp1/ready  ## Measure what the instrumentation costs, side by side with its floor
	$(BIN)/python -m bench

bench-peers: .venv/ready .venv-mcp1/ready  ## Probe and time other instrumentations of MCP, each in an environment of its own
	$(BIN)/python -m bench.peers

soak: .venv/ready  ## Make a million calls, or ten minutes of them, and see that memory stays flat
	$(BIN)/python -W ignore -m bench.soak

clean:  ## Remove the environments and caches inside the clone
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
