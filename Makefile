# Each target makes what it needs, in a virtual environment of the project's own.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest $(PYTEST_ARGS)
COVER := --cov --cov-append --cov-report=

# The tests that may use real sockets.
SOCKETS := tests/control tests/net tests/service tests/system
# Those of them where tests run on the reactor of the test run; the others start processes, which have their own.
REACTORS := tests/control tests/net tests/service tests/system/test_demo.py tests/system/test_memory_transport.py

# Long runs that cover nothing others do not. They are not measured: that takes several times as long.
UNMEASURED := tests/test_repository.py tests/assembly/test_checks_outage.py tests/benchmarks \
	tests/core/test_http1_corpus.py tests/net/test_http_corpus.py tests/net/test_peeking.py \
	$(wildcard tests/net/test_*_machine.py tests/plugins/test_conformance_*.py) tests/plugins/test_through_the_pool.py \
	tests/testing/kit/test_repeating.py tests/testing/kit/test_soundness.py \
	tests/testing/simulation/test_simulating_policies.py tests/twisted_suites

# The Debian packages whose programs tests/system drives.
DEBIAN := bind9-dnsutils chromium curl dnsmasq-base iperf3 mariadb-client-core mariadb-server-core mosquitto \
	mosquitto-clients msmtp-mta openssh-client openssh-server openssl pebble postgresql redis-server redis-tools \
	testssl.sh
# How long to search for streams of HTTP/1.1 on which its readers disagree.
FUZZ_SECONDS ?= 60

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test test-pure test-unmeasured test-sockets system programs lint fuzz bench docs soak clean

demo: $(VENV)/.installed
	$(BIN)/twist --log-format=text balancer --config examples/quickstart.py

# What needs no reactor is run without one, beside the rest; real sockets on Twisted's, on asyncio's and on ours. What the
# runs covered together passes the gates.
test: $(VENV)/.installed-dev
	rm -f .coverage .coverage-pure
	$(MAKE) --jobs=2 --output-sync=target test-pure test-sockets test-unmeasured
	$(BIN)/python .ci/coverage_gates.py

test-pure:
	COVERAGE_FILE=.coverage-pure $(PYTEST) $(COVER) -p no:twisted $(SOCKETS:%=--ignore=%) $(UNMEASURED:%=--ignore=%) tests

test-unmeasured:
	$(PYTEST) -p no:twisted $(UNMEASURED)

test-sockets:
	$(PYTEST) $(COVER) -m "not system" $(SOCKETS) $(UNMEASURED:%=--ignore=%)
	$(PYTEST) -m "not system" --reactor-only --reactor=asyncio $(REACTORS)
	$(PYTEST) $(COVER) -m "not system" --reactor-only -p tests.net.lean_plugin $(REACTORS)

system: $(VENV)/.installed-dev $(VENV)/scanner/.installed programs
	$(PYTEST) -m system tests/system

programs:
	@if dpkg-query --show --showformat='$${db:Status-Status}\n' $(DEBIAN) 2>&1 | grep --quiet --invert-match '^installed$$'; \
		then $(SUDO) .ci/install_programs $(DEBIAN); fi

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: $(VENV)/.installed-fuzz
	$(BIN)/python -m tests.fuzz.fuzz_http1 --seconds $(FUZZ_SECONDS)

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W -b html docs docs/_build/html

soak: $(VENV)/.installed-dev $(VENV)/scanner/.installed programs
	$(PYTEST) --full tests/system
	$(BIN)/python benchmarks/soak.py

clean:
	rm -rf $(VENV) build dist docs/_build .coverage .coverage-pure .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@ $(VENV)/.installed

# sslyze wants an older cryptography than ours, so that it has an environment of its own.
$(VENV)/scanner/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet 'sslyze==6.3.*'
	touch $@
