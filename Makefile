# One word for each job. The first run of any of them makes .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Versions are those of constraints.txt where its markers hold; elsewhere pip chooses.
# Bytecode is compiled when a module is first used, which is faster than compiling all modules.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
DATA := $(if $(INKREAD_DATA),$(INKREAD_DATA),$(wildcard ../shared/data))
EXAMPLES := $(sort $(wildcard examples/*.png examples/*.jpg))

.PHONY: help demo test lint docs site static dist check-dist material bench bench-reading ship clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/base  ## read the example pictures with the shipped model and draw the steps of one
	@mkdir -p out
	$(BIN)/inkread read $(EXAMPLES)
	$(BIN)/inkread read examples/7-shadow.jpg --figure out/7-shadow.steps.png --force
	@echo "every step from that picture to its answer: out/7-shadow.steps.png"

test: $(VENV)/dev  ## run the tests
	$(if $(DATA),INKREAD_DATA="$(abspath $(DATA))") $(BIN)/pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/dev  ## check style, types and that the generated docs are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check

docs: $(VENV)/dev  ## generate the docs and their figures; needs chromium
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/figures.py
	$(BIN)/python docs/screenshots.py

site: $(VENV)/dev  ## build the docs as a site in out/site; warnings are errors
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet
	@echo "open out/site/index.html"

static: $(VENV)/dev  ## build the page without a server in out/static; any web server, or a double click, opens it
	$(BIN)/python serverless/static_page.py

dist: $(VENV)/release  ## build the wheel and the source distribution in dist/, and check them
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*

check-dist: dist  ## do the job of `make demo` with the wheel in empty environments of PYTHONS, and with uvx
	UV=$(abspath $(BIN)/uv) .ci/check-wheel $(or $(PYTHONS),$(PYTHON))

material: $(VENV)/base  ## fetch the fonts and photographs for the detector's training into the user's cache
	$(BIN)/python benchmarks/material.py

bench: $(VENV)/dev  ## run the missing measurements of benchmarks/RESULTS.md, and TIMES.md: 30 minutes on two cores
	$(BIN)/python benchmarks/times.py
	$(if $(DATA),INKREAD_DATA="$(abspath $(DATA))") $(BIN)/python benchmarks/run.py

bench-reading: $(VENV)/dev  ## measure reading of numbers, pages and non-digits: a minute
	$(if $(DATA),INKREAD_DATA="$(abspath $(DATA))") $(BIN)/python benchmarks/sheets.py

ship: $(VENV)/dev  ## calibrate the model in MODEL (runs/best-0) and copy it into the package
	$(if $(DATA),INKREAD_DATA="$(abspath $(DATA))") $(BIN)/python benchmarks/ship.py $(or $(MODEL),runs/best-0)
	$(if $(DATA),INKREAD_DATA="$(abspath $(DATA))") $(BIN)/python benchmarks/calibrate_texts.py src/inkread/models/shipped

clean:  ## remove built files
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "inkread needs Python 3.11 to 3.13, and $(PYTHON) is $$($(PYTHON) --version 2>&1); name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/base: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: $(VENV)/base
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/release: $(VENV)/python pyproject.toml constraints.txt
	$(PIP) $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["release"])')
	@touch $@
