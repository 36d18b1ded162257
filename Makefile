# `make loops` hears the bundled model; `make test` sets up and runs every test.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data/compare
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-cache-dir --constraint constraints.txt
SIZE := Training needs torch: 200 MB as a build for CPUs, gigabytes with CUDA. \
        For the former stop here, and type: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make

.PHONY: help coverage test-scale test-torch-range test-openapi soak loops studio examples listen test test-readers music music-judge model verbs-models compare curves artists bench bench-peers api clean test-runtime-range
.DELETE_ON_ERROR:

loops: .venv/installed          ## write four loops from the bundled model to loops/
	$(BIN)/fourfloor generate --count 4 --out loops --sheet --overwrite

studio: .venv/installed-studio  ## open the studio in the browser: make loops, hear them in time, drag them out
	$(BIN)/fourfloor studio

examples: .venv/installed       ## make the eight example loops in examples/ and their sheet docs/results/examples.png
	$(BIN)/python scripts/examples.py

listen: .venv/installed         ## make docs/listen: the example loops as small Ogg files, and the page that plays them
	$(BIN)/python scripts/examples.py --out build/listen --sheet build/listen/spectrograms.png
	$(BIN)/python scripts/listen.py build/listen --out docs/listen

test: .venv/installed-test      ## run all tests, then check style and types: a family of your own is tested whatever it looks like
	$(BIN)/pytest -n 2
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-readers: .venv/installed-test    ## install the programs that packs are for, and let each read and play one
	scripts/readers.sh
	PYTHONPATH="$$(echo "$$PWD"/.venv-readers/lib/python3*/site-packages)" $(BIN)/pytest -rs tests/readers

test-scale: .venv/installed-scale     ## install what many machines need, and run the tests of Ray, torchrun and an object store
	RAY_USAGE_STATS_ENABLED=0 $(BIN)/pytest -rs tests/scale

test-openapi: .venv/installed-studio  ## send a studio all that its OpenAPI document describes, and more (two minutes)
	scripts/openapi.sh

soak: .venv/installed-test      ## mutate files and kill processes for an hour: MINUTES=60 SEED=0, failures go to soak.jsonl
	$(BIN)/python scripts/soak.py --minutes $(or $(MINUTES),60) --seed $(or $(SEED),0)

coverage: .venv/installed-test  ## run all tests and print which lines they do not reach
	$(BIN)/pytest -n 2 --cov=fourfloor --cov-report=term:skip-covered

test-torch-range:               ## run the tests of models, training and generation with the newest torch, in build/torch (GBs)
	$(PYTHON) -m venv build/torch
	build/torch/bin/pip install --quiet --disable-pip-version-check --upgrade --editable '.[train,test]'
	build/torch/bin/pytest tests/test_models.py tests/test_training.py tests/test_generation.py tests/test_old.py

test-runtime-range: .venv/installed-test  ## run the tests of exported models with the oldest and the newest ONNX Runtime
	for release in ==1.23.0 ''; do \
		rm -rf build/onnxruntime; \
		$(INSTALL) --no-deps --target build/onnxruntime "onnxruntime$$release" || exit 1; \
		PYTHONPATH=build/onnxruntime $(BIN)/pytest tests/test_light.py tests/test_generation.py || exit 1; \
	done

music:                          ## fetch the open training music to data/tracks (Debian packages, no root)
	scripts/music.sh data/tracks

music-judge:                    ## fetch open music of other artists to data/judge, for judging and adapting only
	scripts/music.sh data/judge scripts/music-judge.txt

model: .venv/installed-train          ## make the bundled model anew in data/ and runs/ (two hours on two cores)
	scripts/model.sh

verbs-models: .venv/installed-train   ## make the networks of stems, midi and rekit in data/, runs/ and the package (90 minutes)
	scripts/verbs_models.sh

compare: .venv/installed-train        ## train every family for twenty minutes of one core on DATA, and write comparison/ (hours)
	$(BIN)/fourfloor compare $(sort $(wildcard recipes/seed/*.toml)) $(filter-out recipes/adapt.toml recipes/decoder.toml recipes/one-track.toml recipes/separator.toml recipes/transcriber.toml,$(sort $(wildcard recipes/*.toml))) \
		--data $(DATA) --minutes 20 --jobs 2 --runs runs/compare --out comparison

curves: .venv/installed-train         ## train the historic systems further and further on DATA, and plot their numbers (days)
	$(BIN)/python scripts/curves.py --data $(DATA) --runs runs/curves --out docs/results/curves

artists: .venv/installed-train        ## tune to five artists of data/judge and judge by their other tracks (an hour)
	$(BIN)/python scripts/artists.py --music data/judge --work runs/artists --out docs/results/artists

bench: .venv/installed-train          ## measure this build beside an earlier one (AGAINST=a1aadcf), and write docs/speed.md (an hour)
	$(BIN)/python scripts/bench.py --against $(or $(AGAINST),a1aadcf)

bench-peers: .venv/installed-train    ## the same, beside Stable Audio and MusicGen at true size with random weights, too (two hours, 1.3 GB)
	$(BIN)/python scripts/bench.py --against $(or $(AGAINST),a1aadcf) --peers sa3-small sao-small musicgen-small

help:                           ## list what make can do
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name about; do \
		printf '%-18s %s\n' "$$name" "$$about"; done

api: .venv/installed-train            ## write docs/api.md from the docstrings
	$(BIN)/python scripts/api_page.py

clean:                          ## remove the environment, loops/ and examples/
	rm -rf .venv .venv-readers .venv-openapi loops examples

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Each set of libraries brings those of the sets before it, so their marks are set as well.
.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable .
	touch $@

.venv/installed-studio: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable '.[studio]'
	touch .venv/installed $@

.venv/installed-train: pyproject.toml constraints.txt | .venv/bin/python
	@echo "$(SIZE)"
	$(INSTALL) --editable '.[train]'
	touch .venv/installed $@

.venv/installed-scale: pyproject.toml constraints.txt | .venv/bin/python
	@echo "$(SIZE)"
	$(INSTALL) --editable '.[train,test-scale]'
	touch .venv/installed .venv/installed-studio .venv/installed-train .venv/installed-test $@

.venv/installed-test: pyproject.toml constraints.txt | .venv/bin/python
	@echo "$(SIZE)"
	$(INSTALL) --editable '.[train,test]'
	touch .venv/installed .venv/installed-studio .venv/installed-train $@
