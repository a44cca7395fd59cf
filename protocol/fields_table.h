/*
 * No include guard: defines the field macros so that a .def file yields rows of struct field. Each
 * table stands in a function of its own, where "here" is a typedef of the struct being described:
 * TABLE_BEGIN and TABLE_END make it, behind what fields_each.h makes of the same struct.
 */
#define TABLE_BEGIN(id)                                                                                      \
	const struct object_type *id##_type(void)                                                            \
	{                                                                                                    \
		typedef struct id here;                                                                      \
		static const char type_name[] = #id;                                                         \
		static const struct field fields[] = {
#define TABLE_END(id)                                                                                        \
			{ .name = NULL }                                                                     \
		}                                                                                            \
		;                                                                                            \
		_Static_assert(sizeof fields / sizeof fields[0] - 1 <= OBJECT_FIELDS_MAX, "too many fields"); \
		static const struct object_type type = {                                                             \
			.name = type_name,                                                                   \
			.fields = fields,                                                                    \
			.defaults = &id##_defaults,                                                          \
			.count = sizeof fields / sizeof fields[0] - 1,                                       \
			.required = id##_required,                                                           \
			.size = sizeof(here),                                                                \
		};                                                                                           \
		return &type;                                                                                \
	}
#define FIELD_ROW(need, member, wire, kind_, flags_, ...)                                                    \
	{ .name = wire,                                                                                      \
	  .key = { 0xa0 + sizeof(wire) - 1, wire },                                                           \
	  .name_len = sizeof(wire) - 1,                                                                      \
	  .kind = kind_,                                                                                     \
	  .required = REQUIRED_##need,                                                                       \
	  .flags = flags_,                                                                                   \
	  .offset = offsetof(here, member),                                                                  \
	  __VA_ARGS__ },
#define TEXT_AS(need, name, wire, lo, hi, flags) FIELD_ROW(need, name, wire, FIELD_TEXT, flags, .min = lo, .max = hi)
#define TEXT(need, name, lo, hi, flags) FIELD_ROW(need, name, #name, FIELD_TEXT, flags, .min = lo, .max = hi)
#define TENANT(need, name, flags) FIELD_ROW(need, name, #name, FIELD_TENANT, flags, .min = 1, .max = TENANT_NAME_MAX)
#define NAME(need, name, flags) FIELD_ROW(need, name, #name, FIELD_NAME, flags, .min = 1, .max = NAME_MAX_LEN)
#define BYTES(need, name, lo, hi, flags) FIELD_ROW(need, name, #name, FIELD_BYTES, flags, .min = lo, .max = hi)
#define INT(need, name, lo, hi, dflt, flags)                                                                 \
	FIELD_ROW(need, name, #name, FIELD_INT, flags, .min = lo, .max = hi, .def = dflt)
#define BOOL(need, name, dflt, flags) FIELD_ROW(need, name, #name, FIELD_BOOL, flags, .def = dflt)
#define ENUM(need, name, type, dflt, flags)                                                                  \
	FIELD_ROW(need, name, #name, FIELD_ENUM, flags, .def = dflt, .values = &type##_enum)
#define TEXTS_AS(need, name, wire, n, lo, hi, flags)                                                         \
	FIELD_ROW(need, name, wire, FIELD_TEXTS, flags, .max_count = n, .min = lo, .max = hi)
#define TEXTS(need, name, n, lo, hi, flags) TEXTS_AS(need, name, #name, n, lo, hi, flags)
#define INTS(need, name, n, lo, hi, flags)                                                                   \
	FIELD_ROW(need, name, #name, FIELD_INTS, flags, .max_count = n, .min = lo, .max = hi)
#define MAP(need, name, hi, flags) FIELD_ROW(need, name, #name, FIELD_MAP, flags, .max = hi)
#define OBJECT(need, name, type, flags) FIELD_ROW(need, name, #name, FIELD_OBJECT, flags, .object = type##_type)
#define OBJECTS(need, name, type, flags)                                                                     \
	FIELD_ROW(need, name, #name, FIELD_OBJECTS, flags, .max_count = PAGE_LIMIT_MAX, .object = type##_type)
