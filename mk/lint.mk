# STEPS= names single steps. The client's header is made, so it must be there before anything that includes it is read.
lint: docs-check $(SETUP)/build.stamp $(SETUP)/test.stamp $(SETUP)/lint.stamp $(CLIENT_HEADER)
	@GENERATED=$(BUILD)/include tools/lint/run $(STEPS)

format: $(SETUP)/lint.stamp
	@tools/lint/run reformat

.PHONY: lint format
