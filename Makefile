# make demo    see the collection at work on simulated hosts (sets up everything it needs in .venvs)
# make test    unit, lab, model, conformance and integration tests on this python: each law, refusal and workflow
# make test-all  the same, with every row and on both engines (the tests that are marked all_only)
# make lint    ruff, mypy strict, ansible-lint (production), changelog fragments
# make sanity  ansible-test sanity on this python's ansible-core      make checks  both of them, side by side
# make matrix  test and sanity on all four pairs
# make sweep   the fault sweep: every remote call of the workflows cut, before and after its effect
#              (SWEEP=--all: of those too that the gate has no time for; SWEEP=--hands: two hands at once)
# make bench   requests, bytes, seconds and memory for 1, 100 and 1,000 VMs, beside bare pypsrp; failovers of 1, 10 and 50
#
# PYTHON chooses the interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# The pairs of python and ansible-core that the collection is tested on.
CORE_3.10 := 2.16
CORE_3.11 := 2.18
CORE_3.12 := 2.20
CORE_3.13 := 2.21
CORE := $(or $(CORE_$(VERSION)),$(error python $(VERSION) is not one of the tested ones: 3.10, 3.11, 3.12, 3.13; choose one with PYTHON=python3.11))

VENV := .venvs/python$(VERSION)
BIN := $(VENV)/bin
RUN := env -u PYTHONPATH PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/collections"
LINK := .build/collections/ansible_collections/hyperv/replica

.PHONY: demo test test-all unit integration conformance lint sanity checks matrix sweep bench clean venv
.DELETE_ON_ERROR:

venv: $(VENV)/.runtime

$(VENV)/.runtime: tests/requirements/runtime.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check "ansible-core~=$(CORE).0" -r tests/requirements/runtime.txt
	touch $@

$(VENV)/.test: $(VENV)/.runtime tests/requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check "ansible-core~=$(CORE).0" -r tests/requirements/test.txt
	touch $@

$(VENV)/.lint: $(VENV)/.test tests/requirements/lint.txt
	$(BIN)/pip install --quiet --disable-pip-version-check "ansible-core~=$(CORE).0" -r tests/requirements/lint.txt
	touch $@

$(LINK):
	mkdir -p $(@D)
	ln -sfn "$(CURDIR)" $@

demo: $(VENV)/.runtime $(LINK)
	@$(RUN) $(BIN)/python -m tests.demo

# As many side by side as there are cores. Files that keep something from one test to the next stay together, and the
# searches of the model begin first, for they take longest.
TOGETHER := -n auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m pytest -n auto $(PYTEST_ARGS) tests/integration
	$(RUN) $(BIN)/python -m pytest $(TOGETHER) $(PYTEST_ARGS) tests/model tests/conformance tests/unit

test-all: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m pytest -n auto --all $(PYTEST_ARGS) tests/integration
	$(RUN) $(BIN)/python -m pytest $(TOGETHER) --all $(PYTEST_ARGS) tests/model tests/conformance tests/unit

unit: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m pytest $(TOGETHER) $(PYTEST_ARGS) tests/model tests/unit

conformance: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m pytest -rs $(PYTEST_ARGS) tests/conformance

integration: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m pytest -n auto $(PYTEST_ARGS) tests/integration

sweep: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m tests.sweep $(SWEEP)

bench: $(VENV)/.test $(LINK)
	$(RUN) $(BIN)/python -m tests.bench
	$(RUN) $(BIN)/python -m tests.bench --failover

lint: $(VENV)/.lint $(LINK)
	$(RUN) $(BIN)/ruff check plugins tests
	$(RUN) $(BIN)/ruff format --check plugins tests
	cd $(dir $(LINK))/../.. && $(CURDIR)/$(BIN)/mypy --config-file "$(CURDIR)/pyproject.toml" \
	  $(addprefix ansible_collections/hyperv/replica/,plugins/plugin_utils plugins/filter plugins/action tests/lab)
	$(RUN) tests/lint.sh

# Both side by side: each keeps one core busy. What they are installed from is there before.
checks: $(VENV)/.lint $(LINK)
	$(MAKE) -j2 --output-sync=target lint sanity

sanity: $(VENV)/.test
	$(RUN) tests/sanity.sh $(VERSION)

# With pyenv, all of its versions are put in reach: its shims answer only for the chosen ones.
matrix:
	if command -v pyenv >/dev/null; then export PYENV_VERSION=$$(pyenv versions --bare | paste -sd:); fi; \
	for version in 3.10 3.11 3.12 3.13; do \
	  $(MAKE) test sanity PYTHON=$$(python$$version -c 'import sys; print(sys.executable)') || exit 1; \
	done

clean:
	rm -rf .venvs .build .cache .pytest_cache .mypy_cache .ruff_cache
