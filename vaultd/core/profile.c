#include "vaultd/core/profile.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/claims.h"

#define PROFILE_MEMORY_LIMIT 65536 /* what a profile's lists may take besides the record itself */
#define PROFILE_COST 512	   /* bytes of the arena that a prepared profile holds */

static void
prefix_free(struct token_prefix *prefix)
{
	secret_free(&prefix->state);
	free(prefix->text);
}

static void
profile_destroy(struct cache_entry *entry)
{
	struct profile *profile = (struct profile *)(void *)entry;

	prefix_free(&profile->constant);
	prefix_free(&profile->timed);
	scratch_free(&profile->memory);
	free(profile);
}

static enum vault_err
profile_load(struct op *op, struct vault_text name, struct profile *profile)
{
	struct vault_bytes copy;
	ROW_LOCAL(row);

	profile->place = row_key_of(&op->tenant->keys, ROW_PROFILE, text_bytes(name));
	TRY(sealed_find(op->txn, &op->tenant->keys, &profile->place, &row));
	TRY(scratch_init(&profile->memory, (row.plain.len + 1024) / 16 * 16, PROFILE_MEMORY_LIMIT));
	copy = (struct vault_bytes){ scratch_copy(&profile->memory, row.plain.p, row.plain.len),
				     row.plain.len };
	if (copy.p == NULL)
		return VAULT_BUSY;
	TRY(record_decode(profile_record_type(), copy, &profile->memory, &profile->settings));
	return text_equal(profile->settings.name, name) ? VAULT_OK : VAULT_NOT_FOUND;
}

static enum vault_err
load_into_cache(struct op *op, const struct cache_key *cached, struct profile **out)
{
	struct profile *profile;
	enum vault_err err;

	do {
		profile = calloc(1, sizeof *profile);
		if (profile == NULL)
			return VAULT_BUSY;
		err = profile_load(op, cached->name, profile);
		if (err != VAULT_OK)
			profile_destroy(&profile->entry);
	} while (err == VAULT_BUSY && cache_evict(op->cache));
	TRY(err);
	profile->entry.destroy = profile_destroy;
	profile->entry.cost = PROFILE_COST;
	cache_put(op->cache, cached, &profile->entry);
	*out = profile;
	return VAULT_OK;
}

enum vault_err
profile_get(struct op *op, struct vault_text name, struct profile **out)
{
	struct cache_key cached = { CACHE_PROFILE, op->tenant->keys.tenant, name,
				    tenant_generation(op) };
	struct profile *profile = (struct profile *)(void *)cache_get(op->cache, &cached);
	enum vault_err err = VAULT_OK;

	if (profile == NULL) {
		TRY(op_refresh(op));
		err = load_into_cache(op, &cached, &profile);
	}
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "profile", "there is no such profile");
	TRY(err);
	op->note.target = profile->place;
	*out = profile;
	return VAULT_OK;
}

static enum vault_err
header_json(const struct profile *profile, const struct key *key, const struct key_live *live,
	    struct buf *out)
{
	TRY(json_put_text(out, "{\"alg\":"));
	TRY(json_put_string(out, key_algorithm_name(key->algorithm)));
	TRY(json_put_text(out, ",\"kid\":"));
	TRY(json_put_string(out, (struct vault_text){ live->kid, live->kid_len }));
	TRY(json_put_text(out, ",\"typ\":"));
	TRY(json_put_string(out, profile->settings.typ));
	return json_put_text(out, "}");
}

static enum vault_err
constant_members(struct op *op, const struct profile *profile, struct buf *out)
{
	const struct profile_record *settings = &profile->settings;

	TRY(json_put_text(out, "\"prf\":"));
	TRY(json_put_string(out, settings->name));
	if (settings->tenant_claim) {
		TRY(json_put_text(out, ",\"tid\":"));
		TRY(json_put_string(out, tenant_name_of(op->tenant)));
	}
	if (settings->issuer.p != NULL) {
		TRY(json_put_text(out, ",\"iss\":"));
		TRY(json_put_string(out, settings->issuer));
	}
	return json_put_members(out, settings->fixed);
}

/*
 * The constant claims with as much space behind the brace as makes base64 of them end on a whole
 * group.
 */
static enum vault_err
constant_json(struct op *op, const struct profile *profile, struct buf *out)
{
	struct buf members = { 0 };
	enum vault_err err = constant_members(op, profile, &members);

	if (err == VAULT_OK)
		err = json_put_text(out, "{");
	while (err == VAULT_OK && (buf_len(out) + buf_len(&members)) % 3 != 0)
		err = json_put_text(out, " ");
	if (err == VAULT_OK)
		err = buf_append(out, buf_data(&members), buf_len(&members));
	buf_free(&members);
	return err;
}

