# `make help` says what there is. Everything runs in .venv, made on first use with $(PYTHON).

PYTHON ?= python3
PORT ?= 8000
PIP_FLAGS ?=
# One thread per process: the tensors are small, and more threads only wait for each other.
export OMP_NUM_THREADS := 1
export PYTHONUTF8 := 1

RUN := .venv/bin/python
READY := .venv/.planrl-ready
# Chapters also run with what Colab has: its Python where there is one, else ours.
COLAB := .venv-colab/bin/python
COLAB_PYTHON ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13 "$(PYTHON)"; do \
  "$$p" -c "" 2>/dev/null && { echo "$$p"; break; }; done)
COLAB_HAS := torch numpy networkx plotly ipywidgets anywidget ipykernel ipython notebook joblib safetensors tqdm
TIMES := _build/.stage-times

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup book serve notebooks lint types spelling unit check test coverage pages clean
.PHONY: peers bench pdf colab soak of-library of-book
.PHONY: hosts colab-env notebook-env hashes audit

help: ## What there is
	@echo "planrl: make <target>"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@echo "Settings: PYTHON=$(PYTHON)  PORT=$(PORT)  PIP_FLAGS=\"$(PIP_FLAGS)\""

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
	$(RUN) -m pip install --disable-pip-version-check $(PIP_FLAGS) -r requirements.txt
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

hashes: setup ## Write .ci/hashes.txt from requirements.txt
	@$(RUN) .ci/pins.py write

audit: setup ## Ask whether pinned releases are withdrawn, changed or known to be weak (no part of test)
	@$(RUN) .ci/pins.py check
	@$(RUN) .ci/pins.py advisories

notebooks: setup ## Write book/NN_*.ipynb from book/NN_*.py
	@$(RUN) book/_ext/pairs.py write

lint: setup ## Formatting, style, spelling
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m codespell_lib

types: setup ## Strict types
	@$(RUN) -m mypy

unit: setup ## The fast tests
	@$(RUN) -m pytest -q -m "not slow and not book"

check: ## The quick part: lint, types, fast tests
	@rm -f $(TIMES)
	@$(call timed,lint)
	@$(call timed,types)
	@$(call timed,unit)
	@$(call summary)

coverage: setup ## All tests of the library, which must reach 90 % of its lines
	@$(RUN) -m pytest -q --durations=20 -m "not book" \
	  --cov=planrl --cov-report=term --cov-fail-under=90

# Notebook servers of their own, behind whose packages those of .venv are found, torch among them.
HOSTS := _build/hosts
$(HOSTS)/%/.ready: .ci/%-constraints.txt $(READY)
	rm -rf $(@D) && $(RUN) -m venv $(@D)
	$(@D)/bin/python -m pip install -q --disable-pip-version-check $(PIP_FLAGS) -c $< \
	  notebook ipywidgets anywidget plotly ipykernel ipython networkx numpy tqdm
	$(RUN) -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > "$$($(@D)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/planrl.pth"
	@touch $@
colab-env: $(HOSTS)/colab/.ready
notebook-env: $(HOSTS)/notebook/.ready
hosts: colab-env notebook-env ## Labs in real notebooks, of today and with Colab's versions, in Chromium
	@PLANRL_HOSTS=1 $(RUN) -m pytest -q -m book tests/book/test_notebooks.py

pages: book ## The built pages, in Chromium (and labs in Firefox, where there is one)
	@$(RUN) -m pytest -q --durations=20 -m book tests/book

# The library's tests need no book, so they run beside it; what they say is kept and shown after.
test: ## Everything: lint, types, all tests, the book, its pages
	@rm -f $(TIMES)
	@$(call timed,setup)
	@$(call timed,lint)
	@$(call timed,types)
	@$(MAKE) --no-print-directory -j2 of-library of-book
	@$(call summary)
of-library:
	@mkdir -p _build; echo "== coverage, at the same time: see _build/coverage.log"
	+@( $(call timed,coverage) ) > _build/coverage.log 2>&1 || { cat _build/coverage.log; exit 1; }
	@cat _build/coverage.log
of-book:
	+@$(call timed,book)
	+@$(call timed,pages)

COLAB_READY := .venv-colab/.ready
$(COLAB_READY): .ci/colab-constraints.txt
	@rm -rf .venv-colab
	"$(COLAB_PYTHON)" -m venv .venv-colab
	$(COLAB) -m pip install --disable-pip-version-check $(PIP_FLAGS) -q -c $< $(COLAB_HAS)
	@touch $@ # not before all is there: an install that was cut short begins anew

# Each chapter's own first cell would install planrl here, in Colab.
colab: setup $(COLAB_READY) ## Every chapter with Colab's versions (downloads its PyTorch: 3 GB)
	@$(COLAB) .ci/installed.py
	@$(COLAB) -m pip install --disable-pip-version-check $(PIP_FLAGS) -q -c .ci/colab-constraints.txt $(COLAB_HAS)
	@rm -rf .venv-colab/wheel && $(RUN) -m pip wheel -q --no-deps --no-build-isolation -w .venv-colab/wheel . && rm -rf build
	@$(COLAB) -m pip install --disable-pip-version-check -q --no-deps --force-reinstall .venv-colab/wheel/*.whl
	@$(RUN) book/_ext/chapters.py run --python $(COLAB) --report _build/chapters.json

soak: book ## Attacks on what book/security.md promises, many times over (an hour or more)
	@PLANRL_SOAK=1 $(RUN) -m pytest -q tests/trust
	@PLANRL_SOAK=1 $(RUN) -m pytest -q -m book tests/book/test_labs.py -k under_stress

peers: setup ## Install what bench compares with
	@rm $(READY) # until this has ended, too
	$(RUN) -m pip install --disable-pip-version-check $(PIP_FLAGS) -c requirements.txt \
	  --no-build-isolation -e ".[bench]"
	$(RUN) -m pip check
	@touch $(READY)

bench: setup ## Ratios against peers, shares of the limit (KEEP=1: for the book, too)
	@$(RUN) tests/benchmarks $(if $(KEEP),--keep)

clean: ## Remove what was built; .venv stays
	rm -rf _build build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find planrl book tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Run one target and keep how long it took.
define timed
echo "== $(1)"; began=$$(date +%s); $(MAKE) --no-print-directory $(1) || exit 1; \
  mkdir -p _build; printf '  %-10s %4d s\n' $(1) $$(( $$(date +%s) - began )) >> $(TIMES)
endef
define summary
echo "== all passed"; cat $(TIMES)
endef
