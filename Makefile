# The one way in. `make up` runs the whole network and its demo; `make test` checks everything.
# No target needs root, a fixed port, or anything that `make setup` does not install or ask for by name.

# A named shell, not the default one: make then starts every command through it, with the PATH exported below.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: setup tools build prover up down test soak bench clean help

TALEA := target/release/talea

# A Foundry on PATH serves when its forge and its anvil are both 1.7.x; otherwise the pinned one from npm goes first.
FOUNDRY_FITS := $(shell for tool in forge anvil; do "$$tool" --version 2>/dev/null | head -n 1 | grep -Eq '(^|[^0-9.])1\.7\.[0-9]+' || exit 0; done; echo yes)
ifneq ($(FOUNDRY_FITS),yes)
export PATH := $(CURDIR)/contracts/node_modules/.bin:$(PATH)
endif

help: ## Lists the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

setup: tools contracts/node_modules/.installed examples/node_modules/.installed ## Installs what is pinned; nothing else installs.
	@cargo fetch --locked --quiet

tools:
	@.ci/tools

contracts/node_modules/.installed: contracts/package.json contracts/package-lock.json
	npm --prefix contracts ci --ignore-scripts --no-audit --no-fund
	@touch $@

examples/node_modules/.installed: examples/package.json examples/package-lock.json
	npm --prefix examples ci --ignore-scripts --no-audit --no-fund
	@touch $@

build: setup ## Builds the contracts and target/release/talea.
	cd contracts && forge build
	cargo build --release --workspace --locked

prover: setup ## Builds target/native/release/talea with all vector instructions of this machine, which proofs gain from.
	RUSTFLAGS="-C target-cpu=native" cargo build --release --locked --package cli --target-dir target/native

up: build ## Starts the whole network on this machine, runs the demo, leaves the network up.
	$(TALEA) up
	$(TALEA) demo

down: ## Stops the network that `make up` started.
	$(TALEA) down

# Quick checks first, so that a slip is told before the long builds.
test: setup ## Formats, lints, builds and tests everything, Solidity included.
	cargo fmt --all --check
	cd contracts && forge fmt --check
	cd contracts && forge build
	node contracts/tools/artifacts.js --check
	cd contracts && forge test
	npm --prefix examples run check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings
	if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --release --workspace --locked; \
	  cargo test --doc --release --workspace --locked; \
	else \
	  cargo test --release --workspace --locked; \
	fi

# Hours, on two cores: none of it is part of `make test`, which does the same for a few seeds.
soak: setup ## Random networks, private programs and batches against their proofs, many thousands of each.
	cargo xtask sim --seeds 1000
	cargo run --release --locked --package mpc --example random -- 100000
	TALEA_BATCHES=100000 cargo test --release --locked --package prover --test circuit random -- --nocapture

bench: setup ## Runs the benchmarks.
	cargo xtask bench

clean: ## Removes what was built and installed here; the data of a network stays.
	cargo clean
	rm -rf contracts/out contracts/cache contracts/node_modules examples/node_modules
