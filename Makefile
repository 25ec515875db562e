# make run   set up .venv with what running needs (no torch), run the engine on sample pictures
# make demo  the same in a browser: set up what it needs, start it (ARGS="--port 8000 …")
# make test  set up what the tests need, run them
# make fuzz  open hostile pictures, other ones each time, and name those that are no picture and no
#            line of an error (COUNT=100000 SEED=7)
# make audit look for known vulnerabilities of what is installed (asks PyPI)
# make train everything from data to embedded weights (hours on two cores)
#
# Versions of what is installed are those of constraints.txt, the ones that are tested.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data/cifar10
PHOTOS ?= ../shared/data/bsds500
KODAK ?= ../shared/data/kodak
NIPS ?= ../shared/data/nips17
FACES ?= ../shared/data/lfw
OUT ?= out
COUNT ?= 100000
SEED ?= $(shell date +%s)

.PHONY: run demo test fuzz audit chromium lint train train-human results results-human results-cloak results-photos results-applied clean

run: $(VENV)/.installed-run
	@$(BIN)/python -m engine samples | tr '\n' '\0' \
		| xargs -0 $(BIN)/python -m engine machine --out $(OUT)
	@echo "All pictures are in $(OUT)/: open a *.figure.png first."

demo: $(VENV)/.installed-demo
	$(BIN)/python -m demo $(ARGS)

test: $(VENV)/.installed-test chromium
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

fuzz: $(VENV)/.installed-test
	$(BIN)/python tests/fuzz.py --count $(COUNT) --seed $(SEED)

# In an environment of its own; --strict: what PyPI does not know is a failure, not passed over.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet pip-audit
	$(VENV)-audit/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

# The tests in a browser need one; where none can be installed they are skipped, and say so.
chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium && exit 0; \
	fi; \
	echo "No Chromium here: install it (apt-get install chromium) for the browser tests" >&2

train: $(VENV)/.installed-test
	$(BIN)/python -m training classifiers --data $(DATA)
	$(BIN)/python -m training classifiers densenet --preset polish --data $(DATA)
	$(BIN)/python -m training classifiers mobilenet convnext vit --preset adaptive --data $(DATA)
	$(BIN)/python -m training classifiers inception mixer --preset assistant --data $(DATA)
	$(BIN)/python -m training generator --preset default --data $(DATA)
	$(BIN)/python -m training generator --preset stronger --data $(DATA)
	$(BIN)/python -m training generator --preset shifted --data $(DATA)
	$(BIN)/python -m training generator --preset normalised --name merged --data $(DATA)
	$(BIN)/python -m training generator --preset contradicting --data $(DATA)
	$(BIN)/python -m training generator --preset refined --data $(DATA)
	$(BIN)/python -m training generator --preset even --name conditioned --data $(DATA)
	$(BIN)/python -m training generator --preset transfer --data $(DATA)
	$(BIN)/python -m export --embed

train-human: $(VENV)/.installed-evaluation
	$(BIN)/python -m training human --data $(PHOTOS)
	$(BIN)/python -m training calibrate --data $(PHOTOS)
	$(BIN)/python -m export human --embed

results-human: $(VENV)/.installed-evaluation
	$(BIN)/python -m training evaluate human --data $(KODAK)
	$(BIN)/python -m training figures
	$(BIN)/python -m training tables

results-cloak: $(VENV)/.installed-evaluation
	$(BIN)/python -m training evaluate recogniser --data $(FACES)
	$(BIN)/python -m training evaluate recognisers --data $(FACES)
	$(BIN)/python -m training evaluate cloak --data $(FACES)
	$(BIN)/python -m training evaluate panel --data $(DATA)
	$(BIN)/python -m training evaluate cloak-photos --data $(NIPS)
	$(BIN)/python -m training tables

results-photos: $(VENV)/.installed-evaluation
	$(BIN)/python -m training evaluate photos --data $(NIPS)
	$(BIN)/python -m training evaluate codec --data $(NIPS)
	$(BIN)/python -m training figures
	$(BIN)/python -m training tables

# Libraries that the watermark is compared with are measured where they are installed:
# $(BIN)/pip install -e '.[compared]'
results-applied: $(VENV)/.installed-evaluation
	$(BIN)/python -m training evaluate watermark --data $(dir $(NIPS))
	$(BIN)/python -m training evaluate machine-quality --data $(NIPS)
	$(BIN)/python -m training tables

results: $(VENV)/.installed-test
	$(BIN)/python -m training evaluate classifiers --data $(DATA)
	$(BIN)/python -m training evaluate machine --data $(DATA)
	$(BIN)/python -m training evaluate fresh --count 20000 --data $(DATA)
	$(BIN)/python -m training evaluate ablation --data $(DATA)
	$(BIN)/python -m training evaluate speed --data $(KODAK)
	$(BIN)/python -m training evaluate load --data $(KODAK)
	$(BIN)/python -m training evaluate page
	$(BIN)/python -m training figures
	$(BIN)/python -m training tables

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV), once …" >&2
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) for the demo, once (PyTorch: some minutes) …" >&2
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@# An oracle; what it pins is old, and not needed for what is compared.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps torchattacks
	@touch $@ $(VENV)/.installed-run $(VENV)/.installed-demo

$(VENV)/.installed-evaluation: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,evaluation]'
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-audit $(OUT)
