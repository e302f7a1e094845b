# Every target does the set-up that it needs by itself: see scripts/setup.sh.
#
#   ARGS    is handed to what the target runs: make demo ARGS='--seed=1'
#   PYTHON  names the Python 3.10 to use; found by itself when empty.
#   GPU     1 installs TensorFlow for accelerators: see docs/accelerators.md.

SHELL := /bin/bash
.DEFAULT_GOAL := help

python := .venv/bin/python
code := acme_metamimic environments experiments tests scripts setup.py

ARGS ?=
PYTHON ?=
MUJOCO_GL ?= egl
GPU ?=
export PYTHON MUJOCO_GL GPU

# One more than there are cores, as many tests wait for programs that they start;
# at most four, as each process imports TensorFlow.
workers := $(shell expr $$(nproc) + 1)
pytest := $(python) -m pytest -n $(workers) --maxprocesses=4 --dist=worksteal

.PHONY: help
help:  ## Lists the targets.
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) \
	  | expand -t 20

.PHONY: setup packages
setup:  ## Makes .venv and sees that MuJoCo can draw; the others call it.
	@scripts/setup.sh

packages:
	@scripts/setup.sh --packages-only

.PHONY: demo
demo: setup  ## Runs the main job: record, train, evaluate. ARGS: its flags.
	@$(python) -m experiments.run_metamimic $(ARGS)

.PHONY: test test-fast
test: setup  ## Runs all tests. ARGS: pytest's, such as '-k adders'.
	@$(pytest) $(ARGS)

test-fast: setup  ## Runs the tests that take seconds.
	@$(pytest) -m 'not slow' $(ARGS)

.PHONY: lint format
lint: packages  ## Checks format, style and types.
	@$(python) -m ruff format --check $(code)
	@$(python) -m ruff check $(code)
	@$(python) -m mypy $(code)

format: packages  ## Formats the code and mends what can be mended by itself.
	@$(python) -m ruff check --fix --exit-zero --quiet $(code)
	@$(python) -m ruff format $(code)

.PHONY: doctor
doctor: packages  ## Says what was found here, and the remedy for what is wrong.
	@$(python) -m experiments.doctor $(ARGS)

.PHONY: clean
clean:  ## Removes .venv and caches; keeps what was recorded in runs and data.
	@rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache \
	  build dist ./*.egg-info
	@find $(wildcard acme_metamimic environments experiments tests) \
	  -name __pycache__ -prune -exec rm -rf {} +
