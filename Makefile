# One command per chore; `make` alone lists them. Needs Python 3.11 or newer and nothing else.
# `make run PYTHON=/path/to/python` chooses the interpreter, `make test ARGS="-k tie"` passes arguments on.

.DEFAULT_GOAL := help
.PHONY: help run test format bench gallery fuzz clean

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
VERSION := import platform; print(platform.python_version())
BIN := .venv/bin/python
ifndef PYTHON
PYTHON := $(shell for python in python3.11 python3; do \
	if "$$python" -c '$(NEW_ENOUGH)' 2>/dev/null; then echo "$$python"; break; fi; done)
endif

NO_PYTHON = shareviz needs Python 3.11 or newer: install it, or run make $@ PYTHON=/path/to/python.
NO_VENV = Python could not make .venv: install python$${version%.*}-venv (Debian and Ubuntu: apt install \
python$${version%.*}-venv), then run make $@ again.

# $(call install,list) makes .venv hold what a requirements file pins; nothing to do costs half a second
# and no network. The stamp names interpreter and pins and is touched last, so an interrupted install is
# finished by the next one. An environment that was complete and no longer works is made anew.
define install
@[ -n "$(PYTHON)" ] && "$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "$(NO_PYTHON)" >&2; exit 1; }; \
version=$$("$(PYTHON)" -c '$(VERSION)'); \
key=.venv/.holds-$$version-$$(cat requirements.txt requirements-dev.txt | cksum | tr ' ' -); \
complete=; for list in $(1) requirements-dev.txt; do [ ! -e "$$key-$$list" ] || complete=yes; done; \
if [ "$$complete" ] && $(BIN) -c 'import streamlit' 2>/dev/null; then exit 0; fi; \
if [ "$$complete" ] || [ "$$($(BIN) -c '$(VERSION)' 2>/dev/null)" != "$$version" ] \
		|| ! $(BIN) -m pip --version >/dev/null 2>&1; then \
	rm -rf .venv; \
	"$(PYTHON)" -m venv .venv >/dev/null || { rm -rf .venv; echo "$(NO_VENV)" >&2; exit 1; }; \
fi; \
rm -f .venv/.holds-*; \
$(BIN) -m pip install --disable-pip-version-check -r $(1) && $(BIN) -m pip check && touch "$$key-$(1)"
endef

help:  ## List the commands
	@sed -n 's/^\([a-z]*\):  *## */\1\t/p' Makefile

run:  ## Start the app on this machine and print its address
	$(call install,requirements.txt)
	@exec $(BIN) -m streamlit run app.py --server.address=localhost --server.headless=true $(ARGS)

test:  ## Check format, lint and types, then run every test
	$(call install,requirements-dev.txt)
	$(BIN) -m ruff format --check .
	$(BIN) -m ruff check .
	$(BIN) -m mypy --strict shareviz
	$(BIN) -m pytest -n auto --dist loadgroup $(ARGS)

format:  ## Format the code and mend what lint can mend
	$(call install,requirements-dev.txt)
	$(BIN) -m ruff format .
	$(BIN) -m ruff check --fix .

bench:  ## Time the core against its rivals, as ratios in one run
	$(call install,requirements-dev.txt)
	@set -e; for file in $(filter-out %/gallery.py,$(wildcard benchmarks/[a-z]*.py)); do \
		$(BIN) -m benchmarks.$$(basename $$file .py); done

gallery:  ## Draw examples, models, configs and real files to build/gallery; ARGS="--download" for more
	$(call install,requirements-dev.txt)
	$(BIN) -m benchmarks.gallery $(ARGS)

fuzz:  ## Break 100,000 files of every format and read them; ARGS="files seed"
	$(call install,requirements-dev.txt)
	$(BIN) -m tests.formats.fuzz $(ARGS)

clean:  ## Remove the environment and the caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist shareviz.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
