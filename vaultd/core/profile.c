#include "vaultd/core/profile.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/claims.h"

#define PROFILE_MEMORY_LIMIT 65536 /* what a profile's lists may take besides the record itself */
#define PROFILE_COST 512	   /* bytes of the arena that a prepared profile holds */

static void
profile_destroy(struct cache_entry *entry)
{
	struct profile *profile = (struct profile *)(void *)entry;

	secret_free(&profile->state);
	scratch_free(&profile->memory);
	free(profile->prefix);
	free(profile->audience);
	free(profile);
}

static enum vault_err
profile_load(struct op *op, struct vault_text name, struct profile *profile)
{
	struct vault_bytes copy;
	ROW_LOCAL(row);

	profile->place = row_key_of(&op->tenant->keys, ROW_PROFILE,
				    (struct vault_bytes){ (const uint8_t *)name.p, name.len });
	TRY(sealed_find(op->txn, &op->tenant->keys, &profile->place, &row));
	TRY(scratch_init(&profile->memory, (row.plain.len + 1024) / 16 * 16, PROFILE_MEMORY_LIMIT));
	copy = (struct vault_bytes){ scratch_copy(&profile->memory, row.plain.p, row.plain.len), row.plain.len };
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
	struct cache_key cached = { CACHE_PROFILE, op->tenant->keys.tenant, name, tenant_generation(op) };
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
header_json(const struct profile *profile, const struct key *key, const struct key_live *live, struct buf *out)
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

/* The constant claims with as much space behind the brace as makes base64 of them end on a whole group. */
static enum vault_err
payload_json(struct op *op, const struct profile *profile, struct buf *out)
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

static enum vault_err
encode_prefix(struct profile *profile, const struct buf *header, const struct buf *payload)
{
	size_t room = BASE64_LENGTH(buf_len(header)) + 1 + BASE64_LENGTH(buf_len(payload));
	char *prefix = malloc(room), *at = prefix;

	if (prefix == NULL)
		return VAULT_BUSY;
	at += base64url_encode(buf_data(header), buf_len(header), at);
	*at++ = '.';
	at += base64url_encode(buf_data(payload), buf_len(payload), at);
	free(profile->prefix);
	profile->prefix = prefix;
	profile->prefix_len = (size_t)(at - prefix);
	return VAULT_OK;
}

static enum vault_err
make_prefix(struct op *op, struct profile *profile, const struct key *key, const struct key_live *live)
{
	struct buf header = { 0 }, payload = { 0 };
	enum vault_err err = header_json(profile, key, live, &header);

	if (err == VAULT_OK)
		err = payload_json(op, profile, &payload);
	if (err == VAULT_OK)
		err = encode_prefix(profile, &header, &payload);
	buf_free(&header);
	buf_free(&payload);
	return err;
}

static enum vault_err
audience_json(const struct vault_texts *audience, struct buf *out)
{
	if (audience->n == 0)
		return VAULT_OK;
	TRY(json_put_text(out, ",\"aud\":"));
	if (audience->n == 1)
		return json_put_string(out, audience->v[0]);
	for (size_t i = 0; i < audience->n; i++) {
		TRY(json_put_text(out, i == 0 ? "[" : ","));
		TRY(json_put_string(out, audience->v[i]));
	}
	return json_put_text(out, "]");
}

static enum vault_err
make_audience(struct profile *profile)
{
	struct buf json = { 0 };
	enum vault_err err = audience_json(&profile->settings.audience, &json);
	char *text = err == VAULT_OK ? malloc(buf_len(&json) + 1) : NULL;

	if (err == VAULT_OK && text == NULL)
		err = VAULT_BUSY;
	if (err == VAULT_OK) {
		if (buf_len(&json) > 0)
			memcpy(text, buf_data(&json), buf_len(&json));
		free(profile->audience);
		profile->audience = text;
		profile->audience_len = buf_len(&json);
	}
	buf_free(&json);
	return err;
}

static enum vault_err
make_state(struct op *op, struct profile *profile, const struct key_live *live)
{
	SECRET_LOCAL(state);
	struct mac_state *mac;

	TRY(secret_new(op->vault->arena, sizeof *mac, &state));
	mac = (struct mac_state *)(void *)state.p;
	mac_start(&live->mac, mac);
	mac_add(&live->mac, mac, profile->prefix, profile->prefix_len);
	secret_free(&profile->state);
	secret_move(&profile->state, &state);
	return VAULT_OK;
}

enum vault_err
profile_prepare(struct op *op, struct profile *profile, const struct key_live **signer)
{
	const struct key *key;
	const struct key_live *live;

	TRY(key_get(op, "profile", profile->settings.key, &key));
	TRY(key_signer(op, key, &live));
	op->note.target = profile->place;
	profile->key = key;
	*signer = live;
	if (profile->signer == live->version && profile->prefix != NULL)
		return VAULT_OK;
	TRY(make_prefix(op, profile, key, live));
	TRY(make_audience(profile));
	if (key->algorithm != key_algorithm_EdDSA)
		TRY(make_state(op, profile, live));
	profile->signer = live->version;
	return VAULT_OK;
}
