# Every target sets up what it needs. VENV=DIR names another folder for the environment; MXNET=cu112 takes MXNet's CUDA
# build (and is remembered), MXNET=cpu goes back; SOURCE= and OUT= belong to demo.
VENV ?= .venv
OUT ?= demo
MXNET ?= $(if $(wildcard $(VENV)/.installed-cu112),cu112,cpu)
PYTHON = $(VENV)/bin/python
SYSTEM_LIBRARIES = libgomp.so.1 libquadmath.so.0
APT = apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq
INSTALLED = $(VENV)/.installed-$(MXNET)

.PHONY: install demo test lint bench clean

install: $(INSTALLED)

$(INSTALLED): setup.py constraints.txt
	@for library in $(SYSTEM_LIBRARIES); do \
	  PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q $$library && continue; \
	  echo "$$library is missing (MXNet and FAISS need it)"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) libgomp1 libquadmath0 || exit 1; \
	  else echo "install it: sudo apt-get install libgomp1 libquadmath0"; exit 1; fi; \
	done
	@for python in python3.11 python3.10 python3.9 python3.8 python3; do \
	  $$python -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null || continue; \
	  echo "using $$($$python --version), environment in $(VENV)"; \
	  if ! $$python -c 'import ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    $(APT) $$python-venv || exit 1; fi; \
	  $$python -m venv $(VENV) && exit 0; \
	  echo "python -m venv failed; install it: sudo apt-get install $$python-venv"; exit 1; \
	done; \
	echo "Python 3.8 to 3.11 is needed (MXNet 1.9.1 has no newer); get one: sudo apt-get install python3.11-venv,"; \
	echo "or from https://www.python.org/downloads/"; exit 1
	@if $(PYTHON) -m pip show -q mxnet-cu112 2>/dev/null; then $(PYTHON) -m pip uninstall -q -y mxnet mxnet-cu112; fi
	$(PYTHON) -m pip install -q --disable-pip-version-check \
	  $$($(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")') \
	  -e '.[dev$(if $(filter cu112,$(MXNET)),$(comma)cu112)]'
ifeq ($(MXNET),cu112)
	$(PYTHON) -m pip uninstall -q -y mxnet mxnet-cu112
	$(PYTHON) -m pip install -q --disable-pip-version-check --no-deps mxnet-cu112==1.9.1
endif
	@rm -f $(VENV)/.installed-* && touch $@

comma = ,

demo: install
	$(PYTHON) tools/demo.py --out $(OUT) $(if $(SOURCE),--source $(SOURCE))

test: lint
	$(PYTHON) -m pytest

lint: install
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

bench: install
	$(PYTHON) tools/bench.py
	$(PYTHON) tools/bench_retrieval.py

# What the other targets made in passing; the environment and what commands wrote stay.
clean:
	rm -rf build *.egg-info .pytest_cache .ruff_cache .mypy_cache
