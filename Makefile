# make            builds vaultd, vaultctl, vault-bench and libvaultclient into build/
# make check      every test; what CI runs
# make lint sanitize fuzz bench demo install: see README.md
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
OPT     ?= -O2 -g
MODE    ?=

PACKAGES_PROTOCOL := msgpack
PACKAGES_DAEMON   := libsodium libevent_core libcrypto jansson libseccomp libconfuse
PACKAGES_TOOLS    := smartcols jansson

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wundef
HARD := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIC -fno-strict-aliasing
CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -I. $(OPT) $(WARN) $(HARD) $(MODE) $(CFLAGS) -MMD -MP
LDFLAGS_ALL = -Wl,-z,relro,-z,now $(MODE) $(LDFLAGS)
LIBS_DAEMON = -lsodium -llmdb -levent_core -lcrypto -ljansson -lseccomp -lconfuse -lpthread
LIBS_TOOLS  = -lsmartcols -ljansson

OBJ := $(BUILD)/obj
objects = $(patsubst %.c,$(OBJ)/%.o,$(1))

PROTOCOL_SRC := $(wildcard protocol/*.c)
DAEMON_SRC   := $(filter-out vaultd/main.c,$(wildcard vaultd/*.c vaultd/*/*.c))
CLIENT_SRC   := $(wildcard client/*.c)
CTL_SRC      := $(wildcard tools/vaultctl/*.c)
BENCH_SRC    := $(wildcard tools/vault-bench/*.c)
UNIT_SRC     := $(wildcard tests/unit/test_*.c)

PROTOCOL_OBJ := $(call objects,$(PROTOCOL_SRC))
DAEMON_OBJ   := $(call objects,$(DAEMON_SRC))
CLIENT_OBJ   := $(call objects,$(CLIENT_SRC))

all: $(BUILD)/vaultd $(BUILD)/vaultctl $(BUILD)/vault-bench $(BUILD)/libvaultclient.a $(BUILD)/libvaultclient.so

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c $< -o $@

$(BUILD)/vaultd: $(call objects,vaultd/main.c) $(DAEMON_OBJ) $(PROTOCOL_OBJ)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(LIBS_DAEMON)

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(DAEMON_OBJ) $(PROTOCOL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ -lcmocka $(LIBS_DAEMON)

unit: $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
	@set -e; for t in $^; do $$t; done

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
.PHONY: all unit
