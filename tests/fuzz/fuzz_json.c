/*
 * The JSON reader against jansson: what is taken by one is taken by the other, but for what the
 * contract of json_read.h says; and what is made of it is MessagePack that any client can read,
 * within the room that it is said to take.
 */
#include "vaultd/core/json_read.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "protocol/codec.h"
#include "protocol/cursor.h"
#include "tests/fuzz/seeds.h"

#define DEPTH 5

static const char *const samples[] = {
	"{\"alg\":\"HS256\",\"kid\":\"k.1\",\"typ\":\"JWT\"}",
	"{\"a\":[1e1,1E+1,-0,-0.0,1.5e-3,9223372036854775807,-9223372036854775808]}",
	"{ \"a\" : { \"b\" : [ true , false , null ] } }\r\n\t",
	"{\"\\u00e9\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\"}",
	"{\"a\":1,\"\\u0061\":2}",
	"{\"a\":[[[[]]]]}",
	"{\"a\":[[[{}]]]}",
	"{\"long\":\"0123456789abcdef0123456789abcdef0123456789\"}",
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		struct buf out = { 0 };

		FUZZ_CHECK(buf_append(&out, samples[i], strlen(samples[i])) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

static unsigned
depth_of(const json_t *value)
{
	unsigned deepest = 0, depth;
	const char *name;
	json_t *member;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)value, name, member) deepest =
		(depth = depth_of(member)) > deepest ? depth : deepest;
	json_array_foreach(value, i, member) deepest =
		(depth = depth_of(member)) > deepest ? depth : deepest;
	return deepest + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* To the byte, so that the sanitizer sees what goes beyond. */
	uint8_t *room = malloc(JSON_READ_ROOM(size));
	char *text = malloc(size + 1);
	struct vault_map map = { 0 };
	json_t *other;
	bool taken;

	FUZZ_CHECK(room != NULL && text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	taken = json_read_object((struct vault_text){ text, size }, DEPTH, room, &map);
	other = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	/* jansson loses a NUL behind a number; no JSON holds one. */
	if (memchr(data, '\0', size) != NULL)
		FUZZ_CHECK(!taken);
	else
		FUZZ_CHECK(taken == (json_is_object(other) && depth_of(other) <= DEPTH &&
				     size <= JSON_READ_MAX));
	if (taken) {
		struct cursor c = { map.p, map.p + map.len };
		uint32_t n;

		FUZZ_CHECK(cursor_skip(&c, NULL) && c.p == c.end);
		c = (struct cursor){ map.p, map.p + map.len };
		FUZZ_CHECK(cursor_type(&c) == CURSOR_MAP && cursor_map(&c, &n) &&
			   n == json_object_size(other));
	}
	json_decref(other);
	free(room);
	free(text);
	return 0;
}
