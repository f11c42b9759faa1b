# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Only python3, GNU make and a POSIX shell are required. The tools are installed in .venv, all other output is in .build.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# --- Settings that a caller can change: make test PYTEST_ARGS='-k vault -x' -------------------------------------------
PYTHON ?= python3
PYTEST_ARGS ?=
SANDBOX_ARGS ?=
WHAT ?=
DEMO_ARGS ?=
LINT_ARGS ?=
MOLECULE_ARGS ?=
CORES_ARGS ?=
BENCH_ARGS ?=
EXPLORE_ARGS ?=
SWEEP_ARGS ?=
# For make test-terraform: the executable of the provider.
PROVIDER ?=
# For make dist: the public address of the repository, and the name of the collection.
REPOSITORY ?=
COLLECTION ?= fortanix.dsm

# --- The tools do not inherit these variables of the caller -----------------------------------------------------------
unexport $(filter ANSIBLE_% DSM_% FORTANIX_% AZURE_% ARM_% PYTEST_%,$(.VARIABLES))
# For every pip process: a package index that does not respond may respond a few minutes later.
export PIP_RETRIES ?= 10
# Without compiled files, each test process takes 12 s longer to start.
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

# Without --no-compile, installing takes almost twice as long; Python compiles what it imports, once.
pip_install := .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile --constraint constraints.txt

.PHONY: help demo demo-rotation demo-compliance test test-all test-browser test-clients test-cores test-terraform explore explore-mutations
.PHONY: sweep molecule lint dist bench bench-compliance sandbox sandbox-break clean

help: ## show this list of commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name words; do printf '%-22s %s\n' "$$name" "$$words"; done

demo: $(sandbox_stamp) $(link) ## run the demo: set up and remove a group, repair permissions, all simulated
	@env PYTHONPATH=tests .venv/bin/python demo/run.py $(DEMO_ARGS)

demo-rotation: $(sandbox_stamp) $(link) ## renew a credential while groups are in use, without a failed request
	@env PYTHONPATH=tests .venv/bin/python demo/rotation.py

demo-compliance: $(sandbox_stamp) $(link) ## check groups for an audit: find all deviations, write reports to .build
	@env PYTHONPATH=tests .venv/bin/python demo/compliance.py

test: $(dev_stamp) $(link) ## run the tests except the longest ones (PYTEST_ARGS='-k name' selects tests)
	@.venv/bin/python -m pytest -m 'not long' $(PYTEST_ARGS)

test-all: $(dev_stamp) $(link) ## run all tests (PYTEST_ARGS='-m long' for only the longest ones)
	@.venv/bin/python -m pytest $(PYTEST_ARGS)

explore: $(dev_stamp) $(link) ## test concurrent, interrupted and delayed operations (EXPLORE_ARGS='--help')
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m explore $(EXPLORE_ARGS)

explore-mutations: $(dev_stamp) $(link) ## check that the explorer detects the revert of each fix that it guards
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m explore.mutations $(EXPLORE_ARGS)

sweep: $(dev_stamp) $(link) ## disturb each operation at each request in each way, and run it again (SWEEP_ARGS='--help')
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m sweep $(SWEEP_ARGS)

test-browser: $(dev_stamp) $(link) ## run the tests of the compliance page (needs chromium and chromium-driver)
	@.venv/bin/python -m pytest --numprocesses=0 tests/browser $(PYTEST_ARGS)

test-terraform: $(dev_stamp) $(link) ## run docs/migration.md with Fortanix's Terraform provider (PROVIDER=path/of/terraform-provider-dsm)
	@env TERRAFORM_PROVIDER_DSM='$(abspath $(PROVIDER))' .venv/bin/python -m pytest --numprocesses=0 tests/terraform $(PYTEST_ARGS)

test-clients: $(dev_stamp) $(link) ## run Azure CLI and azure_rm_keyvault with the sandbox (installs 2.6 GB below .build, once)
	@.venv/bin/python -m pytest --numprocesses=0 tests/azure_clients $(PYTEST_ARGS)

test-cores: $(venv_stamp) $(link) ## run the playbook tests with the oldest and newest ansible-core (CORES_ARGS='2.18' selects one)
	@env PYTHONPATH=tests .venv/bin/python -m cores.run $(CORES_ARGS)

molecule: $(dev_stamp) $(link) ## run the Molecule scenarios (MOLECULE_ARGS='default' selects one)
	@.venv/bin/python extensions/molecule/run.py $(MOLECULE_ARGS)

lint: $(dev_stamp) $(link) ## run all linters (LINT_ARGS='ruff mypy' selects some)
	@env PYTHONPATH=tests .venv/bin/python tests/lint/run.py $(LINT_ARGS)

dist: $(dev_stamp) $(link) ## build the archive to publish (REPOSITORY=https://... is its public address; COLLECTION=acme.byok renames it)
	@env PYTHONPATH=tests .venv/bin/python -m distribution.artifact --repository '$(REPOSITORY)' --name '$(COLLECTION)'

bench: $(dev_stamp) $(link) ## measure CPU time and requests of tasks and setups (BENCH_ARGS='--parts tasks', '--show FILE')
	@env PYTHONPATH=tests:.build/collections .venv/bin/python -m benchmarks.run $(BENCH_ARGS)

bench-compliance: $(dev_stamp) $(link) ## measure a compliance run of many groups (BENCH_ARGS='--groups 1000')
	@env PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH=tests:.build/collections .venv/bin/python -m benchmarks.compliance $(BENCH_ARGS)

sandbox: $(sandbox_stamp) $(link) ## start the simulated DSM and Azure until you stop them (SANDBOX_ARGS='--help')
	@exec env PYTHONPATH=tests .venv/bin/python -m sandbox --directory .build/sandbox $(SANDBOX_ARGS)

sandbox-break: $(sandbox_stamp) ## break the running sandbox on purpose (WHAT=firewall; without WHAT: list; WHAT=restore: undo)
	@env PYTHONPATH=tests .venv/bin/python -m sandbox.rehearsal --directory .build/sandbox $(WHAT)

clean: ## remove .build and .venv
	rm -rf .build .venv

# Creates the environment if it does not exist or if this folder was moved (scripts contain its path).
$(venv_stamp):
	@python=$$(sh tests/lint/find-python.sh '$(PYTHON)') && \
	echo "Creating .venv with $$("$$python" --version)" && \
	"$$python" -m venv --clear .venv && touch $@

$(sandbox_stamp): | $(venv_stamp)
	@echo 'Installing Ansible and the sandbox into .venv (once) ...'
	@$(pip_install) --requirement requirements-sandbox.txt
	@rm -f .venv/sandbox-* && touch $@

$(dev_stamp): | $(sandbox_stamp)
	@echo 'Installing the test tools and linters into .venv (once) ...'
	@$(pip_install) --requirement requirements-dev.txt
	@rm -f .venv/dev-* && touch $@

# Ansible finds this checkout under the name of the collection through this link.
$(link):
	@mkdir -p $(dir $@) && ln -s ../../../.. $@
