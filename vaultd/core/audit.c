#include "vaultd/core/audit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/base/clock.h"
#include "vaultd/core/audit_state.h"

enum vault_err
audit_new(const struct audit_config *config, struct audit **audit)
{
	uint64_t bytes = config->segment_bytes == 0 ? AUDIT_SEGMENT_BYTES : config->segment_bytes;
	struct audit *made;

	if (bytes < AUDIT_SEGMENT_BYTES_MIN || bytes > AUDIT_SEGMENT_BYTES_MAX)
		return VAULT_INVALID_PARAMS;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return VAULT_BUSY;
	made->path = strdup(config->path);
	made->block = malloc(AUDIT_BLOCK_MAX);
	if (made->path == NULL || made->block == NULL) {
		free(made->path);
		free(made->block);
		free(made);
		return VAULT_BUSY;
	}
	made->arena = config->arena;
	made->segment_bytes = bytes;
	pthread_mutex_init(&made->upkeep, NULL);
	pthread_mutex_init(&made->append, NULL);
	pthread_cond_init(&made->filled, NULL);
	*audit = made;
	return VAULT_OK;
}

void
audit_clear(struct audit *audit)
{
	int dir = audit_dir_open(audit->path);

	pthread_mutex_lock(&audit->append);
	audit->running = false;
	audit_spare_drop(dir, &audit->spare);
	if (dir >= 0)
		close(dir);
	while (audit->closed_count > 0)
		audit_file_unref(audit->closed[--audit->closed_count]);
	audit_file_unref(audit->file);
	audit->file = NULL;
	secret_free(&audit->key);
	audit_epoch_free(audit);
	audit_ring_unref(audit->ring);
	audit->ring = NULL;
	audit->head = audit->flushed = (struct audit_head){ 0 };
	audit->lost = (struct audit_lost){ 0 };
	audit->loss = AUDIT_LOSS_NONE;
	audit->need_cut = audit->ok = false;
	audit->zeroed = 0;
	pthread_mutex_unlock(&audit->append);
}

void
audit_free(struct audit *audit)
{
	if (audit == NULL)
		return;
	audit_clear(audit);
	pthread_mutex_destroy(&audit->upkeep);
	pthread_mutex_destroy(&audit->append);
	pthread_cond_destroy(&audit->filled);
	free(audit->block);
	free(audit->path);
	free(audit);
}

enum vault_err
audit_keys_take(struct audit *audit, const struct audit_keys *keys)
{
	if (keys->slot_count > AUDIT_SLOTS_MAX)
		return VAULT_INTERNAL;
	TRY(audit_ring_make(audit->arena, keys->wrap_key, &audit->ring));
	memcpy(audit->store_id, keys->store_id, sizeof(audit->store_id));
	memcpy(audit->slots, keys->slots, sizeof(audit->slots));
	audit->slot_count = keys->slot_count;
	return VAULT_OK;
}

void
audit_status_head(struct audit *audit, struct audit_head *head)
{
	pthread_mutex_lock(&audit->append);
	*head = audit->head;
	pthread_mutex_unlock(&audit->append);
}

enum vault_err
audit_begin(struct audit *audit, const struct audit_recovered *undone, struct audit_record *rec)
{
	int64_t now_ns = clock_read().wall_ns;
	struct audit_head head;
	enum vault_err err;

	rec->time_ns = now_ns;
	rec->method = AUDIT_METHOD_NONE;
	audit->epoch_tried_ns = now_ns;
	pthread_mutex_lock(&audit->append);
	audit->failed = false;
	audit->epoch_seq = audit->head.seq;
	audit->names_made++; /* what was set aside */
	err = audit_rotate(audit, undone, now_ns);
	if (err == VAULT_OK)
		err = audit_put_event(audit, rec, AUDIT_FLAG_START);
	audit->running = audit->ok = err == VAULT_OK;
	head = audit->head;
	pthread_mutex_unlock(&audit->append);
	TRY(err);
	return audit_flush(audit, &head);
}

static enum vault_err
create_locked(struct audit *audit, const struct audit_keys *keys)
{
	struct audit_record rec = { .event = AUDIT_EVENT_CREATE };
	int dir = audit_dir_open(audit->path);
	enum vault_err err = dir < 0 ? VAULT_AUDIT_UNAVAILABLE : audit_set_aside_from(dir, 1);

	if (dir >= 0)
		close(dir);
	TRY(err);
	TRY(audit_keys_take(audit, keys));
	TRY(audit_epoch_first(audit));
	return audit_begin(audit, NULL, &rec);
}

enum vault_err
audit_create(struct audit *audit, const struct audit_keys *keys,
	     uint8_t first_public_key[static 32], struct audit_head *head)
{
	enum vault_err err = VAULT_INTERNAL;

	pthread_mutex_lock(&audit->upkeep);
	if (!audit->running) {
		err = create_locked(audit, keys);
		if (err != VAULT_OK)
			audit_clear(audit);
	}
	if (err == VAULT_OK) {
		memcpy(first_public_key, audit->epoch_key.public_key, ED25519_PUBLIC_BYTES);
		audit_status_head(audit, head);
	}
	pthread_mutex_unlock(&audit->upkeep);
	return err;
}
