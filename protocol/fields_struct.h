/*
 * No include guard: defines the field macros so that a .def file yields struct members.
 * fields_end.h takes them back.
 */
#define TEXT(need, name, ...) struct vault_text name;
#define TEXT_AS(need, name, ...) struct vault_text name;
#define TENANT(need, name, ...) struct vault_text name;
#define NAME(need, name, ...) struct vault_text name;
#define BYTES(need, name, ...) struct vault_bytes name;
#define INT(need, name, ...) CTYPE_INT_##need name;
#define BOOL(need, name, ...) CTYPE_BOOL_##need name;
#define ENUM(need, name, ...) CTYPE_ENUM_##need name;
#define TEXTS(need, name, ...) struct vault_texts name;
#define TEXTS_AS(need, name, ...) struct vault_texts name;
#define INTS(need, name, ...) struct vault_ints name;
#define MAP(need, name, ...) struct vault_map name;
#define OBJECT(need, name, type, ...) const struct type *name;
#define OBJECTS(need, name, type, ...)                                                                       \
	struct {                                                                                             \
		const struct type *v;                                                                        \
		size_t n;                                                                                    \
	} name;
