# The one list of commands; CONTRIBUTING and CI use the same.
# make demo    run the quickstart on the local service, in the terminal      make check   ruff and mypy
# make test    the whole test suite                                           make bench   measurements
# make lab     JupyterLab on the example notebooks                            make clean   remove what was built
# make test-matrix   the kernel tests on what Colab, Databricks, Kaggle and SageMaker have, and on older ipykernels
# make test-pyodide  the import in the Python of browsers, under Node         make screens pictures of the card
# make soak    many rounds of faults and crashes, drawn to build/soak.png    make docs   the site, in build/docs
# make attack  hostile input in bounded, seeded loops; counts to build/attack.json
# make dist    sdist and wheel, checked and tried   make test-live   the quickstart path on Google Cloud
# make flaky   the test suite five times on a busy machine
# make test-front-ends   each notebook front end in an environment of its own   make test-firefox   browser tests in Firefox
# make test-pythons   the tests on each Python from 3.11 to 3.14 that is installed
# make test-lowest, make test-newest   the tests on the oldest versions that pyproject.toml admits, on pre-releases
# make test-google   operations that 26 of Google's client libraries start
# make test-clients  FHIR, DICOM and storage clients of others on the local service
# make notebooks     run the notebooks and store their outputs                make test-binder   Binder, without docker
# make test-platforms   what Windows and macOS do otherwise, simulated
# make figures   measure, and write the figures of README and docs; ARGS="--run polling frames" some of them

VENV ?= .venv
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN = $(VENV)/bin
# How many tests run at once: most wait for a kernel, a browser or a service, so more than there are cores.
JOBS ?= 4
# What other programs take of the machine while `make flaky` runs.
LOAD ?= 8
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Keep what is compiled, whatever the environment says: the tests start hundreds of processes that import it.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo lab notebooks test flaky test-binder test-matrix test-front-ends test-firefox test-pyodide test-pythons test-lowest test-newest test-google test-clients test-platforms test-live soak attack check docs bench figures screens browser firefox dist clean

demo: $(VENV)/.demo
	$(BIN)/python scripts/run_notebook.py notebooks/01_quickstart.ipynb --html build/quickstart.html --state build/demo

