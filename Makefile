# `make help` says what there is. Everything runs in .venv, made on first use with $(PYTHON).

PYTHON ?= python3
PORT ?= 8000
PIP_FLAGS ?=
# How many processes work at once: one a core, and no more than four. (nproc minds OMP_NUM_THREADS.)
JOBS ?= $(shell n=$$(env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
  echo $$((n > 4 ? 4 : n)))
# One thread per process: the tensors are small, and more threads only wait for each other.
export OMP_NUM_THREADS := 1
export PYTHONUTF8 := 1

RUN := .venv/bin/python
READY := .venv/.planrl-ready
PIP := -m pip install --disable-pip-version-check $(PIP_FLAGS)
# A test file stays in one process, so that what its tests share is made once.
PYTEST := $(RUN) -m pytest -q -n $(JOBS) --dist loadfile
TIMES := _build/.stage-times

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup book serve pdf notebooks version check lint types unit slow test coverage pages screenshots picture
.PHONY: colab hosts colab-env notebook-env ci soak hashes audit peers bench clean

help: ## What there is
	@echo "planrl: make <target>"
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@echo; echo "Settings, as in: make book PYTHON=python3.12"
	@printf '  %-18s %s\n' \
	  'PYTHON=$(PYTHON)' 'the Python that .venv is made with, 3.11 to 3.13' \
	  'PIP_FLAGS="$(PIP_FLAGS)"' 'what pip is told besides, such as --extra-index-url ...' \
	  'JOBS=$(JOBS)' 'how many processes work at once' \
	  'PORT=$(PORT)' 'where serve shows the book' \
	  'FULL=1' 'colab: with the PyTorch that Colab has, too (3 GB)' \
	  'KEEP=1' 'bench: for the table in the book, too'

##@ Read

$(RUN):
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "There is no $(PYTHON). Install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12 book"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "planrl needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)."; \
	  echo "Name another one: make PYTHON=python3.12 book"; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; \
	  echo "The venv module is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
# First all whose hashes .ci/hashes.txt has, then PyTorch, whose files differ by platform and index.
$(READY): $(RUN) requirements.txt .ci/hashes.txt pyproject.toml
	@$(RUN) .ci/installed.py || "$(PYTHON)" -m venv --clear .venv
	$(RUN) -m pip install --disable-pip-version-check $(PIP_FLAGS) \
	  --no-deps --only-binary :all: --require-hashes -r .ci/hashes.txt
	$(RUN) $(PIP) -r requirements.txt
	$(RUN) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY) ## Make .venv and install the pinned packages

book: setup ## Execute the chapters and build the book
	@$(RUN) book/_ext/build.py

serve: ## Show the built book on this machine only
	@test -f _build/html/index.html || { echo "There is no book yet: make book"; exit 1; }
	@echo "The book is at http://127.0.0.1:$(PORT)/ (Ctrl-C ends it)"
	@$(RUN) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pdf: book ## Print the whole book to _build/planrl.pdf (needs Chromium)
	@$(RUN) book/_ext/paper.py

clean: ## Remove what was built; .venv stays
	rm -rf _build build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find planrl book tests -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Write

notebooks: setup ## Write book/NN_*.ipynb from book/NN_*.py
	@$(RUN) book/_ext/pairs.py write

check: ## What to run before a commit: lint, types, fast tests (two minutes on two cores)
	@rm -f $(TIMES)
	@$(call timed,lint and types,-j $(JOBS) lint types)
	@$(call timed,unit)
	@$(call summary)

lint: setup ## Formatting, style, spelling
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m codespell_lib

types: setup ## Strict types
	@$(RUN) -m mypy

unit: setup ## The fast tests
	@$(PYTEST) -m "not slow and not book"

version: setup ## Cut the changelog and write the version everywhere (VERSION=0.2.0)
	@$(RUN) .ci/version.py $(VERSION)
	@$(RUN) book/_ext/pairs.py write

##@ Test

test: ## What a change may break: check, the tests but for the 5 longest, the book, its pages
	@rm -f $(TIMES)
	@$(call timed,setup)
	@$(call timed,lint and types,-j $(JOBS) lint types)
	@$(call timed,unit)
	@$(call timed,book)
	@$(call timed,slow,slow SHORT=1)
	@$(call timed,pages,pages BOOK_BUILT=1)
	@$(call summary)

# These share little, so each goes to whichever process is free. SHORT=1 leaves the longest to make ci.
slow: setup ## The long tests of the library: trainings, sweeps, installing, chapters run again
	@$(RUN) -m pytest -q -n $(JOBS) --dist loadgroup --durations=20 -m "slow and not book$(if $(SHORT), and not longest)"

# Counting lines doubles the time of a test, and the long ones reach hardly any that others don't.
coverage: setup ## The fast tests, which must reach 90 % of the library's lines
	@$(PYTEST) --durations=20 -m "not slow and not book" --cov=planrl --cov-report=term --cov-fail-under=90

pages: $(if $(BOOK_BUILT),setup,book) ## The built pages, in Chromium (and labs in Firefox, where there is one)
	@$(RUN) -m pytest -q -n $(JOBS) --dist loadgroup --durations=20 -m book tests/book

