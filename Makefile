# make            builds vaultd, vaultctl, vault-bench and libvaultclient into build/
# make check      every test: units, integration, hostile, command line, the client's example
# make lint       format, layers, headers alone, banned calls, clang-tidy, cppcheck
# make sanitize   the whole suite under ASan and UBSan; sanitize-threads: under TSan
# make crash      kill -9 under load, VAULTD_CRASH_ROUNDS times (60)
# make fuzz       FUZZ_SECONDS of libFuzzer for each target in tests/fuzz
# make bench      the numbers of docs/PERFORMANCE.md
# make demo       a vault from nothing to a verified token, in a temporary directory
# make install    DESTDIR= PREFIX=
# What is missing on a Debian machine is installed by tools/setup.sh, which says what it does.
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
MODE    ?=
ifeq ($(origin CC),default)
CC := gcc
endif
# The daemon is optimised as a whole; the objects hold ordinary code as well, for libraries and tests.
LTO     := $(if $(filter gcc,$(CC)),-flto=2 -ffat-lto-objects)
OPT     ?= -O3 -g $(LTO)

VERSION := 0.1.0

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wundef
FORTIFY ?= -D_FORTIFY_SOURCE=2
HARD := -fstack-protector-strong $(FORTIFY) -fPIC -fno-strict-aliasing
CPPFLAGS_ALL = -D_GNU_SOURCE -DVAULT_VERSION='"$(VERSION)"' -I. $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(CPPFLAGS_ALL) $(OPT) $(WARN) $(HARD) $(MODE) $(CFLAGS) -MMD -MP
LDFLAGS_ALL = -Wl,-z,relro,-z,now $(MODE) $(LDFLAGS)
LIBS_DAEMON = -lsodium -llmdb -levent_core -lcrypto -ljansson -lseccomp -lconfuse -lpthread
LIBS_TOOLS  = -lsmartcols -ljansson -lqrencode

OBJ := $(BUILD)/obj
objects = $(patsubst %.c,$(OBJ)/%.o,$(1))

PROTOCOL_SRC := $(wildcard protocol/*.c)
DAEMON_SRC   := $(filter-out vaultd/main.c,$(wildcard vaultd/*.c vaultd/*/*.c))
CLIENT_SRC   := $(wildcard client/*.c)
CTL_SRC      := $(wildcard tools/vaultctl/*.c)
BENCH_SRC    := $(wildcard tools/vault-bench/*.c)

PROTOCOL_OBJ := $(call objects,$(PROTOCOL_SRC))
DAEMON_OBJ   := $(call objects,$(DAEMON_SRC))
CLIENT_OBJ   := $(call objects,$(CLIENT_SRC))

all: $(BUILD)/vaultd $(BUILD)/vaultctl $(BUILD)/vault-bench $(BUILD)/libvaultclient.a $(BUILD)/libvaultclient.so

# Whatever BUILD is, the machine is set up once.
SETUP := build/setup
$(SETUP)/%.stamp: tools/setup.sh
	@tools/setup.sh $*
	@mkdir -p $(@D) && touch $@

$(OBJ)/%.o: %.c | $(SETUP)/build.stamp
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c $< -o $@

$(BUILD)/vaultd: $(call objects,vaultd/main.c) $(DAEMON_OBJ) $(PROTOCOL_OBJ)
	$(CC) $(OPT) $(LDFLAGS_ALL) $^ -o $@ $(LIBS_DAEMON)

-include mk/client.mk mk/bench.mk mk/docs.mk
include mk/check.mk mk/lint.mk mk/install.mk
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

clean:
	rm -rf build build-asan build-tsan build-fuzz $(BUILD)

.PHONY: all clean
.DELETE_ON_ERROR:
