# The ways to work on Sluice, each one command; `make help` lists them. Underneath stand scripts/setup, which
# installs what is missing, and the presets of CMakePresets.json.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
KILL_SECONDS ?= 60
COVERAGE_AT_LEAST ?= 85
# Arguments for pytest, as in `make test PYTEST='-k metrics'`.
PYTEST ?=

BINARY := build/release/sluice

.PHONY: help run build test unit integration bench bench-long lint format coverage asan tsan fuzz kill clean
.PHONY: setup-build setup-test setup-bench setup-lint

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build the release and start it on the built-in configuration
	@exec $(BINARY) serve

build: setup-build build/release/build.ninja ## install what is missing and build build/release/sluice
	@cmake --build build/release -j $(JOBS) --target sluice

test: setup-test build/release/build.ninja ## build and run every test
	@cmake --build build/release -j $(JOBS)
	@scripts/test release

unit: setup-build build/dev/build.ninja ## build and run the unit tests alone, quickly (preset dev)
	@cmake --build build/dev -j $(JOBS)
	@ctest --test-dir build/dev -j $(JOBS) --output-on-failure

bench: setup-bench build/bench/build.ninja ## measure side by side with nginx, bare ONNX Runtime, the peers
	@cmake --build build/bench -j $(JOBS)
	@"$$(scripts/setup --print venv-benchmarks)/bin/python" benchmarks/run.py

bench-long: setup-bench build/bench/build.ninja ## language models beside 1, 2, 4 and 8 background callers: 40 minutes
	@cmake --build build/bench -j $(JOBS)
	@"$$(scripts/setup --print venv-benchmarks)/bin/python" benchmarks/run.py --only language_long

lint: setup-lint build/clang/build.ninja ## format, ruff, mypy, a compilation by clang 19, clang-tidy
	@scripts/lint

format: setup-lint ## rewrite the sources as the formatters want them
	@scripts/lint --fix

coverage: setup-test build/coverage/build.ninja ## line coverage of src/ by all tests, into build/coverage/
	@cmake --build build/coverage -j $(JOBS)
	@scripts/coverage $(COVERAGE_AT_LEAST)

asan tsan: %: setup-test build/%/build.ninja
	@cmake --build build/$* -j $(JOBS)
	@scripts/test $*
asan: ## the unit tests and the short integration tests under AddressSanitizer and UBSan
tsan: ## the same under ThreadSanitizer

fuzz: setup-test build/asan/build.ninja ## run every fuzz target for FUZZ_SECONDS
	@cmake --build build/asan -j $(JOBS) --target fuzzers
	@scripts/fuzz $(FUZZ_SECONDS)

kill: setup-test build/release/build.ninja ## kill processes under load for KILL_SECONDS, and account for every job
	@cmake --build build/release -j $(JOBS) --target sluice
	@SLUICE_KILL_SECONDS=$(KILL_SECONDS) scripts/test release -rP tests/durability

clean: ## remove build/ (what scripts/setup fetched stays in the cache folder)
	rm -rf build

setup-build setup-test setup-bench setup-lint: setup-%:
	@scripts/setup $*

# CMake looks by itself after its own files; these it does not know of. Fresh: a preset with another compiler would else
# leave its other values behind.
build/%/build.ninja: CMakePresets.json scripts/pins | setup-build
	@cmake --fresh --preset $*
	@touch $@
