# make tables   the default run: images -> results/tables/all.csv and the figures
# make report   the same as one HTML page that opens without a network: results/report/report.html
# make test     the tests without whole runs: minutes
# make integration   whole runs: the tiny configuration, DVC, a real Slurm (Debian: slurm-wlm munge)
# make cards    the model cards of data/zoo, measured again
# make docs     the manual: site/index.html
# make check    what CI runs: formatting, linters, types, import layers, tests
# make zoo      the children of data/zoo, their controls and plain children, trained and packed again: hours
# Each makes the environment first: .venv, with the releases of requirements.lock.

VENV := .venv
CORES ?= all
# Another interpreter: make env PYTHON=/path/to/python3.12
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] < (3, 14) else "")' 2>/dev/null)))

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: tables report test integration env check reference cards zoo docs
.DEFAULT_GOAL := tables

tables: env
	snakemake --cores $(CORES)

report: env
	snakemake --cores $(CORES) -- results/report/report.html

# One worker a CPU, and one thread a worker: the workers share the machine.
test: env
	OMP_NUM_THREADS=1 pytest -n auto --dist loadfile -m "not workflow"

integration: env
	OMP_NUM_THREADS=1 pytest -n auto --dist loadfile -m workflow --durations 15 -v

check:
	.ci/run

# data/zoo/*.json and the table of data/zoo/README.md, from new measurements of the bundled parents
CARDS := human:human-64-a human-control:human-64-b
cards: env
	snakemake --cores $(CORES) -- $(foreach card,$(CARDS),$(foreach model,$(word 1,$(subst :, ,$(card))),\
		results/metrics/generators/$(model)/$(model).json results/metrics/coverage/$(model).json))
	$(foreach card,$(CARDS),$(foreach model,$(word 1,$(subst :, ,$(card))),$(foreach name,$(word 2,$(subst :, ,$(card))),\
		stylealign card data/zoo/$(name).safetensors --domain human --out data/zoo/$(name).json --readme data/zoo/README.md --rows \
		results/metrics/generators/$(model)/$(model).json results/metrics/coverage/$(model).json;)))

# The manual, which opens from disk and loads nothing from elsewhere
docs: env
	mkdocs build --strict

# data/zoo/*-64*.safetensors of children and their entries in data/zoo.yaml; ZOO=toon makes one domain's again
ZOO := toon sketch robot ink animal
ZOO_BESIDE = $(foreach domain,$(ZOO),$(filter $(domain)-%,ink-features ink-outlines ink-closest sketch-features sketch-closest toon-long robot-long))
zoo: env
	snakemake --cores $(CORES) --configfile config/zoo.yaml --directory runs/zoo -- $(foreach child,$(ZOO),\
		$(foreach model,$(child) $(child)-unaligned $(child)-plain,results/models/$(model)/model.safetensors)) \
		$(ZOO_BESIDE:%=results/models/%/model.safetensors)
	$(foreach child,$(ZOO),\
		stylealign pack runs/zoo/results/models/$(child)/model.safetensors --out data/zoo/$(child)-64.safetensors \
			--zoo data/zoo.yaml --description "$(child), 64 px, of config/zoo.yaml; child of human-64-a" && \
		stylealign pack runs/zoo/results/models/$(child)-unaligned/model.safetensors \
			--out data/zoo/$(child)-64-control.safetensors --zoo data/zoo.yaml \
			--description "$(child), 64 px, of config/zoo.yaml; child of human-64-b, the unaligned control of $(child)-64" && \
		stylealign pack runs/zoo/results/models/$(child)-plain/model.safetensors --out data/zoo/$(child)-64-plain.safetensors \
			--zoo data/zoo.yaml --description "$(child), 64 px, of config/zoo.yaml; child of human-64-a that holds nothing of it" && ) \
	$(foreach child,$(ZOO_BESIDE),\
		stylealign pack runs/zoo/results/models/$(child)/model.safetensors --out data/zoo/$(subst -,-64-,$(child)).safetensors \
			--zoo data/zoo.yaml --description "$(child), 64 px, of config/zoo.yaml; child of human-64-a" && ) true

# config/README.md, from the settings models
reference: env
	python -m stylealign.report.reference config/README.md

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --constraint requirements.lock --editable '.[docs,explore,faces,ledger,onnx,segmentation,slurm,dev]'
	touch $@
