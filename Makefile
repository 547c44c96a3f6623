# Everything starts from Python >= 3.10, git and make. `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy

# The program itself: to uv, `python3` is whichever Python 3 an environment has already.
INTERPRETER = $(shell $(PYTHON) -c 'import sys; print(sys.executable)')
UV := .venv-uv/bin/uv
BIN := .venv/bin
SYNC = $(UV) sync --quiet --locked --all-extras --python $(INTERPRETER)
# One environment per release that we test with; the newest mcp (2.3.0) is in the main one.
OLDER := mcp1-oldest mcp1 mcp2-oldest
FASTMCP := fastmcp2 fastmcp3 fastmcp4
MATRIX := mcp1-oldest mcp1-middle mcp1 mcp2-oldest
# Other projects' test suites: nearly an hour for all three.
SUITES ?= mcp1 mcp2 fastmcp4

# The fast tests are two runs beside each other, of about the same length; the second is printed when both are over.
FAST := -m "not e2e and not slow and not suites"
BESIDE := tests/load tests/profiling tests/mcp tests/runtime tests/resources

.DEFAULT_GOAL := help
.PHONY: collector-wheel collector-reproducible help demo docs test lint unit older fastmcp matrix peers conformance suites sdk-suite e2e genai-conformance soak stack bench bench-load bench-peers distributions audit release clean FORCE

help:  ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

.venv-uv/ready: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or newer is needed; say which with: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv-uv \
	  || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing uv, which installs the rest"
	@.venv-uv/bin/pip install --quiet --disable-pip-version-check 'uv==0.13.9'
	@touch $@

# Another PYTHON= makes the environments anew.
.venv-uv/python: .venv-uv/ready FORCE
	@echo "$(INTERPRETER)" | cmp -s - $@ || echo "$(INTERPRETER)" > $@

.venv/ready: pyproject.toml uv.lock .venv-uv/ready .venv-uv/python
	@echo "Installing the locked dependencies into .venv"
	@$(SYNC)
	@touch $@

.venv-%/ready: pyproject.toml uv.lock .venv-uv/ready .venv-uv/python
	@echo "Installing the locked dependencies into .venv-$*"
	@UV_PROJECT_ENVIRONMENT=.venv-$* $(SYNC) --no-extra locust --no-default-groups --group dev --group $*
	@touch $@

demo: .venv/ready  ## Watch real MCP servers for a minute, without any backend
	@$(BIN)/python docs/demo/demo.py

docs: .venv/ready  ## Write the reference from the code and make the documentation's site, in dist/docs
	@$(BIN)/python -m docs.site.reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

test: lint unit older fastmcp conformance e2e  ## Run every check, real processes included (the first run builds them)

lint: .venv/ready  ## Check style, types and the walls between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: .venv/ready  ## Run the fast tests, on the newest mcp
	@mkdir -p .pytest_cache; log=.pytest_cache/beside.log; \
	$(BIN)/pytest $(FAST) $(BESIDE) > $$log 2>&1 & beside=$$!; \
	$(BIN)/pytest $(FAST) $(BESIDE:%=--ignore=%); own=$$?; \
	wait $$beside; other=$$?; cat $$log; exit $$((own + other))

older: $(OLDER:%=.venv-%/ready)  ## Run the instrumentation's tests on the older generations of mcp
	@set -e; for name in $(OLDER); do \
	  echo "== $$name"; .venv-$$name/bin/pytest -m "not e2e and not slow" tests/mcp tests/optimizer/actions; done

fastmcp: $(FASTMCP:%=.venv-%/ready)  ## Run the tests of the FastMCP framework, on its three generations
	@set -e; [ -d tests/fastmcp ] || exit 0; for name in $(FASTMCP); do \
	  echo "== $$name"; .venv-$$name/bin/pytest -m "not e2e and not slow" tests/fastmcp; done

matrix: .venv/ready $(MATRIX:%=.venv-%/ready) $(FASTMCP:%=.venv-%/ready)  ## Run the instrumentation's tests on every release of mcp and FastMCP that we support
	@failed=; for name in $(MATRIX) mcp2 $(FASTMCP); do \
	  case $$name in mcp2) env=.venv ;; *) env=.venv-$$name ;; esac; \
	  case $$name in fastmcp*) rooms="tests/mcp $(wildcard tests/fastmcp)" ;; *) rooms=tests/mcp ;; esac; \
	  echo "== $$name, $$($$env/bin/python --version)"; \
	  $$env/bin/pytest -m "not e2e and not slow" $$rooms || failed="$$failed $$name"; done; \
	[ -z "$$failed" ] || { echo "Failed on:$$failed" >&2; exit 1; }

