# The documents that are made: protocol/PROTOCOL.md is PROTOCOL.md.in with the tables of ops.def in place of @TABLES@.
$(BUILD)/PROTOCOL.md: protocol/PROTOCOL.md.in $(OPSGEN)
	@mkdir -p $(@D)
	$(OPSGEN) markdown > $@.tables
	sed -e '/^@TABLES@$$/{r $@.tables' -e 'd}' $< > $@.new
	@mv $@.new $@

docs: $(BUILD)/PROTOCOL.md
	@cmp -s $< protocol/PROTOCOL.md || { cp $< protocol/PROTOCOL.md && echo "docs: protocol/PROTOCOL.md is new"; }

# Options of the configuration that their manual does not name.
UNDOCUMENTED = for option in $$(sed -n 's/^\t\tCFG_[A-Z]*("\([a-z0-9_]*\)".*/\1/p' vaultd/config.c); do \
	grep -q "^\*$$option\* = " docs/man/vaultd.conf.5.scd || echo $$option; done

docs-check: $(BUILD)/PROTOCOL.md
	@diff -u protocol/PROTOCOL.md $< || { echo "docs-check: protocol/PROTOCOL.md is stale; run make docs"; exit 1; }
	@missing=$$($(UNDOCUMENTED)); \
	[ -z "$$missing" ] || { echo "docs-check: not in vaultd.conf(5):" $$missing; exit 1; }
	@echo "docs-check: ok"

.PHONY: docs docs-check
