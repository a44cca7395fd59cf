/*
 * backup verify and backup inspect: what a file is, where no daemon is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/backup_read.h"
#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/pack.h"
#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/recipient.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES 262144
#define IDENTITY_TEXT BASE64_LENGTH(ED25519_PUBLIC_BYTES)

const struct extra backup_verify_extras[] = {
	{ "passphrase", "-|@FILE", "open it with a slot's passphrase, or the backup's own" },
	{ "keyfile", "FILE", "open it with a slot's key file" },
	{ "identity", "FILE", "open it with a recipient's private half" },
	{ "slot", "NAME", "try this slot or recipient alone" },
	{ "keys", "FILE", "verify the keys that were split off it, too" },
	{ "signed-by", "KEY", "refuse what another store signed; inspect shows whose it is" },
	{ NULL, NULL, NULL },
};

static const char *const kinds[] = { "?", "store", "tenant", "keys" };
static const char *const by_names[] = { "?", "passphrase", "key file", "shares", "identity" };

static void
identity_text(const struct backup_header *header, char out[static IDENTITY_TEXT + 1])
{
	out[base64url_encode(header->identity, sizeof header->identity, out)] = '\0';
}

/* What stands plain, as a map in the order it is shown in; a list's cells are joined. */
static void
describe(const struct backup_reading *reading, struct buf *out)
{
	const struct backup_header *header = &reading->header;
	const struct backup_manifest *m = &reading->manifest;
	char id[BACKUP_ID_TEXT], store[BACKUP_ID_TEXT], identity[IDENTITY_TEXT + 1];
	const struct {
		const char *name;
		int64_t v;
	} numbers[] = { { "time", header->time },
			{ "bytes", (int64_t)m->bytes + BACKUP_MANIFEST_BYTES },
			{ "records", (int64_t)m->rows },
			{ "items", (int64_t)m->items },
			{ "chunks", (int64_t)m->chunks },
			{ "revision", (int64_t)m->revision },
			{ "audit_seq", (int64_t)m->audit_seq },
			{ "root_generation", header->root_generation },
			{ "next_tenant", m->next_tenant } };
	const char *const texts[][2] = { { "backup", id },
					 { "kind", kinds[header->kind] },
					 { "store_id", store },
					 { "signed_by", identity } };
	size_t number_count = sizeof numbers / sizeof numbers[0];
	size_t text_count = sizeof texts / sizeof texts[0];

	backup_id_text(header->id, id);
	backup_id_text(header->store_id, store);
	identity_text(header, identity);
	pack_map(out, (uint32_t)(number_count + text_count + 2));
	for (size_t i = 0; i < text_count; i++) {
		pack_str(out, text_of(texts[i][0]));
		pack_str(out, text_of(texts[i][1]));
	}
	for (size_t i = 0; i < number_count; i++) {
		pack_str(out, text_of(numbers[i].name));
		pack_int(out, numbers[i].v);
	}
	pack_str(out, TEXT_LITERAL("split"));
	pack_bool(out, (header->flags & BACKUP_SPLIT) != 0);
	pack_str(out, TEXT_LITERAL("openers"));
	pack_array(out, header->opener_count);
	for (unsigned i = 0; i < header->opener_count; i++) {
		const struct backup_opener *opener = &header->openers[i];

		pack_map(out, 2);
		pack_str(out, TEXT_LITERAL("by"));
		pack_str(out, text_of(by_names[opener->by]));
		pack_str(out, TEXT_LITERAL("name"));
		pack_str(out, (struct vault_text){ opener->name, opener->name_len });
	}
}

/* Names are the file's word: what would steer a terminal is not let through. */
static void
put_name(const struct backup_opener *opener)
{
	for (unsigned i = 0; i < opener->name_len; i++)
		putchar(opener->name[i] > 0x20 && opener->name[i] < 0x7f ? opener->name[i] : '?');
}

