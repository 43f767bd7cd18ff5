# Everything starts here. On a fresh machine `make demo` or `make test` does all the set-up by itself;
# it needs Debian's python3 with its venv module, or any other Python 3.11+.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
DEMO_FLAGS ?=
# Real peers for the tests that need them; without root they are used where installed, and skipped with a reason elsewhere.
DEBIAN_PACKAGES := prometheus prometheus-alertmanager prometheus-blackbox-exporter prometheus-node-exporter nginx-light nsd postgresql libfaketime
# To boot a Debian with a systemd of its own, and to build and run the container image.
SYSTEM_PACKAGES := debootstrap systemd-container podman runc

.DEFAULT_GOAL := help
.PHONY: help demo run test test-system check bench format lock setup debian-packages clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')" 2>/dev/null || grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## The whole life of an incident in two minutes, embedded, nothing to install
	$(BIN)/monitor demo --exit $(DEMO_FLAGS)

run: $(VENV)/.runtime ## The daemon, with ./config.yaml
	$(BIN)/monitor run -c config.yaml

# Real servers on a busy machine lose a race now and then. What failed is asked once more, alone and in the open; a defect fails again.
test: $(VENV)/.dev debian-packages ## All tests, in parallel
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup || { [ $$? -eq 1 ] || exit 1; \
		echo "Asked once more, alone: what failed in parallel"; \
		$(BIN)/pytest --last-failed --last-failed-no-failures none; }

test-system: DEBIAN_PACKAGES := $(SYSTEM_PACKAGES)
test-system: $(VENV)/.dev debian-packages ## Installed, run, killed and upgraded under a real systemd, and as a container; as root
	$(BIN)/pytest -m system tests/system

check: $(VENV)/.dev ## Lint, formatting, types, and the arrows between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev debian-packages ## What is measured: ratios against a peer in the same run
	$(BIN)/python -m tests.bench

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# With the hashes of every file of a version, so that one lock serves x86_64 and aarch64. setuptools builds us in the image.
lock: $(VENV)/.dev ## Lock the newest dependencies that pyproject.toml allows, for the container image
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | \
		$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --only-binary :all: --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --custom-compile-command 'make lock' -o requirements.lock pyproject.toml -

setup: $(VENV)/.dev ## The development environment alone

clean: ## Forget the environment and the caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Watchkeeper needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 has no venv module here. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.runtime

# Installing a server on Debian starts it. Tests start their own copies, so policy-rc.d says no for that moment.
debian-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $(DEBIAN_PACKAGES) >/dev/null 2>&1; then \
		echo "Installing what the tests run against: $(DEBIAN_PACKAGES)"; \
		policy=/usr/sbin/policy-rc.d; made=; \
		[ -e $$policy ] || { printf '#!/bin/sh\nexit 101\n' >$$policy && chmod +x $$policy && made=yes; }; \
		trap '[ -z "$$made" ] || rm -f '$$policy EXIT; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PACKAGES) >/dev/null; \
	fi
