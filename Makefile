# make demo runs the main job on a fresh machine; make test passes the tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
SOURCES := bench_core plugins protocols tests

.PHONY: demo test lint format leaderboard benchmark fuzz clean

demo: $(INSTALLED)
	$(BIN)/bench run --method xiv --protocol sysu-all-single --results runs/results
	$(BIN)/bench leaderboard --results runs/results

# One thread a worker: two workers with two threads each would wait for each other.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 VIREID_BENCH_THREADS=1 $(BIN)/python -m pytest -n auto

lint: $(INSTALLED)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	PYTHONPATH=plugins:protocols $(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

leaderboard: $(INSTALLED)
	$(BIN)/bench leaderboard --output results/leaderboard.md
	$(BIN)/bench leaderboard --format csv --output results/leaderboard.csv
	$(BIN)/bench leaderboard --format json --output results/leaderboard.json
	$(BIN)/bench leaderboard --plot results

benchmark: $(INSTALLED)
	$(BIN)/python -m pytest tests/benchmarks -n 0 --benchmark-enable

# Damages files of every format for SECONDS each, and reads them.
SECONDS ?= 60
fuzz: $(INSTALLED)
	$(BIN)/python tests/fuzzing/fuzz.py --seconds $(SECONDS)

clean:
	rm -rf .venv runs build *.egg-info

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[test,lint]"
	touch $@
