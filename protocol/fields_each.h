/*
 * No include guard: defines the field macros so that each row of a .def file yields
 * FIELD_EACH(need, form, member, default), which the includer defines: form is VALUE where the
 * field holds its default while absent, else PLAIN.
 */
#define TEXT(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define TEXT_AS(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define TENANT(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define NAME(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define BYTES(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define INT(need, name, lo, hi, dflt, flags) FIELD_EACH(need, VALUE, name, dflt)
#define BOOL(need, name, dflt, flags) FIELD_EACH(need, VALUE, name, dflt)
#define ENUM(need, name, type, dflt, flags) FIELD_EACH(need, VALUE, name, dflt)
#define TEXTS(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define TEXTS_AS(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define INTS(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define MAP(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define OBJECT(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)
#define OBJECTS(need, name, ...) FIELD_EACH(need, PLAIN, name, 0)

/* How many of a struct's fields must be there. */
#define REQUIRED_BEGIN(id) enum { id##_required = 0
#define REQUIRED_END                                                                               \
	}                                                                                          \
	;
#define REQUIRED_EACH(need, form, member, dflt) +REQUIRED_##need

/* The struct with nothing given, every default in its place. */
#define DEFAULTS_BEGIN(id) static const struct id id##_defaults = {
#define DEFAULTS_END                                                                               \
	}                                                                                          \
	;
#define DEFAULTS_EACH(need, form, member, dflt) DEFAULT_##form##_##need(member, dflt)
#define DEFAULT_PLAIN_R(member, dflt)
#define DEFAULT_PLAIN_O(member, dflt)
#define DEFAULT_VALUE_R(member, dflt)
#define DEFAULT_VALUE_O(member, dflt) .member = { .v = dflt },
