# Everything a person does with this repository. `make` lists it.

PYTHON ?= $(shell for each in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
# Commands find Node there when the system has none.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Bytecode is kept whatever the machine says: as where it is installed, nothing is compiled at each start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test fix bench bench-growth schema screenshots charter breaks wheel image pins clean ready ready-dev

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: ready ## set up, serve, train two examples and print the link to watch them
	@$(BIN)/python -m make.demo

serve: ready ## start the server on this checkout
	@$(BIN)/runvane serve

test: ready-dev ## everything CI runs
	@$(BIN)/python -m make.check

fix: ready-dev ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: ready-dev ## measure what is claimed about speed, beside other systems (ROW=series: one)
	@$(BIN)/python -m bench $(ROW)

bench-growth: ready-dev ## measure how cost grows with points, runs, metrics and writers (TABLE=runs: one)
	@$(BIN)/python -m bench --growth $(TABLE)

schema: ready-dev ## write schema.graphql as the code has it
	@$(BIN)/python -c 'from api.graphql.schema import schema; print(schema.as_str())' > schema.new
	@mv schema.new schema.graphql
	@$(BIN)/python -m make.contract

screenshots: ready-dev ## take pictures of the pages into screenshots/
	@$(BIN)/python -m tests.web.screenshots

charter: ready-dev ## prove what is promised, in long forms; ROW=R2 for one row
	@$(BIN)/python -m make.charter $(ROW)

breaks: ready-dev ## break the code on purpose: the charter must turn red
	@$(BIN)/python -m make.breaks $(ROW)

wheel: ready-dev ## build the sdist and the wheel into dist/
	@$(BIN)/python -m build --no-isolation

image: ## build the container image
	docker build --tag runvane .

pins: ready-dev ## choose the newest versions of everything and pin them
	@$(BIN)/pip install --quiet uv
	@make/pins.sh

clean: ## remove everything that was made here
	rm -rf .venv .demo build dist screenshots web/node_modules web/static/dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@test -n "$(PYTHON)" || { echo "Runvane needs Python 3.11 or newer."; exit 1; }
	@$(PYTHON) make/setup.py demo

ready-dev:
	@test -n "$(PYTHON)" || { echo "Runvane needs Python 3.11 or newer."; exit 1; }
	@$(PYTHON) make/setup.py dev
