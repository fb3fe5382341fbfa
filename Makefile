# Each target does its own set-up: the first use creates .venv and installs everything in one pip call.
PYTHON ?= python3
BIN := .venv/bin
EDITABLE := -e '.[dev]' $(patsubst %,-e ./%,$(sort $(wildcard plugins/*)))

.PHONY: train test test-all check docs dist clean

train: .venv/ready            ## pretrain a small model on real sites or simulated data, then score it
	$(BIN)/olmoearth quickstart

test: .venv/ready             ## the default tests, on two processes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

test-all: .venv/ready         ## the slow tests too
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m ""

check: .venv/ready            ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/house/test_import_direction.py

docs: .venv/ready             ## the pages of docs/ as HTML in site/
	$(BIN)/mkdocs build --strict

dist: .venv/ready             ## wheels of all distributions in dist/
	rm -rf dist
	for project in . plugins/*; do $(BIN)/python -m build --wheel --outdir dist $$project || exit 1; done

clean:                        ## everything that can be made again, except runs/ and data/
	rm -rf .venv build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt $(EDITABLE)
	touch $@
