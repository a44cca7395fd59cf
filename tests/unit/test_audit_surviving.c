/*
 * Segments that survived their store: what stands behind a backup's head is read, and a single bit
 * that was changed anywhere parts the chain.
 */
#include "test_audit_fixture.h"
#include "vaultd/core/audit_surviving.h"

#define BEFORE 5
#define BEHIND 3
#define SEGMENT_MAX 16384

struct survivors {
	struct fixture f;
	struct audit_since since;
	struct audit_half half;
	char path[96];
	uint8_t bytes[SEGMENT_MAX];
	size_t len;
};

static void
open_survivors(struct survivors *s)
{
	struct audit_head end;
	FILE *file;

	fixture_open(&s->f);
	assert_ok(fixture_append_from(&s->f, 1, BEFORE, AUDIT_CHANGES));
	s->since = (struct audit_since){ .head = s->f.head, .time_ns = (BEFORE + 1) * SECOND };
	assert_ok(fixture_append_from(&s->f, BEFORE + 1, BEHIND, AUDIT_CHANGES));
	assert_ok(audit_stop(s->f.audit, &end));
	memcpy(s->half.public_key, s->f.keys.slots[0].public_key, sizeof s->half.public_key);
	s->half.secret = s->f.slot_secret;
	snprintf(s->path, sizeof s->path, "%s/00000001.seg", s->f.dir);
	file = fopen(s->path, "rb");
	assert_non_null(file);
	s->len = fread(s->bytes, 1, sizeof s->bytes, file);
	fclose(file);
	assert_true(s->len > 0 && s->len < sizeof s->bytes);
}

static void
put_bytes(const struct survivors *s, size_t len)
{
	FILE *file = fopen(s->path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(s->bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* How many changes are read behind the backup; *joined: without a break. */
static unsigned
read_on(const struct survivors *s, const struct secret *wrap, bool *joined)
{
	struct audit_opener opener = { .arena = s->f.arena,
				       .wrap_key = wrap,
				       .store_id = s->f.keys.store_id,
				       .half = &s->half };
	struct audit_surviving surviving;
	struct audit_record rec;
	enum vault_err err;
	unsigned n = 0;
	bool change;
	int dir = open(s->f.dir, O_RDONLY | O_DIRECTORY);

	assert_ok(audit_surviving_open(&surviving, dir, &opener, &s->since));
	*joined = surviving.joined;
	assert_true(surviving.joined == (surviving.why == NULL));
	while ((err = audit_surviving_next(&surviving, &rec, &change)) == VAULT_OK)
		n += change;
	assert_int_equal(err, VAULT_NOT_FOUND);
	audit_surviving_free(&surviving);
	close(dir);
	return n;
}

static void
test_what_stands_behind(void **state)
{
	static struct survivors s;
	bool joined;

	(void)state;
	open_survivors(&s);
	assert_int_equal(read_on(&s, &s.f.wrap, &joined), BEHIND);
	assert_true(joined);
	fixture_close(&s.f);
}

/* A root key that came later wraps them: the slot's private half opens them all the same. */
static void
test_by_the_slot(void **state)
{
	static struct survivors s;
	bool joined;
	SECRET_LOCAL(other);

	(void)state;
	open_survivors(&s);
	assert_ok(secret_random(s.f.arena, 32, &other));
	assert_int_equal(read_on(&s, &other, &joined), BEHIND);
	assert_true(joined);
	secret_free(&other);
	fixture_close(&s.f);
}

static void
test_every_bit(void **state)
{
	static struct survivors s;
	bool joined;

	(void)state;
	open_survivors(&s);
	for (size_t bit = 0; bit < 8 * s.len; bit++) {
		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_bytes(&s, s.len);
		assert_true(read_on(&s, &s.f.wrap, &joined) <= BEHIND);
		assert_false(joined);
		s.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	fixture_close(&s.f);
}

/* Cut inside of a block it does not join up; cut between two nobody can tell. */
static void
test_every_cut(void **state)
{
	static struct survivors s;
	unsigned whole = 0;
	bool joined;

	(void)state;
	open_survivors(&s);
	for (size_t len = 0; len < s.len; len++) {
		put_bytes(&s, len);
		assert_true(read_on(&s, &s.f.wrap, &joined) <= BEHIND);
		assert_true(!joined || len >= s.since.head.offset);
		whole += joined;
	}
	/* Behind the backup's head, the changes and the last record; the epoch's signature is next. */
	assert_true(whole >= 2 && whole <= 4);
	fixture_close(&s.f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_stands_behind),
		cmocka_unit_test(test_by_the_slot),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
