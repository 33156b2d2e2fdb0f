# One door to everything: `make` alone lists the targets. CI calls nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
TRAINING_VENV := .venv-training
# The plain name pulls several GB of GPU libraries on Linux; this version has a build for the CPU where one is offered.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
TRAINING_BIN := $(TRAINING_VENV)/bin
IMAGE ?= text-eraser:0.1.0
ENGINE ?= docker
PAGES ?= examples
OUT ?= sheets
# ONNX Runtime must be told before it is loaded, in tests and training too.
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.PHONY: install
install: $(VENV)/.installed ## make the environment in .venv

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(TRAINING_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(TRAINING_VENV)
	$(TRAINING_BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(TRAINING_BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,training]'
	touch $@

.PHONY: serve
serve: install ## serve on HOST:PORT (127.0.0.1:8000)
	$(BIN)/text-eraser models verify
	$(BIN)/text-eraser serve --host $(HOST) --port $(PORT)

.PHONY: test
test: install ## service, contract and quick server tests (no torch, no browser)
	$(BIN)/python -m pytest -m 'not training and not slow and not browser'

.PHONY: test-all
test-all: test test-training ## everything, slow and browser tests too (needs Chromium)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,browser]'
	$(BIN)/python -m pytest -m 'slow or browser'

.PHONY: test-ray
test-ray: ## tests of the Ray engine and deployment, on two simulated nodes (minutes; makes .venv-ray)
	$(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,ray]'
	.venv-ray/bin/python -m pytest -m ray

.PHONY: test-training
test-training: $(TRAINING_VENV)/.installed ## tests of training/ (needs torch)
	$(TRAINING_BIN)/python -m pytest -m training tests/training

.PHONY: check
check: install ## lint, types, drift of the OpenAPI document
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/text-eraser openapi | diff -u openapi/openapi.json - || { echo 'openapi/openapi.json is stale: make openapi'; exit 1; }

.PHONY: fmt
fmt: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: openapi
openapi: install ## write openapi/openapi.json
	$(BIN)/text-eraser openapi --out openapi/openapi.json

.PHONY: sheets
sheets: install ## before, mask, after for each image of PAGES, side by side, into OUT
	$(BIN)/python -m benchmarks.sheets $(PAGES) --out $(OUT)

.PHONY: bench
bench: install ## time of a page by step, and what the server adds to it
	$(BIN)/python -m benchmarks.latency

.PHONY: load
load: install ## overload, slow clients, drops and saturation against a real server
	$(BIN)/python -m benchmarks.load

.PHONY: soak
soak: install ## random pages for MINUTES (30): does the server grow?
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),30)

.PHONY: linear
linear: install ## whether time is linear in pixels: long strips, long chapters (ten minutes of processor time)
	$(BIN)/python -m benchmarks.linear_time

.PHONY: backgrounds
backgrounds: install ## error of the fills by kind of background, against cv2's Telea
	$(BIN)/python -m benchmarks.backgrounds

.PHONY: assets
assets: $(TRAINING_VENV)/.installed ## an asset pack from public packages: [BASE=DIR] [WITHOUT="PACKAGE ..."]
	$(TRAINING_BIN)/python -m training.data.build_assets $(if $(BASE),--base $(BASE)) $(foreach package,$(WITHOUT),--without $(package)) --out build/assets

.PHONY: train-smoke
train-smoke: $(TRAINING_VENV)/.installed ## train the usual configs in miniature, resume, export, compare
	$(TRAINING_BIN)/python -m training.smoke

.PHONY: pack
pack: $(TRAINING_VENV)/.installed ## bundle a run for a machine without network: ASSETS=DIR [CHECKPOINTS=DIR]
	$(TRAINING_BIN)/python -m training.pack $(if $(ASSETS),--assets $(ASSETS)) $(if $(CHECKPOINTS),--checkpoints $(CHECKPOINTS)) --out build/pack

.PHONY: finetune
finetune: $(TRAINING_VENV)/.installed ## train the shipped segmenter on your own pairs: PAIRS=DIR [FROM=CHECKPOINT] [MINUTES=20]
	$(if $(FROM),,$(TRAINING_BIN)/python -m training.adopt --out runs/shipped)
	$(TRAINING_BIN)/python -m training.train --config segmentation_residual_onward --pairs $(PAIRS) \
		--start-from $(or $(FROM),runs/shipped/segmentation_residual_onward.checkpoint) \
		--minutes $(or $(MINUTES),20) --workers 1 --pool-samples 2000 --first-samples 200 --out runs/finetune

.PHONY: image
image: ## build the container image (ENGINE=docker|podman)
	$(ENGINE) build $(if $(filter podman,$(ENGINE)),--format docker) -t $(IMAGE) .

.PHONY: sbom
sbom: ## list what the service is made of: build/sbom.json (CycloneDX)
	rm -rf build/sbom && mkdir -p build/sbom
	$(PYTHON) -m venv build/sbom/service
	build/sbom/service/bin/python -m pip install --quiet --disable-pip-version-check .
	$(PYTHON) -m venv build/sbom/tool
	build/sbom/tool/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8'
	build/sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		-o build/sbom.json build/sbom/service/bin/python