lab: $(VENV)/.demo
	$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: $(VENV)/.demo
	set -e; for notebook in notebooks/*.ipynb; do \
	$(BIN)/python scripts/run_notebook.py $$notebook --save; done

test: $(VENV)/.test browser
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(ARGS)

# Five runs in a row on a machine that is busy with other things; says what failed, and how often.
flaky: $(VENV)/.test browser
	$(BIN)/python scripts/flaky.py --jobs $(JOBS) --load $(LOAD) -- $(ARGS)

test-binder: $(VENV)/.test
	PYTHONPATH=tests:. $(BIN)/python scripts/binder.py

test-matrix: $(VENV)/.test
	PYTHONPATH="$(CURDIR)" $(BIN)/python scripts/kernel_matrix.py $(ARGS)

test-pyodide:
	npm install --silent --no-audit --no-fund --prefix build/pyodide pyodide
	node scripts/pyodide.mjs "$(CURDIR)/build/pyodide/node_modules" "$(CURDIR)"

# Each in an environment of its own, in build/front-ends, with pictures; ARGS=--write puts the table into the docs.
test-front-ends: $(VENV)/.environments $(VENV)/.test browser
	PYTHONPATH=tests:. $(BIN)/python scripts/front_ends.py $(ARGS)

# Playwright drives the Firefox of a distribution by WebDriver BiDi; from 1.65 on it asks for more than Firefox 153 has.
FIREFOX = build/environments/firefox
test-firefox: $(VENV)/.environments firefox
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(FIREFOX)
	$(BIN)/uv pip install --quiet --python $(FIREFOX)/bin/python --editable ".[test]" "playwright<1.65"
	LRO_TEST_BROWSER=firefox LRO_REQUIRE_BROWSER=1 $(FIREFOX)/bin/python -m pytest \
	  $(or $(ARGS),tests/browser/test_live.py tests/browser/test_clicks.py)

# In environments of their own, in build/environments; VERSION=3.13 takes one Python, ARGS=tests/http a part of the tests.
test-pythons test-lowest test-newest: $(VENV)/.environments
	$(BIN)/python scripts/environments.py $(@:test-%=%) $(if $(VERSION),--python $(VERSION)) -- -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(ARGS)

# Their operations, on a server of this machine; `make test` has the three libraries that are light.
test-google: $(VENV)/.test-google
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder tests/google $(ARGS)

# A disk with the rules of Windows needs libfuse: Debian's package, where it is missing and may be installed.
test-platforms: $(VENV)/.test-platforms
	@command -v fusermount >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	     && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq fuse3 >/dev/null; } || true
	$(BIN)/python -m pytest tests/test_windows_disk.py tests/test_disk_names.py tests/test_platforms.py $(ARGS)

# A day's work of each, in an environment of its own: what is not installed is skipped by `make test`.
CLIENTS = tests/local/clients tests/local/storage/test_clients.py tests/local/dicom/test_dicomweb_client.py \
	tests/local/test_every_method.py tests/local/test_google_client.py tests/local/test_google_client_stores.py

test-clients:
	$(MAKE) VENV=build/clients build/clients/.test-clients
	build/clients/bin/python -m pytest -n 0 $(CLIENTS) $(ARGS)

test-live: $(VENV)/.test
	@test -n "$$LRO_LIVE_DATASET" && test -n "$$LRO_LIVE_BUCKET" || { printf '%s\n' \
	  "This runs on Google Cloud with application-default credentials, and costs a few cents. Set" \
	  "  LRO_LIVE_DATASET=projects/PROJECT/locations/LOCATION/datasets/DATASET   a dataset that exists" \
	  "  LRO_LIVE_BUCKET=BUCKET   a bucket that you and its service agent may read and write" \
	  "A FHIR store and a folder of random names are made there, and removed at the end." >&2; exit 2; }
	$(BIN)/python -m pytest -m live tests/test_live.py $(ARGS)

soak: $(VENV)/.test
	LRO_SOAK=1 $(BIN)/python -m pytest tests/test_faults.py tests/test_crashes.py --timeout=1800
	PYTHONPATH=tests $(BIN)/python scripts/soak.py

attack: $(VENV)/.test
	PYTHONPATH=tests:benchmarks:. $(BIN)/python scripts/attack.py $(ARGS)

screens: $(VENV)/.test browser
	PYTHONPATH=tests $(BIN)/python scripts/screenshots.py
	PYTHONPATH=tests $(BIN)/python scripts/movie.py

# The browsers of the browser tests: Debian's packages, where they are missing and may be installed.
browser: PROGRAMS = chromium chromium-browser
firefox: PROGRAMS = firefox-esr firefox
browser firefox:
	@for p in $(PROGRAMS); do command -v $$p >/dev/null && exit; done; \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(firstword $(PROGRAMS)) >/dev/null; } \
	|| echo "$(firstword $(PROGRAMS)) is not here and cannot be installed: tests that need it cannot run"

check: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# A broken link, a name that is not there and what scripts/site_checks.py finds fail it. The variable turns off an advertisement of the theme.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.test
	set -e; for script in $(filter-out benchmarks/measured.py,$(wildcard benchmarks/*.py)); do \
	echo "== $$script"; PYTHONPATH=tests $(BIN)/python $$script; done

# Ten minutes on two quiet cores; `scripts/measured_numbers.py` alone writes the pages from the files that are there.
figures: $(VENV)/.test
	PYTHONPATH=tests:notebooks:benchmarks:. $(BIN)/python scripts/measured_numbers.py $(or $(ARGS),--run)

# What is released: built, checked, installed from the sdist into an environment of its own.
dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	PYTHONPATH=benchmarks:. $(BIN)/python scripts/check_dist.py $(ARGS)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage $(VENV)

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.%: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@
