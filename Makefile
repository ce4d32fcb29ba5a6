# The commands of this repository. `make help` lists them; `make demo` is the place to start.

SHELL := /bin/bash
SWIFT ?= swift
# One release build for the demo, the image and the measurements: Swift linked in, symbols stripped.
RELEASE := --configuration release --static-swift-stdlib -Xlinker -s
BIN := .build/release

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-check test build rivals install documentation format lint ci clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## install the system packages that are missing (needs root), or say which
	@.ci/setup

demo: build ## train on a real series and forecast it, step by step, in this terminal
	@TIMESTEP=$(BIN)/timestep Documentation/demo/demo.sh

demo-check: build ## the demo, failing unless the forecast is as good as it should be
	@TIMESTEP=$(BIN)/timestep Documentation/demo/demo.sh --check

test: setup ## run every test
	$(SWIFT) test

build: setup ## build the release binary
	$(SWIFT) build $(RELEASE) --product timestep
	@echo "built $(BIN)/timestep"

# Python is the rivals' own; nothing of the product needs it.
RIVALS_VENV ?= Benchmarks/rivals/.venv

rivals: build $(RIVALS_VENV)/installed ## time PyTorch, ONNX Runtime and OpenVINO beside it (RIVALS="--help" for choices)
	@$(RIVALS_VENV)/bin/python -u Benchmarks/rivals/rivals.py --timestep $(BIN)/timestep $(RIVALS)

$(RIVALS_VENV)/installed: Benchmarks/rivals/requirements.txt
	@python3 -m venv $(RIVALS_VENV) || { echo "needs Python 3 with venv (Debian: python3-venv)"; exit 1; }
	$(RIVALS_VENV)/bin/pip install --requirement $<
	@touch $@

install: build ## copy the binary to PREFIX/bin (default /usr/local)
	install -d $(or $(PREFIX),/usr/local)/bin
	install -m 755 $(BIN)/timestep $(or $(PREFIX),/usr/local)/bin/timestep

documentation: build ## write the table of settings in Documentation/configuration.md anew
	$(BIN)/timestep serve --print-options > .build/options.md
	sed -i -e '/^| key | default/,/^$$/ { /^| key | default/ r .build/options.md' -e '/^|/ d }' Documentation/configuration.md

format: ## format the sources in place
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

lint: ## check the format, changing nothing
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

ci: ## everything the continuous integration runs
	@.ci/run

clean: ## remove what was built
	rm -rf .build
