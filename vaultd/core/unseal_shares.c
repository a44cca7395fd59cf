#include "vaultd/core/unseal_shares.h"

#include <string.h>

#include "protocol/text.h"

static void
forget_locked(struct unseal_shares *shares)
{
	for (unsigned i = 0; i < shares->have; i++)
		share_free(&shares->list[i]);
	shares->have = 0;
}

void
unseal_shares_forget(struct unseal_shares *shares)
{
	pthread_mutex_lock(&shares->mutex);
	forget_locked(shares);
	pthread_mutex_unlock(&shares->mutex);
}

static void
expire_locked(struct unseal_shares *shares, const struct clock_now *now)
{
	if (shares->have > 0 && now->boot_ms >= shares->forget_ms)
		forget_locked(shares);
}

void
unseal_shares_expire(struct unseal_shares *shares, const struct clock_now *now)
{
	pthread_mutex_lock(&shares->mutex);
	expire_locked(shares, now);
	pthread_mutex_unlock(&shares->mutex);
}

bool
unseal_shares_progress(struct unseal_shares *shares, struct share_progress *progress)
{
	pthread_mutex_lock(&shares->mutex);
	progress->have = shares->have;
	progress->threshold = shares->threshold;
	progress->slot_len = shares->slot_len;
	memcpy(progress->slot, shares->slot, sizeof progress->slot);
	pthread_mutex_unlock(&shares->mutex);
	return progress->have > 0;
}

/* Whether the share says that it is of this slot. What the slot says is not authenticated yet. */
static bool
is_of(const struct share *share, const struct slot_record *slot)
{
	return slot->kind == SLOT_SHARES && slot->share_set.v == share->id &&
	       slot->threshold.v == share->threshold && share->threshold >= SHARES_THRESHOLD_MIN &&
	       share->index < slot->shares.v && share->extendable && share->exponent == 0 &&
	       share->group == 0 && share->group_count == 1 &&
	       share->value.len == SLOT_SHARED_BYTES && slot->name.len > 0 &&
	       slot->name.len <= SLOT_NAME_MAX;
}

/* The slot that the share is of: VAULT_DENIED where there is none. */
static enum vault_err
find_slot(const struct slot_table *table, const struct share_given *given,
	  const struct share *share, const struct slot_record **slot)
{
	*slot = NULL;
	if (given->slot.p != NULL) {
		*slot = slot_named(table, given->slot);
		if (*slot == NULL)
			return VAULT_NOT_FOUND;
		return is_of(share, *slot) ? VAULT_OK : VAULT_DENIED;
	}
	for (size_t i = 0; i < table->slots.n && *slot == NULL; i++)
		if (is_of(share, &table->slots.v[i]))
			*slot = &table->slots.v[i];
	return *slot == NULL ? VAULT_DENIED : VAULT_OK;
}

static void
begin_locked(struct unseal_shares *shares, const struct share *share,
	     const struct slot_record *slot, const struct clock_now *now)
{
	shares->threshold = share->threshold;
	shares->slot_len = (uint8_t)slot->name.len;
	memcpy(shares->slot, slot->name.p, slot->name.len);
	shares->forget_ms = now->boot_ms + UNSEAL_SHARES_MS;
}

/* Takes the share over where it is a new one; VAULT_DENIED where it does not go with the others. */
static enum vault_err
add_locked(struct unseal_shares *shares, struct share *share)
{
	for (unsigned i = 0; i < shares->have; i++) {
		const struct share *other = &shares->list[i];

		if (!share_same_set(other, share) || other->threshold != share->threshold)
			return VAULT_DENIED;
		if (other->index == share->index)
			return secret_equal(&other->value, share->value.p, share->value.len)
				       ? VAULT_OK
				       : VAULT_DENIED;
	}
	shares->list[shares->have++] = *share;
	*share = (struct share){ 0 };
	return VAULT_OK;
}

/* The shares, once there are enough; they are the caller's from then on. */
static unsigned
take_locked(struct unseal_shares *shares, struct share *list, struct share_taken *taken)
{
	unsigned have = shares->have;

	taken->needed = shares->threshold - have;
	taken->slot_len = shares->slot_len;
	memcpy(taken->slot, shares->slot, sizeof taken->slot);
	if (taken->needed > 0)
		return 0;
	memcpy(list, shares->list, have * sizeof *list);
	memset(shares->list, 0, sizeof shares->list);
	shares->have = 0;
	return have;
}

/* A share that was read, of that slot. */
static enum vault_err
take_share(struct unseal_shares *shares, struct share *share, const struct slot_record *slot,
	   const struct clock_now *now, struct share_taken *taken)
{
	struct share list[SHARES_MAX] = { 0 };
	enum vault_err err;
	unsigned n = 0;

	pthread_mutex_lock(&shares->mutex);
	expire_locked(shares, now);
	if (shares->have == 0)
		begin_locked(shares, share, slot, now);
	err = add_locked(shares, share);
	if (err == VAULT_OK)
		n = take_locked(shares, list, taken);
	pthread_mutex_unlock(&shares->mutex);
	/* It costs milliseconds, and sys.status is not to wait for them. */
	if (n > 0)
		err = shares_join(list, n, (struct vault_text){ 0 }, &taken->secret);
	for (unsigned i = 0; i < n; i++)
		share_free(&list[i]);
	return err;
}

static enum vault_err
add(struct unseal_shares *shares, const struct slot_table *table, struct share *share,
    const struct share_given *given, struct share_taken *taken)
{
	const struct slot_record *slot;
	enum vault_err err = find_slot(table, given, share, &slot);

	if (err == VAULT_OK)
		err = take_share(shares, share, slot, given->now, taken);
	if (err == VAULT_DENIED)
		unseal_shares_forget(shares);
	return err;
}

enum vault_err
unseal_shares_add(struct unseal_shares *shares, struct txn *txn, struct arena *arena,
		  const struct share_given *given, struct share_taken *taken)
{
	struct share share = { 0 };
	struct slot_table table;
	struct scratch scratch;
	enum vault_err err;

	*taken = (struct share_taken){ 0 };
	TRY(share_read(arena, given->words, &share));
	err = scratch_init(&scratch, SLOTS_SCRATCH_BYTES, 0);
	if (err != VAULT_OK) {
		share_free(&share);
		return err;
	}
	err = slots_read(txn, &scratch, &table);
	if (err == VAULT_OK)
		err = add(shares, &table, &share, given, taken);
	scratch_free(&scratch);
	share_free(&share);
	return err;
}
