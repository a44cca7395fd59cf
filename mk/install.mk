# DESTDIR= PREFIX=; configuration always under SYSCONFDIR, where vaultd looks for it.
SYSCONFDIR ?= /etc
INSTALL    ?= install
LIBDIR     ?= $(PREFIX)/lib
at = $(DESTDIR)$(PREFIX)
# Names the files' own place in what names the packaged one.
place = sed -e 's|/usr/sbin/vaultd|$(PREFIX)/sbin/vaultd|g' -e 's|/usr/lib/vaultd|$(PREFIX)/lib/vaultd|g' -e 's|/usr/bin/vault|$(PREFIX)/bin/vault|g'

install: all
	$(INSTALL) -d $(at)/sbin $(at)/bin $(DESTDIR)$(SYSCONFDIR)/vaultd
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/systemd/system $(DESTDIR)$(LIBDIR)/sysusers.d $(DESTDIR)$(LIBDIR)/tmpfiles.d
	$(INSTALL) -m 0755 $(BUILD)/vaultd $(at)/sbin/vaultd
	$(INSTALL) -m 0755 $(BUILD)/vaultctl $(BUILD)/vault-bench $(at)/bin/
	$(INSTALL) -D -m 0755 packaging/vaultd-backup.sh $(at)/lib/vaultd/vaultd-backup
	$(INSTALL) -m 0644 packaging/sysusers.conf $(DESTDIR)$(LIBDIR)/sysusers.d/vaultd.conf
	$(INSTALL) -m 0644 packaging/tmpfiles.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/vaultd.conf
	for unit in packaging/*.service packaging/*.socket packaging/*.timer; do \
		$(place) $$unit >$(DESTDIR)$(LIBDIR)/systemd/system/$${unit##*/} || exit 1; done
	test -e $(DESTDIR)$(SYSCONFDIR)/vaultd/vaultd.conf || \
		$(INSTALL) -m 0644 packaging/vaultd.conf $(DESTDIR)$(SYSCONFDIR)/vaultd/vaultd.conf

.PHONY: install