static void
show_table(const struct ctl *ctl, const struct backup_reading *reading)
{
	static const char *const to[] = { "?", "the store's slots", "a passphrase", "a recipient" };
	const struct backup_header *header = &reading->header;
	const struct backup_manifest *m = &reading->manifest;
	char id[BACKUP_ID_TEXT], store[BACKUP_ID_TEXT], identity[IDENTITY_TEXT + 1];
	char at[UNIT_TEXT_MAX], age[UNIT_TEXT_MAX], size[UNIT_TEXT_MAX], took[UNIT_TEXT_MAX];

	backup_id_text(header->id, id);
	backup_id_text(header->store_id, store);
	identity_text(header, identity);
	unit_show_time(at, header->time);
	unit_show_age(age, header->time, ctl->now);
	unit_show_bytes(size, m->bytes + BACKUP_MANIFEST_BYTES);
	unit_show_duration(took, m->ended - m->started);
	printf("backup     %s\nkind       %s%s\ntime       %s (%s), took %s\n", id,
	       kinds[header->kind],
	       (header->flags & BACKUP_SPLIT) == 0 ? ""
	       : header->kind == BACKUP_KEYS	   ? " (of a split backup)"
						   : " (its tenants' keys are in another file)",
	       at, age, took);
	printf("store      %s, revision %" PRIu64 "\nsize       %s, %" PRIu64 " records in %" PRIu64
	       " chunks\naudit      up to record %" PRIu64 "\nsigned by  %s\nopens with %s:",
	       store, m->revision, size, m->rows, m->chunks, m->audit_seq, identity,
	       to[header->to]);
	for (unsigned i = 0; i < header->opener_count; i++) {
		printf("%s %s%s", i == 0 ? "" : ",", by_names[header->openers[i].by],
		       header->openers[i].name_len > 0 ? " " : "");
		put_name(&header->openers[i]);
	}
	putchar('\n');
}

static void
show(const struct ctl *ctl, const struct backup_reading *reading)
{
	struct buf map = { 0 };
	struct cursor c;

	if (ctl->format != CTL_JSON) {
		show_table(ctl, reading);
		return;
	}
	describe(reading, &map);
	c = (struct cursor){ buf_data(&map), buf_data(&map) + buf_len(&map) };
	json_print(stdout, &c, NULL, false);
	buf_free(&map);
}

/* The exit code for what reading came to. */
static int
explain(const struct ctl *ctl, const char *path, enum vault_err err)
{
	switch (err) {
	case VAULT_OK:
		return CTL_DONE;
	case VAULT_INTERNAL:
		return CTL_LOCAL;
	case VAULT_INTEGRITY:
		ctl_local(ctl,
			  "%s: not a whole and unchanged backup: take another copy of it, or "
			  "another backup",
			  path);
		return CTL_INVALID;
	case VAULT_UNSUPPORTED:
		return ctl_local(ctl, "%s: of a newer format; use a newer vaultctl", path);
	case VAULT_DENIED:
		return ctl_local(
			ctl, "%s: this secret does not open it; see backup inspect for what does",
			path);
	case VAULT_NOT_FOUND:
		return ctl_local(ctl,
				 "%s: nothing of that kind and name opens it; see backup "
				 "inspect",
				 path);
	default:
		return ctl_local(ctl, "%s: %s", path, vault_err_message(err));
	}
}

int
run_backup_inspect(struct ctl *ctl, struct args *args)
{
	struct backup_reading reading = { .path = args->words[0] };
	int status;

	if (args->words_n != 1)
		return ctl_usage(ctl, "usage: vaultctl backup inspect FILE");
	if (crypto_init() != VAULT_OK)
		return ctl_local(ctl, "memory is short");
	status = explain(ctl, reading.path, backup_read_ends(ctl, &reading));
	if (status == CTL_DONE)
		show(ctl, &reading);
	return status;
}

/* A file as the field of sys.unseal that is meant by it. */
static bool
read_secret(struct ctl *ctl, const char *name, const char *value, struct buf *out)
{
	const struct object_type *type = op_rows[OP_sys_unseal].request();
	char file[4096];

	if (strcmp(name, "passphrase") == 0 && !source_is(value)) {
		ctl_usage(ctl,
			  "--passphrase takes - or @FILE: it never stands on the command line");
		return false;
	}
	snprintf(file, sizeof file, "%s%s", strcmp(name, "passphrase") == 0 ? "" : "@", value);
	for (unsigned i = 0; i < type->count; i++)
		if (strcmp(type->fields[i].name,
			   strcmp(name, "passphrase") == 0 ? name : "keyfile") == 0)
			return source_read(ctl, &type->fields[i], file, out);
	return false;
}

