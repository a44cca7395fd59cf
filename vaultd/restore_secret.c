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

static enum vault_err
read_share(const char *path, struct arena *arena, struct share *share)
{
	struct command_secret from = { .passphrase_file = path };
	enum vault_err err;
	SECRET_LOCAL(words);

	TRY(command_secret_read(&from, arena, &words));
	err = share_read(arena, (struct vault_text){ (const char *)words.p, words.len }, share);
	if (err == VAULT_INVALID_PARAMS)
		log_error("%s holds no share: look for a mistyped word", path);
	return err;
}

static enum vault_err
join(const struct restore_source *source, struct arena *arena, struct share *shares,
     struct secret *bytes)
{
	enum vault_err err;

	for (size_t i = 0; i < source->share_count; i++)
		TRY(read_share(source->shares[i], arena, &shares[i]));
	err = shares_join(shares, source->share_count, (struct vault_text){ 0 }, bytes);
	if (err == VAULT_INVALID_PARAMS)
		log_error("%zu shares of one slot are wanted, each another one",
			  (size_t)shares[0].threshold);
	else if (err == VAULT_DENIED)
		log_error("the shares do not belong together");
	return err;
}

enum vault_err
restore_secret_read(const struct restore_source *source, struct arena *arena, struct secret *bytes)
{
	struct share shares[SHARES_MAX] = { 0 };
	enum vault_err err;

	if (source->identity != NULL)
		return read_identity(source->identity, arena, bytes);
	if (source->share_count == 0)
		return command_secret_read(&source->file, arena, bytes);
	err = join(source, arena, shares, bytes);
	for (size_t i = 0; i < SHARES_MAX; i++)
		share_free(&shares[i]);
	return err;
}

struct backup_secret
restore_secret_of(const struct restore_source *source, const struct secret *bytes)
{
	struct backup_secret secret = { .by = BACKUP_BY_PASSPHRASE,
					.bytes = { bytes->p, bytes->len },
					.name = source->slot };

	if (source->identity != NULL)
		secret.by = BACKUP_BY_IDENTITY;
	else if (source->share_count > 0)
		secret.by = BACKUP_BY_SHARES;
	else if (source->file.keyfile != NULL)
		secret.by = BACKUP_BY_KEYFILE;
	return secret;
}