/* The claims that all tokens of this second share, with space behind them to the same end. */
static enum vault_err
timed_json(struct op *op, const struct profile *profile, struct buf *out)
{
	TRY(json_put_audience(out, &profile->settings.audience));
	TRY(json_put_times(out, op->now.wall, op->now.wall + profile->settings.ttl));
	while (buf_len(out) % 3 != 0)
		TRY(json_put_text(out, " "));
	return VAULT_OK;
}

/* Replaces *prefix by before, then the JSON in base64url. */
static enum vault_err
prefix_set(struct token_prefix *prefix, struct vault_text before, const struct buf *json)
{
	char *text = malloc(before.len + BASE64_LENGTH(buf_len(json)));

	if (text == NULL)
		return VAULT_BUSY;
	memcpy(text, before.p, before.len);
	free(prefix->text);
	prefix->text = text;
	prefix->len =
		before.len + base64url_encode(buf_data(json), buf_len(json), text + before.len);
	return VAULT_OK;
}

/* The state after from's bytes (NULL: from nothing), and then what prefix has beyond them. */
static enum vault_err
prefix_absorb(struct op *op, const struct key_live *live, const struct token_prefix *from,
	      struct token_prefix *prefix)
{
	struct mac_state *state;

	if (prefix->state.p == NULL)
		TRY(secret_new(op->vault->arena, sizeof *state, &prefix->state));
	state = (struct mac_state *)(void *)prefix->state.p;
	if (from == NULL)
		mac_start(&live->signature.mac, state);
	else
		memcpy(state, from->state.p, sizeof *state);
	mac_add(&live->signature.mac, state, prefix->text + (from == NULL ? 0 : from->len),
		prefix->len - (from == NULL ? 0 : from->len));
	return VAULT_OK;
}

static enum vault_err
encode_header(struct buf *header, struct vault_text *text)
{
	size_t n = buf_len(header), room = BASE64_LENGTH(n) + 1;

	/* Encoded behind the JSON, which it is made of. */
	TRY(buf_reserve(header, room));
	text->p = (const char *)buf_data(header) + n;
	text->len = base64url_encode(buf_data(header), n, (char *)buf_data(header) + n);
	((char *)buf_data(header))[n + text->len++] = '.';
	return VAULT_OK;
}

static enum vault_err
make_constant(struct op *op, struct profile *profile, const struct key_live *live)
{
	struct buf header = { 0 }, payload = { 0 };
	struct vault_text before;
	enum vault_err err = header_json(profile, profile->key, live, &header);

	if (err == VAULT_OK)
		err = constant_json(op, profile, &payload);
	if (err == VAULT_OK)
		err = encode_header(&header, &before);
	if (err == VAULT_OK)
		err = prefix_set(&profile->constant, before, &payload);
	buf_free(&header);
	buf_free(&payload);
	if (err == VAULT_OK && signature_symmetric(live->signature.algorithm))
		err = prefix_absorb(op, live, NULL, &profile->constant);
	return err;
}

static enum vault_err
make_timed(struct op *op, struct profile *profile, const struct key_live *live)
{
	struct vault_text before = { profile->constant.text, profile->constant.len };

	op->work->head = op->work->tail = 0;
	TRY(timed_json(op, profile, op->work));
	TRY(prefix_set(&profile->timed, before, op->work));
	if (signature_symmetric(live->signature.algorithm))
		TRY(prefix_absorb(op, live, &profile->constant, &profile->timed));
	profile->timed_at = op->now.wall;
	return VAULT_OK;
}

enum vault_err
profile_prepare(struct op *op, struct profile *profile, bool timed, const struct key_live **signer,
		const struct token_prefix **prefix)
{
	TRY(key_get(op, "profile", profile->settings.key, &profile->key));
	TRY(key_signer(op, profile->key, signer));
	op->note.target = profile->place;
	if (profile->signer != (*signer)->times.version) {
		profile->signer = 0;
		profile->timed_at = 0;
		TRY(make_constant(op, profile, *signer));
		profile->signer = (*signer)->times.version;
	}
	if (timed && profile->timed_at != op->now.wall)
		TRY(make_timed(op, profile, *signer));
	*prefix = timed ? &profile->timed : &profile->constant;
	return VAULT_OK;
}

enum vault_err
profile_require_subset(struct op *op, const char *field, const struct vault_texts *asked,
		       const struct vault_texts *allowed)
{
	for (size_t i = 0; i < asked->n; i++)
		if (!texts_hold(allowed, asked->v[i]))
			return op_fail(op, VAULT_INVALID_PARAMS, field,
				       "not allowed by the profile");
	return VAULT_OK;
}
