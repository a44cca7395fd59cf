/*
 * A set of operations, as roles and narrowed sessions name them.
 */
#ifndef CORE_METHOD_SET_H
#define CORE_METHOD_SET_H

#include "protocol/ops.h"
#include "protocol/text.h"

struct method_set {
	uint64_t bits[(OP_COUNT + 63) / 64];
};

static inline bool
method_set_has(const struct method_set *set, enum op_id id)
{
	return (set->bits[id / 64] >> (id % 64) & 1) != 0;
}

static inline void
method_set_add(struct method_set *set, enum op_id id)
{
	set->bits[id / 64] |= UINT64_C(1) << (id % 64);
}

static inline struct method_set
method_set_all(void)
{
	struct method_set set;

	memset(&set, 0xff, sizeof set);
	return set;
}

static inline void
method_set_join(struct method_set *set, const struct method_set *more)
{
	for (unsigned i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++)
		set->bits[i] |= more->bits[i];
}

static inline void
method_set_meet(struct method_set *set, const struct method_set *other)
{
	for (unsigned i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++)
		set->bits[i] &= other->bits[i];
}

/* Whether every operation of part stands in whole. */
static inline bool
method_set_within(const struct method_set *part, const struct method_set *whole)
{
	for (unsigned i = 0; i < sizeof part->bits / sizeof part->bits[0]; i++)
		if ((part->bits[i] & ~whole->bits[i]) != 0)
			return false;
	return true;
}

/*
 * Adds what the pattern names and tells how many that are. An operation that can carry the whole
 * store away is named literally or not at all.
 */
static inline unsigned
method_set_add_pattern(struct method_set *set, struct vault_text pattern)
{
	bool literal = pattern.len > 0 && pattern.p[pattern.len - 1] != '*';
	unsigned n = 0;

	for (int id = 0; id < OP_COUNT; id++) {
		if (!text_matches(pattern, text_of(op_rows[id].method)) ||
		    ((op_rows[id].flags & OP_EXPORTS) != 0 && !literal))
			continue;
		method_set_add(set, (enum op_id)id);
		n++;
	}
	return n;
}

#endif
