#include "vaultd/restore_secret.h"

#include "vaultd/base/log.h"
#include "vaultd/base/recipient.h"

static enum vault_err
read_identity(const char *path, struct arena *arena, struct secret *bytes)
{
	struct command_secret from = { .keyfile = path };
	SECRET_LOCAL(text);
	SECRET_LOCAL(half);

	TRY(command_secret_read(&from, arena, &text));
	TRY(secret_new(arena, RECIPIENT_KEY_BYTES, &half));
	if (!identity_read((struct vault_text){ (const char *)text.p, text.len }, half.p)) {
		log_error("%s holds no identity", path);
		return VAULT_INVALID_PARAMS;
	}
	secret_move(bytes, &half);
	return VAULT_OK;
}

enum vault_err
restore_secret_read(const struct restore_source *source, struct arena *arena, struct secret *bytes)
{
	if (source->identity != NULL)
		return read_identity(source->identity, arena, bytes);
	return command_secret_read(&source->from, arena, bytes);
}

struct backup_secret
restore_secret_of(const struct restore_source *source, const struct secret *bytes)
{
	struct backup_secret secret = { .by = BACKUP_BY_PASSPHRASE,
					.bytes = { bytes->p, bytes->len },
					.name = source->slot };

	if (source->identity != NULL)
		secret.by = BACKUP_BY_IDENTITY;
	else if (source->from.share_count > 0)
		secret.by = BACKUP_BY_SHARES;
	else if (source->from.keyfile != NULL)
		secret.by = BACKUP_BY_KEYFILE;
	return secret;
}
