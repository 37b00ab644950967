# Every target sets up what it needs. VENV=DIR names another folder for the environment; MXNET=cu112
# takes MXNet's CUDA build (and is remembered), MXNET=cpu goes back; SOURCE= and OUT= belong to demo,
# COUNT= to fuzz; SOURCE=, WEIGHTS=, TREE=, WORK= and ONLY= to results; most of them to zoo.
VENV ?= .venv
OUT ?= demo
COUNT ?= 10000
MXNET ?= $(if $(wildcard $(VENV)/.installed-cu112),cu112,cpu)
PYTHON = $(VENV)/bin/python
INSTALLED = $(VENV)/.installed-$(MXNET)
EXTRA = $(if $(filter cu112,$(MXNET)),cu112,mxnet)
OTHER_BUILD = $(if $(filter cu112,$(MXNET)),mxnet,mxnet-cu112)
PIP = -m pip install -q --disable-pip-version-check
comma = ,

# Two more environments that `make test` runs the tests in, of the newest Python that serves:
# newer has the last NumPy that MXNet works with and FAISS 1.15; core has no MXNet and NumPy 2.
NEWER = $(VENV)-newer
CORE = $(VENV)-core
# one more for the documentation, whose tools read the sources without importing them
DOCS = $(VENV)-docs

SYSTEM_LIBRARIES = libgomp.so.1 libquadmath.so.0
APT = apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq

# $(call make_venv,FOLDER,PYTHONS...): a virtual environment of the first Python that there is.
# Python 3.10 is the oldest; MXNet's wheels and the NumPy that it needs go up to 3.12.
define make_venv
@for python in $(2); do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue; \
  echo "using $$($$python --version), environment in $(1)"; \
  if ! $$python -c 'import ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    $(APT) $$python-venv || exit 1; fi; \
  $$python -m venv $(1) && exit 0; \
  echo "python -m venv failed; install it: sudo apt-get install $$python-venv"; exit 1; \
done; \
echo "none of $(2) was found; get one: sudo apt-get install python3.11-venv,"; \
echo "or from https://www.python.org/downloads/"; exit 1
endef

.PHONY: install demo test test-default test-newer test-core docs fuzz lint bench bench-peers results zoo zoo-check clean

install: $(INSTALLED)

$(INSTALLED): setup.py constraints.txt
	@for library in $(SYSTEM_LIBRARIES); do \
	  PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q $$library && continue; \
	  echo "$$library is missing (MXNet needs it)"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) libgomp1 libquadmath0 || exit 1; \
	  else echo "install it: sudo apt-get install libgomp1 libquadmath0"; exit 1; fi; \
	done
	$(call make_venv,$(VENV),python3.11 python3.10 python3.12)
	@if $(PYTHON) -m pip show -q $(OTHER_BUILD) 2>/dev/null; then \
	  $(PYTHON) -m pip uninstall -q -y mxnet mxnet-cu112; fi
	$(PYTHON) $(PIP) \
	  $$($(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")') \
	  -e '.[dev$(comma)$(EXTRA)]'
	@rm -f $(VENV)/.installed-* && touch $@

$(NEWER)/.installed: setup.py constraints-newer.txt | $(INSTALLED)
	$(call make_venv,$(NEWER),python3.12 python3.11 python3.10)
	$(NEWER)/bin/python $(PIP) -c constraints-newer.txt -e '.[mxnet$(comma)test$(comma)milvus$(comma)serve]'
	@touch $@

$(CORE)/.installed: setup.py constraints-core.txt | $(NEWER)/.installed
	$(call make_venv,$(CORE),python3.14 python3.13 python3.12 python3.11 python3.10)
	$(CORE)/bin/python $(PIP) -c constraints-core.txt -e '.[test$(comma)serve]'
	@touch $@

$(DOCS)/.installed: constraints-docs.txt
	$(call make_venv,$(DOCS),python3.11 python3.12 python3.13 python3.14 python3.10)
	$(DOCS)/bin/python $(PIP) --no-deps -r constraints-docs.txt
	@touch $@

demo: install
	$(PYTHON) tools/demo.py --out $(OUT) $(if $(SOURCE),--source $(SOURCE))

# Two at a time, a processor each; what one prints is shown when it ends.
test: lint
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory -j2 -Otarget test-default test-newer test-core docs

test-default: install
	$(PYTHON) -m pytest

test-newer: $(NEWER)/.installed
	$(NEWER)/bin/python -m pytest -m 'not slow and not once'

test-core: $(CORE)/.installed
	$(CORE)/bin/python -m pytest --doctest-ignore-import-errors

# The site in build/site: strict, every link looked at, nothing in it from elsewhere.
docs: $(DOCS)/.installed
	$(DOCS)/bin/python tools/site_pages.py build/pages
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict
	$(DOCS)/bin/python tools/site_check.py build/site

# So many damaged files of each kind; tests/fuzz/harness.py says what may come of one.
fuzz: install
	OMP_NUM_THREADS=1 $(PYTHON) tests/fuzz/harness.py --count $(COUNT)

lint: install
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Rows that were measured at this commit are kept in docs/performance.json, so that an interrupted bench
# goes on; docs/performance.md has its tables from there. ROWS= groups, with commas; AGAIN=1 measures
# them again; LARGE=1 adds ten million codes; ARCHIVE= CIFAR-100's, to prepare it. QUICK=1: every row at
# a small size, to see that it runs; nothing is kept.
bench: install
	$(PYTHON) tools/bench.py $(if $(ROWS),--rows $(ROWS)) $(if $(LARGE),--large) $(if $(ARCHIVE),--archive $(ARCHIVE)) \
	  $(if $(QUICK),--quick,--json docs/performance.json --page $(if $(AGAIN),--again))

# The rivals, an environment each in .venv-peers: NAMES= some of them. Without one, its rows have none.
bench-peers: install
	$(PYTHON) tools/bench_peers.py $(NAMES)

# Every table of docs/results.md from nothing: many hours. What is there is kept, what was interrupted
# goes on. SOURCE= the archive of CIFAR-100, WEIGHTS= the backbone's (default: downloads);
# TREE= the folder of a deeper tree; WORK= where to (default: results/); ONLY= names of tables,
# separated by commas.
results: install
	$(PYTHON) tools/results.py $(if $(SOURCE),--source $(SOURCE)) $(if $(WEIGHTS),--weights $(WEIGHTS)) \
	  $(if $(TREE),--tree $(TREE)) $(if $(WORK),--work $(WORK)) $(if $(ONLY),--only $(ONLY))

# Every network of the zoo from nothing (docs/zoo.md): ONLY= names of networks; SOURCE=, WEIGHTS= and
# WORK= as above; PUBLISH=1 puts those that come along into zoo/.
zoo: install
	$(PYTHON) tools/zoo_make.py $(if $(SOURCE),--source $(SOURCE)) $(if $(WEIGHTS),--weights $(WEIGHTS)) \
	  $(if $(WORK),--work $(WORK)) $(if $(ONLY),--only $(ONLY)) $(if $(PUBLISH),--publish)

# Files against their SHA-256, codes of built-in images against those recorded, in each environment.
zoo-check: install $(CORE)/.installed
	@for python in $(PYTHON) $(NEWER)/bin/python $(CORE)/bin/python; do \
	  echo $$python; $$python -m gluon_hash zoo --check || exit 1; done

# What the other targets made in passing; the environments and what commands wrote stay.
clean:
	rm -rf build *.egg-info .pytest_cache .ruff_cache .mypy_cache