/* What --passphrase, --keyfile or --identity brings; *given false where none was. */
static bool
take_secret(struct ctl *ctl, const struct args *args, struct buf *bytes,
	    struct backup_secret *secret, bool *given)
{
	static const struct {
		const char *name;
		enum backup_by by;
	} ways[] = { { "passphrase", BACKUP_BY_PASSPHRASE },
		     { "keyfile", BACKUP_BY_KEYFILE },
		     { "identity", BACKUP_BY_IDENTITY } };
	uint8_t half[RECIPIENT_KEY_BYTES];
	bool good = true;

	*given = false;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0] && good; i++) {
		const char *value = args_extra(args, ways[i].name);

		if (value == NULL)
			continue;
		if (*given) {
			ctl_usage(ctl, "give one secret");
			return false;
		}
		*given = true;
		secret->by = ways[i].by;
		good = read_secret(ctl, ways[i].name, value, bytes);
	}
	if (good && *given && buf_len(bytes) == 0) {
		ctl_local(ctl, "the secret is empty");
		return false;
	}
	if (good && secret->by == BACKUP_BY_IDENTITY) {
		good = identity_read(
			(struct vault_text){ (const char *)buf_data(bytes), buf_len(bytes) }, half);
		buf_truncate(bytes, 0);
		if (!good || buf_append(bytes, half, sizeof half) != VAULT_OK) {
			ctl_local(ctl, "%s is no identity file", args_extra(args, "identity"));
			good = false;
		}
		explicit_bzero(half, sizeof half);
	}
	if (buf_len(bytes) > 0)
		secret->bytes = (struct vault_bytes){ buf_data(bytes), buf_len(bytes) };
	secret->name = vault_text(args_extra(args, "slot"));
	return good;
}

static int
check_signer(const struct ctl *ctl, const struct args *args, const struct backup_reading *reading)
{
	const char *wanted = args_extra(args, "signed-by");
	char identity[IDENTITY_TEXT + 1];

	identity_text(&reading->header, identity);
	if (wanted == NULL || strcmp(wanted, identity) == 0)
		return CTL_DONE;
	ctl_local(ctl, "%s: signed by %s", reading->path, identity);
	return CTL_INVALID;
}

static int
verify_one(struct ctl *ctl, const struct args *args, const struct backup_secret *secret,
	   struct arena *arena, struct backup_reading *reading)
{
	int status = explain(ctl, reading->path, backup_read_whole(ctl, secret, arena, reading));

	return status == CTL_DONE ? check_signer(ctl, args, reading) : status;
}

static int
verify(struct ctl *ctl, const struct args *args, const struct backup_secret *secret,
       struct arena *arena)
{
	struct backup_reading file = { .path = args->words[0] };
	struct backup_reading keys = { .path = args_extra(args, "keys") };
	int status = verify_one(ctl, args, secret, arena, &file);

	if (status == CTL_DONE && keys.path != NULL)
		status = verify_one(ctl, args, secret, arena, &keys);
	if (status == CTL_DONE && keys.path != NULL &&
	    (keys.header.kind != BACKUP_KEYS ||
	     memcmp(keys.header.id, file.header.id, sizeof file.header.id) != 0)) {
		ctl_local(ctl, "%s: not the keys of %s", keys.path, file.path);
		status = CTL_INVALID;
	}
	if (status != CTL_DONE)
		return status;
	if (!ctl->quiet)
		show(ctl, &file);
	ctl_note(ctl, "Good: %s.%s",
		 file.opened ? "framing, hashes and signature, and every chunk and item opens"
			     : "framing, hashes and signature (give a secret to open it)",
		 keys.path == NULL && (file.header.flags & BACKUP_SPLIT) != 0 &&
				 file.header.kind == BACKUP_STORE
			 ? " Its tenants' keys are in another file: --keys."
			 : "");
	return CTL_DONE;
}

int
run_backup_verify(struct ctl *ctl, struct args *args)
{
	struct backup_secret secret = { 0 };
	struct buf bytes = { 0 };
	struct arena *arena;
	int status = CTL_LOCAL;
	bool given;

	if (args->words_n != 1)
		return ctl_usage(ctl, "usage: vaultctl backup verify FILE; see --help");
	child_guard();
	if (crypto_init() != VAULT_OK || arena_open(ARENA_BYTES, false, &arena) != VAULT_OK)
		return ctl_local(ctl, "memory is short");
	if (take_secret(ctl, args, &bytes, &secret, &given))
		status = verify(ctl, args, given ? &secret : NULL, arena);
	buf_free(&bytes);
	arena_close(arena);
	return status;
}
