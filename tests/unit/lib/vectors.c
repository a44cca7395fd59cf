#include "tests/unit/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

json_t *
vectors_read(const char *name)
{
	json_error_t error;
	char path[256];
	json_t *file;

	snprintf(path, sizeof path, "tests/vectors/%s", name);
	file = json_load_file(path, 0, &error);
	if (file == NULL)
		fail_msg("%s: %s (tests run from the repository's root)", path, error.text);
	return file;
}

const char *
vectors_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	if (text == NULL)
		fail_msg("a vector has no text \"%s\"", member);
	return text;
}

static unsigned
nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	if (c == '\0' || at == NULL)
		fail_msg("not a hexadecimal digit");
	return (unsigned)(at - digits);
}

struct vault_bytes
vectors_unhex(const char *hex)
{
	size_t len = strlen(hex) / 2;
	uint8_t *p = malloc(len);

	if (p == NULL && len > 0)
		fail_msg("out of memory");
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return (struct vault_bytes){ p, len };
}

struct vault_bytes
vectors_hex(const json_t *object, const char *member)
{
	return vectors_unhex(vectors_text(object, member));
}

void
vectors_free(struct vault_bytes bytes)
{
	free((void *)(uintptr_t)bytes.p);
}

void
vectors_wycheproof(const char *name,
		   void (*check)(void *context, const json_t *group, const json_t *test),
		   void *context)
{
	json_t *file = vectors_read(name), *group, *test;
	size_t i, j;
	json_int_t ran = 0;

	json_array_foreach(json_object_get(file, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			check(context, group, test);
			ran++;
		}
	}
	assert_true(ran > 0);
	assert_int_equal(ran, json_integer_value(json_object_get(file, "numberOfTests")));
	json_decref(file);
}

bool
vectors_valid(const json_t *test)
{
	return strcmp(vectors_text(test, "result"), "valid") == 0;
}
