# make demo runs the main job on a fresh machine; make test passes the tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
SOURCES := bench_core bench_start plugins protocols site_builder tests examples

# Python writes what it compiles: hundreds of processes of the tests would do it over and over.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-fast test-lowest test-package lint format check leaderboard leaderboard-alone results \
	benchmark fuzz mutation gpu gpu-wheels docs docs-serve clean

demo: $(INSTALLED)
	$(BIN)/bench run --method xiv --protocol sysu-all-single --results runs/results
	$(BIN)/bench leaderboard --results runs/results

# One thread a worker: two workers with two threads each would wait for each other. Who has no
# more tests takes some of the other's; neighbours stay together, with what their files share.
PYTEST := OMP_NUM_THREADS=1 VIREID_BENCH_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

# All but what is marked exhaustive; CONTRIBUTING.md says what that is.
test: $(INSTALLED)
	$(BIN)/python -m compileall -qq -j 0 bench_core plugins protocols
	$(PYTEST) -m "not exhaustive"

# With the variants and cases that are like others, and all that is long: every night, and before
# a release.
test-all: $(INSTALLED)
	$(PYTEST)

# Without those that take more than a second or two each, for the time between two commits.
test-fast: $(INSTALLED)
	$(PYTEST) -m "not slow and not exhaustive"

# With the lowest versions that pyproject.toml allows; their own warnings are not ours.
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
		--resolution lowest-direct --editable ".[test]"
	OMP_NUM_THREADS=1 VIREID_BENCH_THREADS=1 .venv-lowest/bin/python -m pytest -n auto \
		-m "not slow and not exhaustive" --override-ini filterwarnings=

# The wheel in an environment of its own, outside the checkout.
test-package:
	rm -rf .venv-package dist
	$(PYTHON) -m venv .venv-package
	.venv-package/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	.venv-package/bin/python -m pip install --quiet --constraint constraints.txt dist/*.whl
	cd / && $(CURDIR)/.venv-package/bin/python $(CURDIR)/tests/installed_wheel.py

# What is no package of ours is checked as strangers check it: by its own settings, in its folder.
OUTSIDE_CACHE := $(CURDIR)/.mypy_cache/outside
lint: $(INSTALLED)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	PYTHONPATH=plugins:protocols $(BIN)/lint-imports
	cd examples/third_party_method && $(CURDIR)/$(BIN)/mypy --cache-dir $(OUTSIDE_CACHE)
	written=$$(mktemp -d) && trap 'rm -rf "$$written"' EXIT && \
		$(BIN)/bench plugin new my-method --output "$$written/my-method" && \
		cd "$$written/my-method" && $(CURDIR)/$(BIN)/ruff check . && \
		$(CURDIR)/$(BIN)/ruff format --check . && \
		$(CURDIR)/$(BIN)/mypy --cache-dir $(OUTSIDE_CACHE)

format: $(INSTALLED)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# All that CI asks of a commit.
check: lint test
	$(BIN)/bench leaderboard --output results/leaderboard.md --check
	$(BIN)/bench leaderboard --output results/leaderboard.csv --check
	$(BIN)/bench leaderboard --output results/leaderboard.json --check
	$(BIN)/bench leaderboard --output results/leaderboard.html --check
	$(BIN)/bench leaderboard --plot results --check

define write_leaderboard
	$(1)/bench leaderboard --output results/leaderboard.md
	$(1)/bench leaderboard --format csv --output results/leaderboard.csv
	$(1)/bench leaderboard --format json --output results/leaderboard.json
	$(1)/bench leaderboard --format html --output results/leaderboard.html
	$(1)/bench leaderboard --plot results
endef

leaderboard: $(INSTALLED)
	$(call write_leaderboard,$(BIN))

# All results of this repository, of results/matrix.toml, and the leaderboard of them. It takes
# hours on two cores: bench matrix results/matrix.toml --dry-run. What is done is skipped.
results: $(INSTALLED)
	$(BIN)/bench matrix results/matrix.toml
	$(MAKE) leaderboard

# The same where nothing is trained: without PyTorch and all else that the leaderboard does not need.
LEADERBOARD_NEEDS := click jinja2 matplotlib numpy platformdirs pluggy pydantic scipy tabulate
leaderboard-alone:
	$(PYTHON) -m venv .venv-leaderboard
	.venv-leaderboard/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt $(LEADERBOARD_NEEDS)
	.venv-leaderboard/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	$(call write_leaderboard,.venv-leaderboard/bin)

# The documentation as a site in the folder site. A broken link, an unknown name, any warning fails;
# `make test` builds it likewise. Nothing comes from a network but the packages of the extra "docs".
docs: $(INSTALLED)
	$(BIN)/python -m site_builder build

# Serves it, and builds it again whenever a page changes: make docs-serve ADDRESS=0.0.0.0:8000
ADDRESS ?= 127.0.0.1:8000
docs-serve: $(INSTALLED)
	$(BIN)/python -m site_builder serve --address $(ADDRESS)

benchmark: $(INSTALLED)
	$(BIN)/python -m pytest tests/benchmarks -n 0 --benchmark-enable

# Damages files of every format for SECONDS each, and reads them.
SECONDS ?= 60
fuzz: $(INSTALLED)
	$(BIN)/python tests/fuzzing/fuzz.py --seconds $(SECONDS)

# Changes modules by one small thing at a time and names each change that their tests do not notice.
# All of it takes hours; make mutation MODULES=bench_core/data/sampling.py minutes; SAMPLE=50 tries
# so many changes of a module, NEAREST=1 the tests of its mirroring file alone.
MODULES ?= $(wildcard bench_core/modeling/losses.py bench_core/modeling/adversarial.py \
	plugins/*/losses.py bench_core/data/sampling.py bench_core/data/augmentation.py \
	bench_core/training/batches.py bench_core/training/recipes.py bench_core/training/run.py \
	bench_core/training/stage_runner.py bench_core/training/stages.py bench_core/training/updates.py \
	protocols/*/protocols.py protocols/*/gallery.py protocols/*/splits.py \
	bench_core/evaluation/*.py bench_core/scoring/*.py)
mutation: $(INSTALLED)
	OMP_NUM_THREADS=1 VIREID_BENCH_THREADS=1 $(BIN)/python tests/mutation/run.py \
		$(if $(SAMPLE),--sample $(SAMPLE)) $(if $(NEAREST),--nearest) $(MODULES)

# Checks and measures a machine with a CUDA device within 8 minutes, with the Python and PyTorch at
# hand (PYTHON=...); packages that are missing come from the folder WHEELS. See docs/gpu.md.
gpu:
	$(PYTHON) tests/gpu/run.py $(if $(WHEELS),--wheels $(WHEELS))

# Fills that folder on a machine with a network: for Python FOR (3.12), without what PRESENT lists.
gpu-wheels:
	$(PYTHON) tests/gpu/wheels.py $(WHEELS) $(if $(FOR),--python $(FOR)) \
		$(if $(PRESENT),--present $(PRESENT))

clean:
	rm -rf .venv .venv-leaderboard .venv-lowest .venv-package runs build dist site *.egg-info

# pip would compile 15,000 modules one after the other; here all processors do. A module of another
# version of Python that a package brings along cannot be compiled, which matters to nobody.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable ".[test,lint,docs]"
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	touch $@
