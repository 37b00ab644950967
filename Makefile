# Every target sets up what it needs. VENV=DIR names another folder for the environment.
VENV ?= .venv
OUT ?= demo
PYTHON = $(VENV)/bin/python
SYSTEM_LIBRARIES = libgomp.so.1 libquadmath.so.0

.PHONY: install demo test lint bench clean

install: $(VENV)/.installed

$(VENV)/.installed: setup.py constraints.txt
	@for library in $(SYSTEM_LIBRARIES); do \
	  ldconfig -p | grep -q $$library && continue; \
	  echo "$$library is missing (MXNet needs it)"; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq libgomp1 libquadmath0; \
	  else echo "install it: sudo apt-get install libgomp1 libquadmath0"; exit 1; fi; \
	done
	@for python in python3.11 python3.10 python3.9 python3.8 python3; do \
	  $$python -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null || continue; \
	  echo "using $$($$python --version), environment in $(VENV)"; \
	  if ! $$python -c 'import ensurepip' 2>/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq $$python-venv; fi; \
	  $$python -m venv $(VENV) && exit 0; \
	  echo "python -m venv failed: sudo apt-get install $$python-venv"; exit 1; \
	done; \
	echo "Python 3.8 to 3.11 is needed (MXNet 1.9.1 has no newer); get one: sudo apt-get install python3.11-venv,"; \
	echo "or from https://www.python.org/downloads/"; exit 1
	$(PYTHON) -m pip install -q --disable-pip-version-check \
	  $$($(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info[:2] == (3, 11) else "")') -e '.[dev]'
	@touch $@

demo: install
	$(PYTHON) tools/demo.py --out $(OUT) $(if $(SOURCE),--source $(SOURCE))

test: lint
	$(PYTHON) -m pytest

lint: install
	$(PYTHON) -m ruff check .

bench: install
	$(PYTHON) tools/bench.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
