/*
 * Fills and compares any struct that has a descriptor, so that a test holds for every operation and
 * record without naming one: a new row of ops.def or records.def is tested from its first day.
 */
#ifndef TEST_GENERIC_H
#define TEST_GENERIC_H

#include <stdlib.h>
#include <string.h>

#include "protocol/ops.h"
#include "protocol/scratch.h"
#include "protocol/value.h"

enum fill_mode {
	FILL_REQUIRED, /* what may be absent is */
	FILL_LOW,      /* all there, each at its lower bound */
	FILL_HIGH,     /* all there, each at its upper bound, or at the fill's own limits */
	FILL_RANDOM,   /* anything within the bounds, there or not */
};

struct fill {
	struct scratch *scratch; /* what the struct points into */
	enum fill_mode mode;
	uint64_t seed;	   /* not 0 */
	size_t length_max; /* of a text, bytes or map */
	size_t count_max;  /* of a list */
	size_t object_max; /* of a list of structs */
};

static inline uint64_t
fill_next(struct fill *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed;
}

/* Where between two bounds the mode wants a value. */
static inline uint64_t
fill_between(struct fill *f, uint64_t low, uint64_t high)
{
	if (high < low)
		high = low;
	if (f->mode != FILL_RANDOM)
		return f->mode == FILL_HIGH ? high : low;
	return high - low == UINT64_MAX ? fill_next(f) : low + fill_next(f) % (high - low + 1);
}

static inline void *
fill_room(struct fill *f, size_t n)
{
	void *p = scratch_alloc(f->scratch, n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return p;
}

static inline uint64_t
fill_smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Of letters, so that it is a name of every form too. */
static inline struct vault_text
fill_text(struct fill *f, const struct field *field)
{
	size_t len = fill_between(f, (uint64_t)field->min,
				  fill_smaller((uint64_t)field->max, f->length_max));
	char *p = fill_room(f, len);

	for (size_t i = 0; i < len; i++)
		p[i] = (char)('a' + fill_next(f) % 26);
	return (struct vault_text){ p, len };
}

/* A map of exactly len bytes: {}, or one entry whose value is bin. */
static inline struct vault_map
fill_map_of(struct fill *f, size_t len)
{
	uint8_t *p = fill_room(f, len);

	if (len < 6) {
		p[0] = 0x80;
		return (struct vault_map){ p, 1 };
	}
	memcpy(p, (const uint8_t[]){ 0x81, 0xa1, 'k', 0xc5 }, 4);
	p[4] = (uint8_t)((len - 6) >> 8);
	p[5] = (uint8_t)(len - 6);
	return (struct vault_map){ p, len };
}

static inline int64_t
fill_integer(struct fill *f, const struct field *field)
{
	return (int64_t)fill_between(f, (uint64_t)field->min, (uint64_t)field->max);
}

static inline bool
fill_present(struct fill *f, const struct field *field)
{
	if (field->required)
		return true;
	if (f->mode == FILL_REQUIRED)
		return false;
	return f->mode != FILL_RANDOM || fill_next(f) % 2 == 0;
}

static inline void fill_struct(struct fill *f, const struct object_type *type, void *out);

static inline struct object_list
fill_list(struct fill *f, const struct field *field)
{
	size_t most = field->kind == FIELD_OBJECTS ? f->object_max : f->count_max;
	size_t n = fill_between(f, 0, fill_smaller(field->max_count, most));
	struct object_list list = { NULL, n };

	if (field->kind == FIELD_TEXTS) {
		struct vault_text *v = fill_room(f, n * sizeof *v);

		for (size_t i = 0; i < n; i++)
			v[i] = fill_text(f, field);
		list.v = v;
	} else if (field->kind == FIELD_INTS) {
		int64_t *v = fill_room(f, n * sizeof *v);

		for (size_t i = 0; i < n; i++)
			v[i] = fill_integer(f, field);
		list.v = v;
	} else {
		uint8_t *v = fill_room(f, n * field->object()->size);

		for (size_t i = 0; i < n; i++)
			fill_struct(f, field->object(), v + i * field->object()->size);
		list.v = v;
	}
	return list;
}

/* Integers, flags and enumerators, which tell by a flag of their own whether they are there. */
static inline void
fill_scalar(struct fill *f, const struct field *field, bool present, uint8_t *at)
{
	int64_t v = field->def;

	if (present && field->kind == FIELD_INT)
		v = fill_integer(f, field);
	else if (present && field->kind == FIELD_BOOL)
		v = (int64_t)fill_between(f, 0, 1);
	else if (present)
		v = (int64_t)fill_between(f, 1, (uint64_t)field->values->count - 1);
	if (field->kind == FIELD_INT)
		memcpy(at, &(struct vault_opt_int){ v, present },
		       field->required ? sizeof(int64_t) : sizeof(struct vault_opt_int));
	else if (field->kind == FIELD_BOOL)
		memcpy(at, &(struct vault_opt_bool){ v != 0, present },
		       field->required ? sizeof(bool) : sizeof(struct vault_opt_bool));
	else
		memcpy(at, &(struct vault_opt_enum){ (int)v, present },
		       field->required ? sizeof(int) : sizeof(struct vault_opt_enum));
}

static inline void
fill_pointed(struct fill *f, const struct field *field, uint8_t *at)
{
	void *object;

	switch ((enum field_kind)field->kind) {
	case FIELD_MAP:
		memcpy(at,
		       &(struct vault_map[]){ fill_map_of(
			       f,
			       fill_between(f, 1,
					    fill_smaller((uint64_t)field->max, f->length_max))) },
		       sizeof(struct vault_map));
		return;
	case FIELD_TEXTS:
	case FIELD_INTS:
	case FIELD_OBJECTS:
		memcpy(at, &(struct object_list[]){ fill_list(f, field) },
		       sizeof(struct object_list));
		return;
	case FIELD_OBJECT:
		object = fill_room(f, field->object()->size);
		fill_struct(f, field->object(), object);
		memcpy(at, &object, sizeof object);
		return;
	default:
		memcpy(at, &(struct vault_text[]){ fill_text(f, field) },
		       sizeof(struct vault_text));
		return;
	}
}

static inline bool
fill_is_scalar(const struct field *field)
{
	return field->kind == FIELD_INT || field->kind == FIELD_BOOL || field->kind == FIELD_ENUM;
}

static inline void
fill_struct(struct fill *f, const struct object_type *type, void *out)
{
	if (type->size > 0)
		memset(out, 0, type->size);
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];
		uint8_t *at = (uint8_t *)out + field->offset;
		bool present = fill_present(f, field);

		if (fill_is_scalar(field))
			fill_scalar(f, field, present, at);
		else if (present)
			fill_pointed(f, field, at);
	}
}

