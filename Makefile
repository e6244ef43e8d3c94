# Neurox: `make help` lists what can be made.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Most tests wait for a server more than they compute; a file's tests stay together.
PYTEST = $(BIN)/pytest -n 3 --dist loadfile
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'
	@echo
	@echo '  make up ARGS="--clusters 2 --nodes 8" passes options on to neurox up.'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Neurox needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -f $@; \
		echo "Cannot make $(VENV); on Debian: apt install python3-venv. Then the same again."; exit 2; }

$(VENV)/.local: setup.cfg constraints.txt | $(BIN)/python
	@echo "Installing Neurox into $(VENV) (about a minute, once)"
	@$(INSTALL) '.[local]'
	@touch $@

$(VENV)/.test: setup.cfg constraints.txt | $(BIN)/python
	@echo "Installing Neurox and its test tools into $(VENV) (about a minute, once)"
	@$(INSTALL) '.[test]'
	@touch $@ $(VENV)/.local

$(VENV)/.nvitop: tests/bench/agent/nvitop-exporter.txt | $(BIN)/python
	@echo "Installing nvitop-exporter into $(VENV)/nvitop-exporter (a few seconds, once)"
	@$(PYTHON) -m venv $(VENV)/nvitop-exporter
	@$(VENV)/nvitop-exporter/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# It pins a hundred packages of its own, other versions than ours.
$(VENV)/.checkov: tests/charts/checkov.txt | $(BIN)/python
	@echo "Installing checkov into $(VENV)/checkov (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)/checkov
	@$(VENV)/checkov/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: up
up: $(VENV)/.local ## Show a working fleet on this machine: real servers, simulated GPUs
	@$(BIN)/neurox up $(ARGS)

.PHONY: down
down: $(VENV)/.local ## Stop what `make up` started
	@$(BIN)/neurox down $(ARGS)

# Playwright's own Node.js needs libatomic, which a bare Debian does not have.
.PHONY: chromium
chromium:
	@{ command -v chromium chromium-browser && /sbin/ldconfig -p | grep -F libatomic.so.1; } >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium libatomic1 >/dev/null; } || \
		{ echo "The browser tests need Chromium: apt install chromium libatomic1"; exit 2; }

.PHONY: lint
lint: $(VENV)/.test ## Style, types, direction of imports, templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint portal/templates --lint --quiet --ignore H015,H043

.PHONY: docs
docs: $(VENV)/.test ## Build the documentation; a warning is an error
	@$(BIN)/sphinx-build -q -W --keep-going docs docs/_build

.PHONY: charts
charts: $(VENV)/.test ## Make what is generated of the charts: schemas, reference of values, preflight.yaml
	@$(BIN)/python -m infra.charts.schema
	@$(BIN)/neurox preflight control --manifest >charts/preflight.yaml 2>/dev/null

.PHONY: reference
reference: $(VENV)/.test ## Make the reference of the agent's metrics
	@$(BIN)/neurox-agent reference >docs/reference/metrics.md

.PHONY: quick
quick: $(VENV)/.test ## Tests that start no cluster and no browser
	@$(PYTEST) -m "not slow and not browser and not node and not gpu"

.PHONY: test
test: $(VENV)/.test $(VENV)/.checkov chromium lint docs ## Everything that needs no cluster of your own
	@$(BIN)/neurox tools
	@$(BIN)/neurox tools helm promtool
	@$(PYTEST) -m "not node and not pulumi and not gpu"

.PHONY: test-gpu
test-gpu: $(VENV)/.test ## The agent on this machine's NVIDIA GPUs, against nvidia-smi
	@$(BIN)/pytest -m gpu tests/gpu

.PHONY: root
root:
	@[ "$$(id -u)" = 0 ] || { echo "Real nodes need root: sudo make e2e"; exit 2; }

CLUSTER ?=
.PHONY: e2e
ifeq ($(CLUSTER),kind)
e2e: $(VENV)/.test ## Real nodes, our images, our charts; needs root; CLUSTER=kind: docker and kind
	@{ command -v docker && command -v kind; } >/dev/null || \
		{ echo "make e2e CLUSTER=kind needs docker and kind: https://kind.sigs.k8s.io"; exit 2; }
	@$(BIN)/neurox tools helm kubectl
	@$(MAKE) --no-print-directory images BASE='$(BASE)' ARGS=
	@trap 'kind delete cluster --name neurox-e2e' EXIT; \
		kind create cluster --name neurox-e2e --wait 180s || exit 1; \
		for archive in build/images/$$(docker version --format '{{.Server.Arch}}')/*.tar; do \
			kind load image-archive --name neurox-e2e $$archive || exit 1; \
		done; \
		$(BIN)/pytest -m node -s --context kind-neurox-e2e $(ARGS)
else
e2e: root $(VENV)/.test
	@$(BIN)/neurox tools
	@$(BIN)/neurox tools node helm kubectl pulumi-engine
	@$(MAKE) --no-print-directory images BASE=debian ARGS=
	@$(BIN)/pytest -m "node or pulumi" -s $(ARGS)
endif

.PHONY: bench-up
bench-up: $(VENV)/.test ## Time and memory of `make up`, against their limits
	@$(BIN)/python tests/bench/up.py $(ARGS)

.PHONY: bench-overview
bench-overview: $(VENV)/.test ## Time of the first page, small fleet and large, against its limits
	@$(BIN)/python tests/bench/overview.py

.PHONY: bench-agent
bench-agent: $(VENV)/.test $(VENV)/.nvitop ## Cost of the agent, beside its limits and nvitop-exporter; 17 min (ARGS=--quick: 4)
	@$(BIN)/neurox tools etcd kube-apiserver >/dev/null
	@$(BIN)/python tests/bench/agent $(ARGS)

.PHONY: bench-relay
bench-relay: $(VENV)/.test ## Speed and memory of the relay, beside its limits and nginx; 15 min (ARGS=--quick: 3)
	@$(BIN)/python tests/bench/relay $(ARGS)

.PHONY: bench-install
bench-install: $(VENV)/.test ## Requests, use, installing and joining on real nodes, against their limits
	@$(BIN)/neurox tools node helm kubectl >/dev/null
	@$(BIN)/python tests/bench/install.py $(ARGS)

REGISTRY ?= ghcr.io/neurox
TAG ?=
PLATFORM ?=
BASE ?=
VALUES ?= $(wildcard charts/*/values.yaml)

.PHONY: images
images: $(VENV)/.local ## Build and pack our images (REGISTRY, TAG, PLATFORM=linux/arm64, BASE=debian)
	@$(BIN)/python -m infra.images build --registry '$(REGISTRY)' --tag '$(TAG)' \
		--platform '$(PLATFORM)' --base '$(BASE)' $(ARGS)

.PHONY: pin-images
pin-images: $(VENV)/.local ## Fill the digests of third-party images in the charts' values
	@$(BIN)/python -m infra.images pin $(VALUES)

.PHONY: lock
lock: $(VENV)/.test ## Lock what each image installs, by hash
	@for image in control workload relay agent agent-simulated; do \
		$(BIN)/uv pip compile setup.cfg --extra $$image --constraint constraints.txt \
			--generate-hashes --no-annotate --custom-compile-command 'make lock' --quiet \
			--python-version 3.11 --python-platform x86_64-manylinux_2_36 \
			--output-file infra/images/requirements/$$image.txt || exit 1; \
	done

.PHONY: clean
clean: ## Remove the virtual environment and what was built here
	@rm -rf $(VENV) docs/_build build dist *.egg-info