screenshots: book ## Pictures of every page in two widths and two themes, to look at (PAGES="05_collapse")
	@$(RUN) tests/book/screenshots.py $(PAGES)

picture: book ## Draw the picture that README opens with (needs Chromium)
	@$(RUN) book/_ext/paper.py picture

# Environments with other versions, behind whose packages those of .venv are found, torch among them.
HOSTS := _build/hosts
$(HOSTS)/%/.ready: .ci/%-constraints.txt $(READY)
	rm -rf $(@D) && $(RUN) -m venv $(@D)
	$(@D)/bin/python $(PIP) -q -c $< \
	  notebook ipywidgets anywidget plotly ipykernel ipython networkx numpy tqdm typing_extensions $(NEXT_TO_TORCH)
	$(RUN) -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$($(@D)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/planrl.pth"
	@touch $@ # not before all is there: an install that was cut short begins anew
NEXT_TO_TORCH :=
$(HOSTS)/colab/.ready: NEXT_TO_TORCH := fsspec sympy # at the versions that Colab has
colab-env: $(HOSTS)/colab/.ready
notebook-env: $(HOSTS)/notebook/.ready

# FULL=1: an environment in which nothing of ours is found, on Colab's Python where there is one.
ifdef FULL
COLAB := .venv-colab
else
COLAB := $(HOSTS)/colab
endif
COLAB_PINS ?= .ci/colab-constraints.txt
COLAB_PYTHON ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13 "$(PYTHON)"; do \
  "$$p" -c "" 2>/dev/null && { echo "$$p"; break; }; done)
COLAB_HAS := torch numpy networkx plotly ipywidgets anywidget ipykernel ipython notebook joblib safetensors tqdm
.venv-colab/.ready: $(COLAB_PINS)
	@rm -rf .venv-colab
	"$(COLAB_PYTHON)" -m venv .venv-colab
	.venv-colab/bin/python $(PIP) -q -c $< $(COLAB_HAS)
	@touch $@

# Each chapter's own first cell would install planrl here, in Colab.
colab: setup $(COLAB)/.ready ## Every chapter with the versions that Colab has, but for PyTorch
ifdef FULL
	@$(COLAB)/bin/python .ci/installed.py
	@$(COLAB)/bin/python $(PIP) -q -c $(COLAB_PINS) $(COLAB_HAS)
endif
	@rm -rf $(COLAB)/wheel && $(RUN) -m pip wheel -q --no-deps --no-build-isolation -w $(COLAB)/wheel . && rm -rf build
	@$(COLAB)/bin/python $(PIP) -q --no-deps --force-reinstall $(COLAB)/wheel/*.whl
	@$(RUN) book/_ext/chapters.py run --python $(COLAB)/bin/python --jobs $(JOBS) --report _build/chapters.json

hosts: colab-env notebook-env ## Labs in real notebooks, of today and with Colab's versions, in Chromium
	@PLANRL_HOSTS=1 $(RUN) -m pytest -q -m book tests/book/test_notebooks.py

ci: ## What continuous integration runs: all tests, colab and hosts
	@rm -f $(TIMES)
	@$(call timed,setup)
	@$(call timed,lint and types,-j $(JOBS) types lint colab-env notebook-env)
	@$(call timed,book)
	@$(call timed,coverage)
	@$(call timed,slow)
	@$(call timed,colab)
	@$(call timed,pages,pages BOOK_BUILT=1)
	@$(call timed,hosts)
	@$(call summary)

soak: book ## Attacks on what book/security.md promises, many times over, and colab FULL=1 (an hour or more)
	@$(MAKE) --no-print-directory colab FULL=1
	@PLANRL_SOAK=1 $(RUN) -m pytest -q tests/trust tests/experiments/test_reproduce.py
	@PLANRL_SOAK=1 $(RUN) -m pytest -q -m book tests/book/test_labs_running.py -k under_stress

##@ Measure and maintain

bench: setup ## Ratios against peers, shares of the limit
	@$(RUN) tests/benchmarks $(if $(KEEP),--keep)

peers: setup ## Install what bench compares with
	@rm $(READY) # until this has ended, too
	$(RUN) $(PIP) -c requirements.txt --no-build-isolation -e ".[bench]"
	$(RUN) -m pip check
	@touch $(READY)

hashes: setup ## Write .ci/hashes.txt from requirements.txt
	@$(RUN) .ci/pins.py write

audit: setup ## Ask whether pinned releases are withdrawn, changed or known to be weak (no part of test)
	@$(RUN) .ci/pins.py check
	@$(RUN) .ci/pins.py advisories

# Run one target, or the words of make that are given second, and keep how long it took.
define timed
echo "== $(1)"; began=$$(date +%s); \
  $(MAKE) --no-print-directory $(or $(2),$(1)) || { echo "== $(1) failed"; exit 1; }; \
  mkdir -p _build; printf '  %-14s %4d s\n' "$(1)" $$(( $$(date +%s) - began )) >> $(TIMES)
endef
define summary
echo "== all passed"; cat $(TIMES); awk '{ all += $$(NF - 1) } END { printf "  %-14s %4d s\n", "together", all }' $(TIMES)
endef
