# Everything a newcomer needs: `make demo` to see it, `make test` to trust it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo serve test campaign peers chaos mutants check bench samples docs package clean

help:
	@echo "make demo      watch wsreplay at work: a real backend, the proxy, chats, a verdict"
	@echo "make serve     chat by hand through the proxy, in your browser"
	@echo "make test      run the tests"
	@echo "make campaign  the long crash, fuzz and load tests"
	@echo "make peers     talk with real peers of other protocols, from npm and PyPI"
	@echo "make chaos     kill relay and recorder a thousand times, and count what is lost"
	@echo "make mutants   change the code in 300 places, and see which changes the tests notice"
	@echo "make check     lint, types, layers"
	@echo "make bench     measure, side by side with others"
	@echo "make samples   record recordings/samples/ anew"
	@echo "make docs      build the documentation into site/"
	@echo "make package   build wheel and sdist into dist/, and check them"

NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'

# An environment that an older Python made is made anew.
$(READY): pyproject.toml
	@$(PYTHON) $(NEW_ENOUGH) || { echo "wsreplay needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Say which to use: make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; exit 1; }
	@$(BIN)/python $(NEW_ENOUGH) 2>/dev/null || rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY)
	@$(BIN)/wsreplay demo

serve: $(READY)
	@$(BIN)/wsreplay demo --serve

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not campaign and not docs"

$(VENV)/.campaign: pyproject.toml $(READY)
	$(BIN)/python -m pip install --quiet --group campaign
	@touch $@

campaign: $(VENV)/.campaign
	$(BIN)/python -m pytest -m campaign -s tests/recorder/test_chaos.py
	$(BIN)/python -m pytest -n 2 --dist worksteal -m campaign -rP --ignore tests/recorder/test_chaos.py
	$(BIN)/python -m pytest -n auto --dist worksteal -m "hypothesis and not campaign and not docs" --hypothesis-profile campaign --timeout 3600

peers: $(READY)
	$(BIN)/python -m pytest -m campaign -s tests/peers

chaos: $(READY)
	$(BIN)/python tests/support/chaos.py --kills 1000

mutants: $(READY)
	$(BIN)/python -m tools.mutants

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks --publish
	$(BIN)/python -m benchmarks.validator --memory --publish
	$(BIN)/python -m benchmarks.tui --publish
	$(BIN)/python -m benchmarks.tui_load
	$(BIN)/python -m benchmarks.replay --publish
	$(BIN)/python -m benchmarks.tables --publish
	$(BIN)/python -m benchmarks.telemetry --publish

samples: $(READY)
	$(BIN)/python -m tools.samples.samples recordings/samples

$(VENV)/.docs: pyproject.toml $(READY)
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

docs: $(VENV)/.docs
	$(BIN)/python -m docs.generators
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python -m pytest -n auto --dist worksteal tests/docs tests/tui/test_gallery.py

package: $(READY)
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
