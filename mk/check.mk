# The tests. Each runner prints its own closing lines; the first that failed ends make with an error.
PYTEST := PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q
# The integration suite takes other users' identities.
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo)
# CI: what a test needs and does not find is a failure.
TEST_ENV = VAULTD_BUILD=$(abspath $(BUILD)) $(if $(CI),CI=$(CI))
CRASH_ENV = $(foreach name,VAULTD_CRASH_ROUNDS VAULTD_CRASH_SEED,$(if $($(name)),$(name)=$($(name))))
TEST_SECONDS ?= 300
FUZZ_SECONDS ?= 30

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
UNIT_LIB := $(call objects,$(wildcard tests/unit/lib/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

# An archive, so that a test links only what it uses.
$(BUILD)/parts.a: $(DAEMON_OBJ) $(PROTOCOL_OBJ) $(CLIENT_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(call objects,$(UNIT_SRC)) $(UNIT_LIB): | $(SETUP)/test.stamp

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(UNIT_LIB) $(BUILD)/parts.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ -lcmocka $(LIBS_DAEMON)
.SECONDARY: $(call objects,$(UNIT_SRC))
# What of vaultctl needs no daemon.
$(BUILD)/unit/test_bar: $(call objects,tools/vaultctl/bar.c tools/vaultctl/units.c)

units: $(UNIT_BIN)

unit: $(UNIT_BIN)
	@failed=; for t in $(UNIT_BIN); do \
		echo "== $${t##*/}"; $(TEST_ENV) timeout $(TEST_SECONDS) $$t >$$t.log 2>&1 || failed="$$failed $${t##*/}"; \
		if [ -n "$$failed" ] && [ "$${failed##* }" = "$${t##*/}" ]; then cat $$t.log; \
		else grep -E '^\[ +PASSED|SKIPPED' $$t.log || true; fi; \
	done; \
	if [ -n "$$failed" ]; then echo "unit: failed:$$failed"; exit 1; fi; \
	echo "unit: $(words $(UNIT_BIN)) programs passed"

integration: all $(SETUP)/test.stamp
	$(AS_ROOT) env $(TEST_ENV) $(PYTEST) tests/integration tests/hostile $(PYTEST_ARGS)

# Not part of check: kill -9 under load, VAULTD_CRASH_ROUNDS times at moments that VAULTD_CRASH_SEED chooses.
crash: all $(SETUP)/test.stamp
	$(AS_ROOT) env $(TEST_ENV) $(CRASH_ENV) $(PYTEST) -s tests/crash $(PYTEST_ARGS)

cli: all $(BUILD)/sign_launch $(SETUP)/test.stamp
	@if ls tests/cli/*.bats >/dev/null 2>&1; then $(AS_ROOT) env $(TEST_ENV) bats tests/cli; fi

# The packaged configuration holds no option that is none, commented out or not; its groups are not those of this machine.
config-check: $(BUILD)/vaultd
	@mkdir -p $(BUILD)/config && sed -e 's/^#\([a-z_]* = \)/\1/' -e '/_group = /d' packaging/vaultd.conf >$(BUILD)/config/vaultd.conf
	@$(BUILD)/vaultd --check-config --config $(BUILD)/config/vaultd.conf && echo "config-check: ok"

check: unit integration cli config-check timing-short $(CHECK_MORE)
	@echo "check: all passed"

# The daemon's filter forbids the process that LeakSanitizer looks around with, so leaks are looked for in the units. libfaketime,
# which is loaded first, is none of what the order of linking is checked for.
SANITIZE = $(MAKE) OPT="-O1 -g -fno-omit-frame-pointer" FORTIFY= TEST_SECONDS=900
sanitize:
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	$(SANITIZE) BUILD=build-asan MODE="-fsanitize=address,undefined -fno-sanitize-recover=undefined" unit
	ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	$(SANITIZE) BUILD=build-asan MODE="-fsanitize=address,undefined -fno-sanitize-recover=undefined" \
		integration cli $(CHECK_MORE)

# TSan leaves no room for a map of 1 TiB; two workers, however few cores there are. Without
# the tests of moved clocks (libfaketime races with itself) and the one that measures memory, which is mostly TSan's.
NOT_THREADS = not test_lockout_clock and not test_a_jump_ and not days_pass and not ten_minutes and not client_that_never_reads
sanitize-threads:
	VAULTD_CONFIG_LINES="$$(printf 'map_size = 1073741824\nworkers = 2')" TSAN_OPTIONS=halt_on_error=1 $(SANITIZE) BUILD=build-tsan \
		MODE=-fsanitize=thread PYTEST_ARGS="-k '$(NOT_THREADS)'" check

# Whether times tell what they must not; and whether the test would notice. timing-short is what check runs: fewer
# samples, and a limit that only a leak passes on a busy machine.
TIMING_SAMPLES ?= 400000
TIMING_LIMIT   ?= 6
TIMING_BIN := $(BUILD)/timing/time_apikey $(BUILD)/timing/time_apikey_leaky
TIMING_OBJ := $(OBJ)/tests/timing/time_apikey.o $(OBJ)/tests/timing/leaky_match.o

$(TIMING_OBJ): | $(SETUP)/test.stamp
$(BUILD)/timing/time_apikey: $(OBJ)/tests/timing/time_apikey.o $(UNIT_LIB) $(BUILD)/parts.a
$(BUILD)/timing/time_apikey_leaky: $(TIMING_OBJ) $(UNIT_LIB) $(BUILD)/parts.a
$(TIMING_BIN):
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ -lcmocka $(LIBS_DAEMON) -lm

timing: $(TIMING_BIN)
	@$(BUILD)/timing/time_apikey $(TIMING_SAMPLES) $(TIMING_LIMIT)
	@if $(BUILD)/timing/time_apikey_leaky $(TIMING_SAMPLES) $(TIMING_LIMIT); then \
		echo "timing: the leak was not found"; exit 1; fi
	@echo "timing: ok, and a leak is found"

timing-short:
	@$(MAKE) --no-print-directory timing TIMING_SAMPLES=60000 TIMING_LIMIT=12

$(BUILD)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(BUILD)/parts.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer $^ -o $@ $(LIBS_DAEMON)
.SECONDARY: $(call objects,$(FUZZ_SRC))

fuzz: $(SETUP)/lint.stamp
	$(MAKE) BUILD=build-fuzz CC=clang OPT="-O1 -g" FORTIFY= \
		MODE="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined" fuzz-run

# What a target needs beside its input (seeds) lies in tests/fuzz/corpus/NAME.
fuzz-run: $(FUZZ_BIN)
	@[ -n "$(FUZZ_BIN)" ] || { echo "fuzz: there is nothing in tests/fuzz"; exit 1; }
	@set -e; for f in $(FUZZ_BIN); do name=$${f##*/fuzz_}; \
		mkdir -p $(BUILD)/corpus/$$name; \
		echo "== fuzz_$$name for $(FUZZ_SECONDS) s"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 -artifact_prefix=$(BUILD)/ \
			$(BUILD)/corpus/$$name $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) 2>&1 | tail -12; \
	done
fuzz-run: SHELL := /bin/bash
fuzz-run: .SHELLFLAGS := -o pipefail -c

demo: all
	@VAULTD_BUILD=$(abspath $(BUILD)) tools/demo.sh

.PHONY: timing timing-short unit units integration crash cli check sanitize sanitize-threads config-check fuzz fuzz-run demo
