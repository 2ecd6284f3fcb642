# Set-up is made by Make: a virtual environment by plain python3, then uv, then the rest.

PYTHON ?= python3
UV := 0.13.9
DEMO := build/demo
PROJECT := $(DEMO)/flight-delays
STEPS := setup pipeline review register smoke

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Baked projects are run by the Python that made .venv.
export UV_PYTHON := $(shell $(PYTHON) -c 'import sys; print(sys.executable)')
# Without the bytecode of its imports, each step of a pipeline takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and this is " + sys.version.split()[0] + ": set PYTHON, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	.venv/bin/uv pip install --quiet --python .venv --group dev
	@touch $@

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
	printf '%-10s%5d s\n\nLook around: cd $(PROJECT) && make help\n' total $$(($$(date +%s) - began))

.PHONY: test
test: lint test-bakes test-loop test-project test-answers test-adopt test-image test-workflows ## everything: style, bakes, and projects that are really run

.PHONY: test-bakes
test-bakes: .venv/installed ## every combination of answers is born clean (seconds)
	pytest --numprocesses auto tests/test_house.py tests/test_portable.py tests/test_bake.py tests/test_hooks.py tests/test_cruft.py \
	    tests/test_docs.py tests/test_workflow_rules.py tests/test_weekly.py tests/test_release.py

.PHONY: test-loop
test-loop: .venv/installed ## a small project without a network, without make, asking nobody; how-to pages, done (minutes)
	pytest --numprocesses auto --dist loadfile tests/test_howto.py tests/test_howto_github.py tests/test_howto_update.py \
	    tests/test_without_make.py tests/test_offline.py

.PHONY: test-project
test-project: .venv/installed ## a generated project does what it promises (minutes)
	pytest --numprocesses auto --dist loadfile tests/test_project.py tests/test_gates.py tests/test_precommit.py tests/test_registry_server.py \
	    tests/test_storage.py tests/test_browser.py

.PHONY: test-browser
test-browser: .venv/installed ## the pages are opened in a real browser, phone and desktop, light and dark (minutes; part of test-project)
	pytest tests/test_browser.py

.PHONY: test-answers
test-answers: .venv/installed ## a project runs, shares and is cloned with each storage, data of its own or not (minutes)
	pytest --numprocesses auto --dist worksteal tests/test_answers.py

.PHONY: test-adopt
test-adopt: .venv/installed ## real tables of one's own go through the whole loop (minutes)
	pytest --numprocesses auto --dist worksteal tests/test_adopt.py

.PHONY: test-image
test-image: .venv/installed ## the scoring image is built, run, pushed, deployed and broken; alerts fire (minutes)
	pytest tests/test_alerts.py tests/test_image.py

.PHONY: test-workflows
test-workflows: .venv/installed ## the workflows are executed, from the first push to production and back (minutes)
	pytest tests/test_workflows.py tests/test_update.py

.PHONY: docs
docs: .venv/installed ## build the site in build/docs/site; a dead link is an error
	python docs/build.py build/docs

.PHONY: screenshots
screenshots: .venv/installed ## take the pictures of docs/images again, of the project that make demo has left
	PYTHONPATH=tests python docs/screenshots.py $(PROJECT)

.PHONY: test-mutations
test-mutations: .venv/installed ## each way to break a workflow is found by a rule (seconds; part of test-bakes)
	pytest --numprocesses auto tests/test_workflow_rules.py

.PHONY: lint
lint: .venv/installed ## style and types of the template's own files
	ruff check
	ruff format --check
	mypy
	actionlint .github/workflows/*.yml
	zizmor --offline --no-progress --quiet .github

.PHONY: newest
newest: ## let a project take the newest versions of everything, as of today
	sed -i "s/^exclude-newer = \"[^\"]*\"/exclude-newer = \"$$(date +%F)\"/" '{{cookiecutter.project_slug}}/pyproject.toml'

.PHONY: issue
issue: ## say in the one open issue of the weekly run, opened if there is none, that RUN has failed
	@number=$$(gh api 'repos/{owner}/{repo}/issues?state=open&labels=weekly' --jq '.[0].number // empty'); \
	if [ -n "$$number" ]; then gh api "repos/{owner}/{repo}/issues/$$number/comments" -f body="Still: $$RUN"; \
	else gh api 'repos/{owner}/{repo}/issues' -f title='The newest dependencies break a project' -f 'labels[]=weekly' \
	    -f body="The weekly run has failed: $$RUN. 'make newest' and '.ci/run' show the same on a laptop."; fi

.PHONY: release
release: .venv/installed ## commit and tag VERSION=x.y.z with what CHANGELOG.md says of it; pushes nothing
	@python release.py "$(VERSION)"

.PHONY: clean
clean: ## remove what Make made
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
