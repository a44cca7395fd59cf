#include "tools/vaultctl/encode_object.h"

#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/pack.h"

#define MEMBERS_MAX 64 /* given for one field together */
#define VALUE_MAX 256
#define DEPTH 4 /* of maps in one another: more than the contract has */

/* One PATH=VALUE, as it stands on the command line. */
struct member {
	struct vault_text path, value;
	bool used;
};

struct members {
	const struct ctl *ctl;
	const struct field *option;
	object_member encode;
	struct member v[MEMBERS_MAX];
	size_t n;
};

static bool
add_members(struct members *all, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *equal = memchr(text, '=', len);

		if (equal == NULL || all->n == MEMBERS_MAX || len >= VALUE_MAX) {
			ctl_usage(all->ctl, "--%s: \"%.*s\" is not MEMBER=VALUE or a JSON object",
				  all->option->name, (int)len, text);
			return false;
		}
		all->v[all->n++] = (struct member){
			{ text, (size_t)(equal - text) },
			{ equal + 1, len - (size_t)(equal + 1 - text) },
			false,
		};
		text += len + (text[len] == ',');
	}
	return true;
}

/* Whether the path goes on with the name; rest is then what is behind it, and its dot. */
static bool
path_begins(struct vault_text path, const char *name, struct vault_text *rest)
{
	size_t len = strlen(name);

	if (path.len < len || memcmp(path.p, name, len) != 0 ||
	    (path.len > len && path.p[len] != '.'))
		return false;
	len += path.len > len;
	*rest = (struct vault_text){ path.p + len, path.len - len };
	return true;
}

/* The members below one map: those whose path begins with base, which they are then relative to. */
struct level {
	struct vault_text paths[MEMBERS_MAX]; /* p NULL: not of this level */
	unsigned depth;
};

static bool
leaf(struct members *all, const struct field *field, size_t i, struct buf *out)
{
	char text[VALUE_MAX];

	snprintf(text, sizeof text, "%.*s", (int)all->v[i].value.len, all->v[i].value.p);
	return all->encode(all->ctl, field, text, out);
}

static bool encode_map(struct members *all, const struct object_type *type,
		       const struct level *level, struct buf *out);

/* One member of a map; *found false, and nothing written, where nothing of it was given. */
static bool
encode_member(struct members *all, const struct field *field, const struct level *level,
	      struct buf *out, bool *found)
{
	struct level below = { .depth = level->depth + 1 };
	size_t last = 0;

	*found = false;
	for (size_t i = 0; i < all->n; i++) {
		if (level->paths[i].p == NULL ||
		    !path_begins(level->paths[i], field->name, &below.paths[i]))
			continue;
		if ((field->kind == FIELD_OBJECT) != (below.paths[i].len > 0))
			continue;
		/* As with most options the last one counts. */
		if (field->kind != FIELD_OBJECT)
			all->v[i].used = true;
		*found = true;
		last = i;
	}
	if (!*found)
		return true;
	pack_str(out, text_of(field->name));
	if (field->kind == FIELD_OBJECT)
		return encode_map(all, field->object(), &below, out);
	return leaf(all, field, last, out);
}

static bool
encode_map(struct members *all, const struct object_type *type, const struct level *level,
	   struct buf *out)
{
	struct buf entries = { 0 };
	bool ok = level->depth < DEPTH;
	uint32_t n = 0;

	for (unsigned i = 0; ok && i < type->count; i++) {
		bool found;

		ok = encode_member(all, &type->fields[i], level, &entries, &found);
		n += found;
	}
	if (ok) {
		pack_map(out, n);
		pack_raw(out, buf_data(&entries), buf_len(&entries));
	}
	buf_free(&entries);
	return ok;
}

static bool
json_object(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	char why[JSON_WHY_MAX];

	if (json_parse(out, text_of(text), why))
		return true;
	ctl_usage(ctl, "--%s: %s", field->name, why);
	return false;
}

/* What no member of the type took. */
static bool
all_used(const struct members *all)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].used)
			continue;
		ctl_usage(all->ctl, "--%s has no member %.*s", all->option->name,
			  (int)all->v[i].path.len, all->v[i].path.p);
		return false;
	}
	return true;
}

bool
object_encode(const struct ctl *ctl, const struct args *args, const struct field *field,
	      object_member member, struct buf *out)
{
	struct members all = { .ctl = ctl, .option = field, .encode = member };
	const char *json = NULL;
	struct level top = { 0 };

	for (size_t i = 0; i < args->n; i++) {
		if (args->v[i].field != field)
			continue;
		if (args->v[i].text[0] == '{')
			json = args->v[i].text;
		else if (!add_members(&all, args->v[i].text))
			return false;
	}
	if (json != NULL && all.n > 0) {
		ctl_usage(ctl, "--%s: give JSON or members, not both", field->name);
		return false;
	}
	if (json != NULL)
		return json_object(ctl, field, json, out);
	for (size_t i = 0; i < all.n; i++)
		top.paths[i] = all.v[i].path;
	return encode_map(&all, field->object(), &top, out) && all_used(&all);
}
