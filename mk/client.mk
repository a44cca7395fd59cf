# The generator, libvaultclient, vaultctl, the example, manual pages and completions.
CLIENT_SONAME  := libvaultclient.so.1
CLIENT_HEADER  := $(BUILD)/include/vaultclient.h

OPSGEN     := $(BUILD)/opsgen
OPSGEN_OBJ := $(call objects,$(wildcard tools/gen/*.c))
CTL_OBJ    := $(call objects,$(wildcard tools/vaultctl/*.c))
EXAMPLE_OBJ := $(call objects,client/example/sign_launch.c)
HEADER_USERS := $(CLIENT_OBJ) $(CTL_OBJ) $(EXAMPLE_OBJ) $(call objects,$(wildcard tests/unit/test_client*.c) tests/unit/lib/fake_daemon.c)

$(OPSGEN): $(OPSGEN_OBJ) $(PROTOCOL_OBJ)
	$(CC) $(LDFLAGS_ALL) $^ -o $@

$(CLIENT_HEADER): $(OPSGEN) client/vaultclient.h.in protocol/types.h
	@mkdir -p $(@D)
	$(OPSGEN) header client/vaultclient.h.in protocol/types.h > $@.new
	@mv $@.new $@

$(HEADER_USERS): $(CLIENT_HEADER)
$(HEADER_USERS): CFLAGS_ALL += -I$(BUILD)/include

# One object whose inner names are local, so that the archive brings nothing but vault_* into a program.
$(BUILD)/libvaultclient.a: $(CLIENT_OBJ) $(PROTOCOL_OBJ)
	@rm -f $@
	$(CC) -nostdlib -r $(if $(LTO),-flinker-output=nolto-rel) $^ -o $(OBJ)/libvaultclient.o
	objcopy --wildcard --keep-global-symbol='vault_*' $(OBJ)/libvaultclient.o
	$(AR) rcs $@ $(OBJ)/libvaultclient.o

$(BUILD)/$(CLIENT_SONAME): $(CLIENT_OBJ) $(PROTOCOL_OBJ) client/libvaultclient.map
	$(CC) -shared $(LDFLAGS_ALL) -Wl,-soname,$(CLIENT_SONAME) -Wl,--version-script=client/libvaultclient.map \
		$(CLIENT_OBJ) $(PROTOCOL_OBJ) -o $@

$(BUILD)/libvaultclient.so: $(BUILD)/$(CLIENT_SONAME)
	ln -sf $(CLIENT_SONAME) $@

$(BUILD)/libvaultclient.pc: packaging/libvaultclient.pc.in
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $< > $@

# What verifies a backup where no daemon is.
CTL_PARTS := $(call objects,$(wildcard vaultd/backup/*.c) \
	$(addprefix vaultd/crypto/,aead.c box.c ed25519.c half.c hash.c init.c kdf.c stream.c) \
	$(addprefix vaultd/base/,base64.c base64_wide.c buddy.c random.c recipient.c secret.c))

$(BUILD)/vaultctl: $(CTL_OBJ) $(CTL_PARTS) $(CLIENT_OBJ) $(PROTOCOL_OBJ)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(LIBS_TOOLS) -lsodium -lcrypto

$(BUILD)/sign_launch: $(EXAMPLE_OBJ) $(BUILD)/libvaultclient.a
	$(CC) $(LDFLAGS_ALL) $^ -o $@

# The command line's tests run the example too.
cli: $(BUILD)/sign_launch

MAN_WRITTEN   := $(patsubst docs/man/%.scd,$(BUILD)/man/%,$(wildcard docs/man/*.scd))
MAN_GENERATED := $(patsubst %,$(BUILD)/man/vaultctl-%.1,$(sort $(shell awk -F'[".]' '/^OP_BEGIN/ { print $$2 }' protocol/ops.def)))

$(BUILD)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

$(MAN_GENERATED): $(BUILD)/man/vaultctl-%.1: $(OPSGEN)
	@mkdir -p $(@D)
	$(OPSGEN) man $* | scdoc > $@

man: $(MAN_WRITTEN) $(MAN_GENERATED)

# Where each shell looks them up.
COMPLETIONS := $(BUILD)/completions/vaultctl $(BUILD)/completions/_vaultctl $(BUILD)/completions/vaultctl.fish
$(COMPLETIONS) &: $(BUILD)/vaultctl
	@mkdir -p $(@D)
	$(BUILD)/vaultctl completion bash > $(BUILD)/completions/vaultctl
	$(BUILD)/vaultctl completion zsh > $(BUILD)/completions/_vaultctl
	$(BUILD)/vaultctl completion fish > $(BUILD)/completions/vaultctl.fish

completions: $(COMPLETIONS)

install: install-client
install-client: $(BUILD)/libvaultclient.a $(BUILD)/libvaultclient.so $(BUILD)/libvaultclient.pc man completions
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 $(CLIENT_HEADER) $(DESTDIR)$(PREFIX)/include/vaultclient.h
	install -m 644 $(BUILD)/libvaultclient.a $(DESTDIR)$(PREFIX)/lib/libvaultclient.a
	install -m 755 $(BUILD)/$(CLIENT_SONAME) $(DESTDIR)$(PREFIX)/lib/$(CLIENT_SONAME)
	ln -sf $(CLIENT_SONAME) $(DESTDIR)$(PREFIX)/lib/libvaultclient.so
	install -m 644 $(BUILD)/libvaultclient.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/libvaultclient.pc
	install -Dm 644 $(BUILD)/completions/vaultctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vaultctl
	install -Dm 644 $(BUILD)/completions/_vaultctl $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_vaultctl
	install -Dm 644 $(BUILD)/completions/vaultctl.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vaultctl.fish
	for page in $(MAN_WRITTEN) $(MAN_GENERATED); do \
		install -Dm 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done

.PHONY: man completions install-client
