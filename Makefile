# Everything is set up here: a machine needs Rust, a C compiler, Python 3.11, Node 20 and git.
# Set-up is done once and again only when what it is made from changes.

PYTHON ?= python3
VENV := .venv
PYTHON_READY := $(VENV)/.ready
NODE_READY := tests/node_modules/.ready
BINDING_READY := bindings-node/node_modules/.ready
KOTLIN_READY := tests/ffi/kotlin/node_modules/.ready
# What the C, C++, Ruby and Kotlin tests need of Debian.
DEBIAN := cmake doxygen g++ libboost-dev libgoogle-gson-java libjna-java libssl-dev libwebsockets-dev \
	nlohmann-json3-dev openjdk-17-jdk-headless pkg-config ruby ruby-ffi valgrind
export CARGO_TERM_COLOR ?= auto

.PHONY: help run test build lint bench generate setup clean

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-13s %s\n", $$1, $$2 }'

run: ## Starts the guarded demo server, wss://localhost:8443; Ctrl-C drains
	cargo run --locked --release -p wswarden-cli -- demo

test: setup ## Lints, Rust tests, end-to-end tests with stock clients, and the attack program
	$(PYTHON) tests/run.py

build: $(PYTHON_READY) ## Builds everything for release
	cargo build --locked --release --workspace
	cd bindings-python && PATH=$(CURDIR)/$(VENV)/bin:$$PATH maturin build --release --locked --out ../target/wheels
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps target/wheels/wswarden-*-abi3-manylinux*.whl

lint: setup ## Format, clippy, docs, licences, generated files
	$(PYTHON) tests/run.py lint

bench: $(PYTHON_READY) $(BINDING_READY) ## All benches and benches/report/index.html; QUICK=1 for a try, PART="node c" for some
	$(PYTHON) benches/run.py $(PART)

generate: $(BINDING_READY) ## Writes the files that are made from others
	cargo run --locked -q -p wswarden-cli -- schema > policy.schema.json.new
	mv policy.schema.json.new policy.schema.json
	cd bindings-node && node scripts/generate.mjs
	cd bindings-python && PATH=$(CURDIR)/$(VENV)/bin:$$PATH && maturin build --release --locked --out ../target/wheels && \
		pip install --quiet --force-reinstall --no-deps ../target/wheels/wswarden-*-abi3-manylinux*.whl && \
		python generate.py reasons > _reason.new && mv _reason.new python/wswarden/_reason.py && \
		python generate.py stubs --profile release --locked > _core.new && mv _core.new python/wswarden/_core.pyi
	cargo run --locked -q -p wswarden-ffi-tools --bin wswarden-header > bindings-ffi/include/wswarden.h.new
	mv bindings-ffi/include/wswarden.h.new bindings-ffi/include/wswarden.h
	cargo run --locked -q -p wswarden-ffi-tools --bin wswarden-header -- --symbols > bindings-ffi/symbols.txt
	$(PYTHON) bindings-ffi/tools/abi.py > bindings-ffi/abi.txt
	cargo build --locked -q -p wswarden-ffi
	cargo run --locked -q -p wswarden-ffi-tools --bin wswarden-bindgen -- generate target/debug/libwswarden.so \
		--language swift --out-dir bindings-ffi/swift --no-format

setup: $(PYTHON_READY) $(NODE_READY) $(BINDING_READY) $(KOTLIN_READY)
	@dpkg -s $(DEBIAN) >/dev/null 2>&1 || (apt-get update -qq && apt-get install -y -qq $(DEBIAN))
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy

$(PYTHON_READY): tests/requirements.txt
	$(PYTHON) -m venv $(VENV) || (apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV))
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(NODE_READY): tests/package.json tests/package-lock.json
	cd tests && npm ci --silent --no-audit --no-fund
	@touch $@

$(BINDING_READY): bindings-node/package.json bindings-node/package-lock.json
	cd bindings-node && npm install --silent --no-save --no-audit --no-fund
	@touch $@

$(KOTLIN_READY): tests/ffi/kotlin/package.json tests/ffi/kotlin/package-lock.json
	cd tests/ffi/kotlin && npm ci --silent --no-audit --no-fund
	@touch $@

clean: ## Removes what was built and set up
	cargo clean
	rm -rf $(VENV) tests/node_modules tests/ffi/kotlin/node_modules bindings-node/node_modules bindings-node/dist bindings-node/*.node benches/node/node_modules