static inline const char *generic_difference(const struct object_type *type, const void *a,
					     const void *b);

static inline bool
generic_bytes_same(const uint8_t *a, const uint8_t *b)
{
	struct vault_bytes x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x.p == NULL) == (y.p == NULL) && x.len == y.len &&
	       (x.len == 0 || memcmp(x.p, y.p, x.len) == 0);
}

static inline bool
generic_lists_same(const struct field *field, const uint8_t *a, const uint8_t *b)
{
	struct object_list x, y;
	size_t size = field->kind == FIELD_TEXTS  ? sizeof(struct vault_text)
		      : field->kind == FIELD_INTS ? sizeof(int64_t)
						  : field->object()->size;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	if ((x.v == NULL) != (y.v == NULL) || x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n; i++) {
		const uint8_t *one = (const uint8_t *)x.v + i * size,
			      *two = (const uint8_t *)y.v + i * size;

		if (field->kind == FIELD_TEXTS ? !generic_bytes_same(one, two)
		    : field->kind == FIELD_INTS
			    ? memcmp(one, two, size) != 0
			    : generic_difference(field->object(), one, two) != NULL)
			return false;
	}
	return true;
}

static inline bool
generic_scalars_same(const struct field *field, const uint8_t *a, const uint8_t *b)
{
	const struct vault_opt_int *i = (const void *)a, *j = (const void *)b;
	const struct vault_opt_enum *e = (const void *)a, *g = (const void *)b;
	const struct vault_opt_bool *v = (const void *)a, *w = (const void *)b;

	if (field->kind == FIELD_INT)
		return i->v == j->v && (field->required || i->set == j->set);
	if (field->kind == FIELD_BOOL)
		return v->v == w->v && (field->required || v->set == w->set);
	return e->v == g->v && (field->required || e->set == g->set);
}

static inline bool
generic_objects_same(const struct field *field, const uint8_t *a, const uint8_t *b)
{
	const void *x, *y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	if (x == NULL || y == NULL)
		return x == y;
	return generic_difference(field->object(), x, y) == NULL;
}

/* The name of the first field that differs; NULL where the structs say the same. */
static inline const char *
generic_difference(const struct object_type *type, const void *a, const void *b)
{
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];
		const uint8_t *x = (const uint8_t *)a + field->offset,
			      *y = (const uint8_t *)b + field->offset;
		bool same;

		if (fill_is_scalar(field))
			same = generic_scalars_same(field, x, y);
		else if (field->kind == FIELD_OBJECT)
			same = generic_objects_same(field, x, y);
		else if (field->kind == FIELD_TEXTS || field->kind == FIELD_INTS ||
			 field->kind == FIELD_OBJECTS)
			same = generic_lists_same(field, x, y);
		else
			same = generic_bytes_same(x, y);
		if (!same)
			return field->name;
	}
	return NULL;
}

#endif
