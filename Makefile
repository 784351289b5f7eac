# Everything is set up here: a machine needs Rust, a C compiler, Python 3.11, Node 20 and git.
# Set-up is done once and again only when what it is made from changes.

PYTHON ?= python3
VENV := .venv
PYTHON_READY := $(VENV)/.ready
NODE_READY := tests/node_modules/.ready
BINDING_READY := bindings-node/node_modules/.ready
export CARGO_TERM_COLOR ?= auto

.PHONY: help run test build lint bench bench-node generate setup clean

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

run: ## Starts the guarded demo server, wss://localhost:8443; Ctrl-C drains
	cargo run --locked --release -p wswarden-cli -- demo

test: setup ## Lints, Rust tests, end-to-end tests with stock clients, and the attack program
	$(PYTHON) tests/run.py

build: ## Builds everything for release
	cargo build --locked --release --workspace

lint: setup ## Format, clippy, docs, licences, generated files
	$(PYTHON) tests/run.py lint

bench: ## Criterion benches; the reports are in target/criterion
	cargo bench --locked -p wswarden-benches

bench-node: $(BINDING_READY) ## Node beside ajv, zod, valibot, typebox; target/bench-node.tsv
	cd bindings-node && node scripts/build.mjs --release
	node benches/node/bench.mjs

generate: $(BINDING_READY) ## Writes the files that are made from others
	cargo run --locked -q -p wswarden-cli -- schema > policy.schema.json.new
	mv policy.schema.json.new policy.schema.json
	cd bindings-node && node scripts/generate.mjs

setup: $(PYTHON_READY) $(NODE_READY) $(BINDING_READY)
	@command -v valgrind >/dev/null || (apt-get update -qq && apt-get install -y -qq valgrind)
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy

$(PYTHON_READY): tests/requirements.txt
	$(PYTHON) -m venv $(VENV) || (apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV))
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(NODE_READY): tests/package.json tests/package-lock.json
	cd tests && npm ci --silent --no-audit --no-fund
	@touch $@

$(BINDING_READY): bindings-node/package.json bindings-node/package-lock.json
	cd bindings-node && npm ci --silent --no-audit --no-fund
	@touch $@

clean: ## Removes what was built and set up
	cargo clean
	rm -rf $(VENV) tests/node_modules bindings-node/node_modules bindings-node/dist bindings-node/*.node