peers: .venv-peers/ready  ## Run the tests with other instrumentations, of MCP and of HTTP, in the same process
	.venv-peers/bin/pytest tests/mcp/test_peers.py tests/mcp/test_http_instrumentations.py

conformance: .venv/ready .venv-mcp1/ready  ## Run the official conformance tests of servers, bare and instrumented; skipped without Node
	$(BIN)/pytest -m suites -k server

suites: .venv/ready .venv-mcp1/ready sdk-suite  ## Run the official conformance tests and the SDKs' own suites, bare and instrumented
	$(BIN)/pytest -m suites

sdk-suite: .venv/ready $(SUITES:%=.venv-suite-%/ready)  ## Run the test suites of the SDK and of FastMCP, bare and instrumented; SUITES= chooses
	@set -e; for name in $(SUITES); do $(BIN)/python -m tests.suites.sdk_suite $$name; done

e2e: .venv/ready  ## Run the tests against the real Collector, Jaeger, Prometheus and Alertmanager
	$(BIN)/groundhog stack build
	$(BIN)/pytest -m "e2e and not slow"

# REGISTRY=…/model checks against a registry on disk; without it the runner fetches the one that it pins.
genai-conformance: .venv/ready  ## Run the scenarios under OpenTelemetry's own runner, where that and weaver are installed
	@for tool in genai-conformance weaver; do command -v $$tool > /dev/null \
	  || { echo "$$tool is not on the PATH; docs/testing.md says where it comes from" >&2; exit 1; }; done
	PATH="$(CURDIR)/$(BIN):$$PATH" genai-conformance tests/conformance $(if $(REGISTRY),--registry "$(REGISTRY)") \
	  --data-file tests/conformance/output/data.json

stack: .venv/ready  ## Start the Collector, Jaeger, Prometheus and Alertmanager on loopback
	@$(BIN)/groundhog stack up

collector-wheel: .venv/ready  ## Make the wheel that carries the Collector, into dist
	$(BIN)/python collector/wheel/build.py dist

collector-reproducible: .venv/ready  ## Build the Collector twice from nothing, in different places, and compare (20 minutes)
	$(BIN)/python collector/reproducible.py

bench: .venv/ready .venv-mcp1/ready  ## Measure what the instrumentation costs, side by side with its floor
	$(BIN)/python -m bench

bench-load: .venv/ready .venv-mcp1/ready $(FASTMCP:%=.venv-%/ready)  ## Measure the load tester, and servers of every generation under it
	$(BIN)/python -m bench.load

bench-peers: .venv/ready .venv-mcp1/ready  ## Probe and time other instrumentations of MCP, each in an environment of its own
	$(BIN)/python -m bench.peers

soak: .venv/ready  ## Make a million calls (or ten minutes of them), then the slow tests: ten thousand of everything
	$(BIN)/python -W ignore -m bench.soak
	$(BIN)/pytest -m slow

distributions: .venv-uv/ready  ## Build the wheel and the sdist, into dist
	@rm -f dist/groundhog_otel-*
	$(UV) build --quiet --python $(INTERPRETER) --out-dir dist

.venv-audit/ready: pyproject.toml uv.lock .venv-uv/ready .venv-uv/python
	@echo "Installing what users install, with every extra, into .venv-audit"
	@UV_PROJECT_ENVIRONMENT=.venv-audit $(SYNC) --no-default-groups
	@touch $@

.venv-release/ready: pyproject.toml uv.lock .venv-uv/ready .venv-uv/python
	@UV_PROJECT_ENVIRONMENT=.venv-release $(UV) sync --quiet --locked --only-group release --python $(INTERPRETER)
	@touch $@

audit: .venv-audit/ready .venv-release/ready  ## List the packages of an installation: SBOM, licences, known vulnerabilities
	@mkdir -p dist
	@.venv-release/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file dist/groundhog-otel.cdx.json .venv-audit/bin/python
	@$(UV) export --quiet --locked --all-extras --no-default-groups --no-emit-project --output-file dist/requirements.txt > /dev/null
	@.venv-release/bin/python -m deploy.release.audit dist/groundhog-otel.cdx.json dist/requirements.txt

release: distributions audit  ## Prepare release VERSION=x.y.z: version, changelog, tag, distributions that pass twine; uploads nothing
	@.venv-release/bin/python -m deploy.release.prepare "$(VERSION)"

clean:  ## Remove the environments and caches inside the clone
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
