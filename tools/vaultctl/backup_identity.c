/*
 * backup identity: an X25519 pair whose private half stays away from the vault's host.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/backup_file.h"
#include "tools/vaultctl/command.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/recipient.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES 65536
#define NAME_DEFAULT "backup"

static int
write_identity(const struct ctl *ctl, const char *path, const struct recipient *recipient,
	       const struct secret *half)
{
	struct backup_file file = BACKUP_FILE_NONE;
	char text[IDENTITY_TEXT_MAX];
	size_t len;
	bool good;

	identity_write(recipient, half->p, text, &len);
	good = backup_file_open(ctl, path, "", false, &file) &&
	       backup_file_write(ctl, &file, (struct vault_bytes){ (const uint8_t *)text, len }) &&
	       backup_file_sync(ctl, &file) && backup_file_keep(ctl, &file);
	backup_file_close(&file);
	explicit_bzero(text, sizeof text);
	return good ? CTL_DONE : CTL_LOCAL;
}

static int
make(const struct ctl *ctl, const char *path, struct recipient *recipient, struct arena *arena)
{
	char text[BASE64_LENGTH(RECIPIENT_KEY_BYTES)];
	SECRET_LOCAL(half);
	int status;

	if (box_keypair(arena, recipient->public_key, &half) != VAULT_OK)
		return ctl_local(ctl, "memory is short");
	status = write_identity(ctl, path, recipient, &half);
	if (status != CTL_DONE)
		return status;
	base64url_encode(recipient->public_key, RECIPIENT_KEY_BYTES, text);
	ctl_note(ctl,
		 "%s holds the private half: keep it off the vault's host, and safe. This "
		 "line goes into vaultd.conf:",
		 path);
	printf("backup_recipients = {\"%s=%.*s\"}\n", recipient->name, (int)sizeof text, text);
	return CTL_DONE;
}

int
run_backup_identity(struct ctl *ctl, struct args *args)
{
	const char *name = args->words_n > 1 ? args->words[1] : NAME_DEFAULT;
	struct recipient recipient = { 0 };
	struct arena *arena;
	int status;

	if (args->words_n < 1 || args->words_n > 2 || !text_name(text_of(name)))
		return ctl_usage(ctl, "usage: vaultctl backup identity FILE [NAME]");
	snprintf(recipient.name, sizeof recipient.name, "%s", name);
	if (crypto_init() != VAULT_OK || arena_open(ARENA_BYTES, false, &arena) != VAULT_OK)
		return ctl_local(ctl, "memory is short");
	status = make(ctl, args->words[0], &recipient, arena);
	arena_close(arena);
	return status;
}
