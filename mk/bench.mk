# vault-bench, and make bench: the figures of docs/PERFORMANCE.md, measured on this machine in a few minutes.
BENCH_OBJ := $(call objects,$(BENCH_SRC))

# The daemon's parts are for --floor, which does with them what token.sign cannot do without.
$(BUILD)/vault-bench: $(BENCH_OBJ) $(BUILD)/parts.a
	@mkdir -p $(@D)
	$(CC) $(OPT) $(LDFLAGS_ALL) $^ -o $@ -lsodium -lcrypto -ljansson

$(BUILD)/unit/test_histogram: $(call objects,tools/vault-bench/histogram.c)

# BENCH_ARGS: see tools/bench.sh --help
bench: $(BUILD)/vaultd $(BUILD)/vault-bench $(SETUP)/test.stamp
	tools/bench.sh --build $(BUILD) $(BENCH_ARGS)

.PHONY: bench
