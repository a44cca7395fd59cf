# vault-bench, and make bench: the figures of docs/PERFORMANCE.md, measured on this machine in a few minutes.
BENCH_OBJ := $(call objects,$(BENCH_SRC))

$(BUILD)/vault-bench: $(BENCH_OBJ) $(PROTOCOL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ -lcrypto -lsodium

$(BUILD)/unit/test_histogram: $(call objects,tools/vault-bench/histogram.c)

# BENCH_ARGS: see tools/bench.sh --help
bench: $(BUILD)/vaultd $(BUILD)/vault-bench $(SETUP)/test.stamp
	tools/bench.sh --build $(BUILD) $(BENCH_ARGS)

.PHONY: bench
