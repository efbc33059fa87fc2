# What a clean clone needs: Python 3.11+ with venv, and make. Written for GNU make 3.81 (macOS) too.
#   make serve   the whole product on this machine (ARGS="--port 8787 --workers 2")
#   make test    the tests, on a PostgreSQL and a Valkey that they start themselves (ARGS="tests/keys -k revoked")
#   make test-long  the tests with ten times as many examples of each property
#   make check   format, lint, types, import contracts, migrations, deployment checks
#   make bench   the benchmark
#   make kill-loop  the durability proof (SECONDS=500 for 1000 kills)
#   make lock    the lock files anew (needs uv)

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=

# Every lock is complete and hashed, so nothing has to be resolved (--no-deps), and every module is compiled when it is
# first imported, not all of them now (--no-compile): together a third of the time.
PIP := -m pip --disable-pip-version-check --no-input
PIP_INSTALL := install --quiet --require-hashes --no-deps --no-compile
UV := $(shell command -v uv 2>/dev/null)

.PHONY: serve test test-long check bench kill-loop lock sdk clean
.DELETE_ON_ERROR:

serve: $(VENV)/runtime
	@exec $(PY) manage.py serve $(ARGS)

test: $(VENV)/dev sdk
	@exec $(PY) -m pytest $(SPREAD) $(ARGS)

test-long: $(VENV)/dev sdk
	@exec $(PY) -m pytest --hypothesis-profile=thorough --timeout=900 $(SPREAD) $(ARGS)

# Several workers (tests/services.py says how many), with a PostgreSQL and a Valkey of its own each: too much to start
# where ARGS names the tests, and not to be had where the servers are given.
SPREAD = $(if $(findstring tests,$(ARGS))$(TEST_DATABASE_URL)$(TEST_REDIS_URL),,--numprocesses=auto --dist=worksteal)

# The run starts a hundred processes of ours: each would compile all modules anew where bytecode is not kept.
test test-long: export PYTHONDONTWRITEBYTECODE =

check: $(VENV)/dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	@$(PY) .ci/deployable.py

kill-loop: $(VENV)/dev
	@exec $(PY) -m tests.kill_loop --seconds $(or $(SECONDS),60)

bench: $(VENV)/dev
	@exec $(PY) -m tests.bench.run $(ARGS)

lock:
	uv pip compile pyproject.toml $(LOCK_OPTIONS) -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock $(LOCK_OPTIONS) -o requirements-dev.lock
	echo 'openai==1.109.1' | uv pip compile - $(LOCK_OPTIONS) --no-annotate -o tests/sdk/openai-1.lock
	echo 'openai==2.54.0' | uv pip compile - $(LOCK_OPTIONS) --no-annotate -o tests/sdk/openai-2.lock

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# A folder is rebuilt when its lock is newer than the mark of its last build.
$(VENV)/runtime: requirements.lock | $(PY)
	@echo "Installing what Dragoman needs into $(VENV) ..."
	@$(call install,$(VENV),$<)
	@touch $@

$(VENV)/dev: requirements-dev.lock | $(PY)
	@echo "Installing what the tests need into $(VENV) ..."
	@$(call install,$(VENV),$<)
	@touch $@ $(VENV)/runtime

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (set PYTHON=...)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is needed (Debian: apt install python3-venv)." >&2; exit 1; }

# Other major versions of the openai SDK, each in a folder of its own, for the tests that use them as a client would.
sdk: .sdk/openai-1/built .sdk/openai-2/built

.sdk/%/built: tests/sdk/%.lock | $(PY)
	@$(PY) -m venv --without-pip .sdk/$*
	@$(call install,.sdk/$*,$<)
	@touch $@

ifneq ($(UV),)
install = $(UV) pip install --quiet --python $(1)/bin/python --require-hashes --no-deps -r $(2)
else
install = $(PY) $(PIP) --python $(1)/bin/python $(PIP_INSTALL) -r $(2)
endif

clean:
	rm -rf $(VENV) .sdk
