# Two commands: `make run` and `make test`. Needed on the machine: Python 3.11 to 3.13, make, git.
# uv is brought in from the package index, into this folder; a Python is never downloaded.

UV := .tools/uv/bin/uv
READY := .venv/.ready
export UV_PYTHON_DOWNLOADS := never
# A company's TLS proxy is known to the system, not to uv's own certificate bundle.
export UV_SYSTEM_CERTS := 1
# Some machines forbid Python to write bytecode; without it every start compiles half a gigabyte of packages.
export UV_COMPILE_BYTECODE := 1
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: run test test-servers lint ui demo coverage bench docs clean setup

run: $(READY)
	@.venv/bin/twoway run $(ARGS)

test: lint
	.venv/bin/python -m pytest $(ARGS)

# Connectors against real servers, which `install.sh` of each brings in; some come as Debian packages, so that root is needed once.
SERVERS := bluesky request_tracker bottlecrm

test-servers: $(READY) $(SERVERS:%=.tools/servers/%/.ready)
	.venv/bin/python -m pytest tests/servers $(ARGS)

.tools/servers/%/.ready: tests/servers/%/install.sh
	@echo "Installing $* for the tests…"
	@mkdir -p $(@D)
	@tests/servers/$*/install.sh $(@D)
	@touch $@

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/ty check
	.venv/bin/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests

bench: $(READY)
	@set -e; for name in $(notdir $(basename $(wildcard benchmarks/[a-z]*.py))); do .venv/bin/python -m benchmarks.$$name $(ARGS); done

ui: $(READY)
	@.venv/bin/twoway ui $(ARGS)

# A simulated company whose truth is known, through the whole pipeline.
demo: $(READY)
	@.venv/bin/twoway simulate --world true --seed 1 --customers 1000 --weeks 52 --out demo/company --force
	@.venv/bin/twoway run --input demo/company --home demo/home $(ARGS)

coverage: $(READY)
	@.venv/bin/python -m pipelines.coverage.certificate $(ARGS)

docs: $(READY)
	@.venv/bin/python -m pipelines.definitions_page

setup: $(READY)

clean:
	rm -rf .venv .tools twoway_home demo dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .hypothesis

$(UV): uv.lock scripts/get_uv.py
	@python=$$(scripts/find_python.sh) && "$$python" scripts/get_uv.py .tools/uv
	@touch $@

$(READY): $(UV) pyproject.toml uv.lock
	@echo "Setting up (a few minutes the first time)…"
	@python=$$(scripts/find_python.sh) && $(UV) sync --quiet --locked --python "$$python"
	@touch $@
