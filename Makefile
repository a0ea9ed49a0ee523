# Two commands do all the set-up: `make run` and `make test`.

PYTHON ?= python3
CORES ?= all
BIN := .venv/bin

.PHONY: run test lint demo install clean

run: .venv/.installed demo
	$(BIN)/snakemake --cores $(CORES)
	@echo
	@echo "The demo study is done. Open:"
	@echo "  results/demo/review/index.html                               the review page"
	@echo "  results/demo/figures/dopac_hippocampus/caption.md            a figure bundle's caption"
	@echo "  results/demo/figures/dopac_hippocampus/dopac_hippocampus_timecourse.pdf"

demo: .venv/.installed
	@test -d raw/demo || $(BIN)/dialysis simulate demo

test: .venv/.installed-test demo lint
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: .venv/.installed-test demo
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dialysis needs Python 3.11 or newer; name one with: make PYTHON=python3.12 run")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	$(BIN)/python -m compileall -q -j 2 .venv/lib src
	@touch $@

.venv/.installed-test: .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	$(BIN)/python -m compileall -q -j 2 .venv/lib
	@touch $@

clean:
	rm -rf .venv .snakemake results/demo raw/demo truth/demo
