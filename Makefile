# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything starts from a bare python3: the tools live in .venv, everything else that is made lives in .build.
# GNU make and a POSIX shell are enough.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# --- Settings that a caller may change: make test PYTEST_ARGS='-k vault -x' -------------------------------------------
PYTHON ?= python3
PYTEST_ARGS ?=
SANDBOX_ARGS ?=
DEMO_ARGS ?=
LINT_ARGS ?=
MOLECULE_ARGS ?=
CORES_ARGS ?=
BENCH_ARGS ?=
EXPLORE_ARGS ?=
# For make dist: the public address of the repository, and the name of the collection.
REPOSITORY ?=
COLLECTION ?= fortanix.dsm

# --- Nothing of the caller's environment reaches the tools ------------------------------------------------------------
unexport $(filter ANSIBLE_% DSM_% FORTANIX_% AZURE_% ARM_% PYTEST_%,$(.VARIABLES))
# For pip, in whatever starts it: a package index that does not answer may do so a few minutes later.
export PIP_RETRIES ?= 10
# Without compiled files, each process that runs tests spends 12 s more on reading them.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS VIRTUAL_ENV CDPATH
export MYPY_CACHE_DIR := $(CURDIR)/.build/cache/mypy
export RUFF_CACHE_DIR := $(CURDIR)/.build/cache/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.build/cache/hypothesis
export ANSIBLE_CONFIG := $(CURDIR)/tests/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build/collections
export ANSIBLE_HOME := $(CURDIR)/.build/ansible
export ANSIBLE_LOCAL_TEMP := $(CURDIR)/.build/ansible/tmp
export ANSIBLE_REMOTE_TEMP := $(CURDIR)/.build/ansible/tmp

# --- The environment: one folder, two stamps whose names carry the content of the requirement files -------------------
venv_key := $(shell printf '%s' '$(CURDIR)' | cksum | cut -d ' ' -f 1)
sandbox_key := $(shell cat requirements.txt requirements-sandbox.txt constraints.txt | cksum | cut -d ' ' -f 1)
dev_key := $(shell cat requirements.txt requirements-sandbox.txt requirements-dev.txt constraints.txt | cksum | cut -d ' ' -f 1)
venv_stamp := .venv/made-$(venv_key)
sandbox_stamp := .venv/sandbox-$(sandbox_key)
dev_stamp := .venv/dev-$(dev_key)
link := .build/collections/ansible_collections/fortanix/dsm

pip_install := .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --constraint constraints.txt

.PHONY: help demo demo-rotation demo-compliance test test-all test-browser test-cores explore explore-mutations
.PHONY: molecule lint dist bench bench-compliance sandbox clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name words; do printf '%-22s %s\n' "$$name" "$$words"; done

demo: $(sandbox_stamp) $(link) ## see it run: from an empty subscription to synced keys and back, rights repaired, all simulated
	@env PYTHONPATH=tests .venv/bin/python demo/run.py $(DEMO_ARGS)

demo-rotation: $(sandbox_stamp) $(link) ## see a credential renewed while groups are in use, without one failed request
	@env PYTHONPATH=tests .venv/bin/python demo/rotation.py

demo-compliance: $(sandbox_stamp) $(link) ## see groups checked for an audit: every deviation found, none invented, reports in .build
	@env PYTHONPATH=tests .venv/bin/python demo/compliance.py

test: $(dev_stamp) $(link) ## run the tests, without the longest ones (PYTEST_ARGS='-k name' for some of them)
	@.venv/bin/python -m pytest -m 'not long' $(PYTEST_ARGS)

test-all: $(dev_stamp) $(link) ## run all tests (PYTEST_ARGS='-m long' for those that `make test` leaves out)
	@.venv/bin/python -m pytest $(PYTEST_ARGS)

explore: $(dev_stamp) $(link) ## let operations meet: interleaved, killed, with lagging reads (EXPLORE_ARGS='--help')
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m explore $(EXPLORE_ARGS)

explore-mutations: $(dev_stamp) $(link) ## take back each fix that the explorer is to guard, and see it caught
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m explore.mutations $(EXPLORE_ARGS)

test-browser: $(dev_stamp) $(link) ## run the tests of the compliance page (needs chromium and chromium-driver)
	@.venv/bin/python -m pytest --numprocesses=0 tests/browser $(PYTEST_ARGS)

test-cores: $(venv_stamp) $(link) ## run the playbook tests with the oldest and newest ansible-core (CORES_ARGS='2.18' for another)
	@env PYTHONPATH=tests .venv/bin/python -m cores.run $(CORES_ARGS)

molecule: $(dev_stamp) $(link) ## run the Molecule scenarios (MOLECULE_ARGS='default' for one of them)
	@.venv/bin/python extensions/molecule/run.py $(MOLECULE_ARGS)

lint: $(dev_stamp) $(link) ## run all linters (LINT_ARGS='ruff mypy' for some of them)
	@env PYTHONPATH=tests .venv/bin/python tests/lint/run.py $(LINT_ARGS)

dist: $(dev_stamp) $(link) ## build the archive to publish (REPOSITORY=https://... is its public address; COLLECTION=acme.byok renames it)
	@env PYTHONPATH=tests .venv/bin/python -m distribution.artifact --repository '$(REPOSITORY)' --name '$(COLLECTION)'

bench: $(dev_stamp) $(link) ## measure CPU time and requests of tasks and set-ups (BENCH_ARGS='--parts tasks', '--show FILE')
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m benchmarks.run $(BENCH_ARGS)

bench-compliance: $(dev_stamp) $(link) ## measure what a compliance run of many groups costs (BENCH_ARGS='--groups 1000')
	@env PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH=tests:.build/collections .venv/bin/python -m benchmarks.compliance $(BENCH_ARGS)

sandbox: $(sandbox_stamp) $(link) ## start simulated DSM and Azure and keep them up (SANDBOX_ARGS='--help')
	@exec env PYTHONPATH=tests .venv/bin/python -m sandbox $(SANDBOX_ARGS)

clean: ## remove everything that make has made
	rm -rf .build .venv

# A new environment when there is none, or when this folder has moved (scripts in it hold its path).
$(venv_stamp):
	@python=$$(sh tests/lint/find-python.sh '$(PYTHON)') && \
	echo "Making .venv with $$("$$python" --version)" && \
	"$$python" -m venv --clear .venv && touch $@

$(sandbox_stamp): | $(venv_stamp)
	@echo 'Installing Ansible and the sandbox into .venv (once) ...'
	@$(pip_install) --requirement requirements-sandbox.txt
	@rm -f .venv/sandbox-* && touch $@

$(dev_stamp): | $(sandbox_stamp)
	@echo 'Installing the test tools and linters into .venv (once) ...'
	@$(pip_install) --requirement requirements-dev.txt
	@rm -f .venv/dev-* && touch $@

# Ansible finds this checkout under its collection name through a link.
$(link):
	@mkdir -p $(dir $@) && ln -s ../../../.. $@
