#include "tests/unit/test_audit_fixture.h"

static const uint8_t hash[AUDIT_HASH_BYTES] = { 9 };

static struct audit_record
full_record(void)
{
	return (struct audit_record){
		.time_ns = 1700000000 * SECOND + 1,
		.uid = UINT32_MAX,
		.gid = 2,
		.pid = 3,
		.tenant = 4,
		.version = 5,
		.method = OP_token_verify,
		.event = AUDIT_EVENT_CALL,
		.outcome = audit_outcome_denied,
		.code = VAULT_DENIED,
		.reason = 6,
		.kind = 7,
		.name_tag = "abcdefghijk",
		.jti = { fixture_jti, sizeof(fixture_jti) },
		.row_hash = { hash, sizeof(hash) },
		.tenant_name = { "acme", 4 },
		.name = { "db/password", 11 },
		.actor = { "", 0 },
		.source = { "192.0.2.1", 9 },
		.slot = { "initial", 7 },
		.jti_text = { "foreign", 7 },
		.login = { "key", 3 },
		.unit = { "lms.service", 11 },
		.id = { "id", 2 },
	};
}

static void
same_text(struct vault_text a, struct vault_text b)
{
	assert_int_equal(a.len, b.len);
	assert_int_equal(a.p == NULL, b.p == NULL);
	if (a.len > 0)
		assert_memory_equal(a.p, b.p, a.len);
}

static void
a_record_comes_back_as_it_was(void **state)
{
	struct audit_record rec = full_record(), back;
	struct buf out = { 0 };
	size_t used;

	(void)state;
	assert_ok(audit_record_write(&out, &rec));
	assert_ok(audit_record_read((struct vault_bytes){ buf_data(&out), buf_len(&out) }, &back,
				    &used));
	assert_int_equal(used, buf_len(&out));
	assert_true(back.time_ns == rec.time_ns && back.uid == rec.uid && back.gid == rec.gid);
	assert_true(back.pid == rec.pid && back.tenant == rec.tenant &&
		    back.version == rec.version);
	assert_true(back.method == rec.method && back.outcome == rec.outcome &&
		    back.code == rec.code);
	assert_true(back.reason == rec.reason && back.kind == rec.kind && back.event == rec.event);
	assert_memory_equal(back.name_tag, rec.name_tag, sizeof(rec.name_tag));
	assert_memory_equal(back.jti.p, rec.jti.p, AUDIT_JTI_BYTES);
	assert_memory_equal(back.row_hash.p, rec.row_hash.p, AUDIT_HASH_BYTES);
	same_text(back.tenant_name, rec.tenant_name);
	same_text(back.name, rec.name);
	same_text(back.actor, rec.actor);
	same_text(back.source, rec.source);
	same_text(back.slot, rec.slot);
	same_text(back.jti_text, rec.jti_text);
	same_text(back.login, rec.login);
	same_text(back.unit, rec.unit);
	same_text(back.id, rec.id);
	assert_null(back.detail.p);
	buf_free(&out);
}

static void
a_plain_record_has_only_the_fixed_part(void **state)
{
	struct audit_record rec = { .uid = 1 };
	struct buf out = { 0 };

	(void)state;
	assert_ok(audit_record_write(&out, &rec));
	assert_int_equal(buf_len(&out), AUDIT_RECORD_FIXED);
	buf_free(&out);
}

static void
long_texts_are_cut_at_a_character(void **state)
{
	char text[2 * AUDIT_TEXT_MAX];
	struct audit_record rec = { .name = { text, sizeof(text) } }, back;
	struct buf out = { 0 };
	size_t used;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + AUDIT_TEXT_MAX - 1, "\xe2\x82\xac", 3);
	assert_ok(audit_record_write(&out, &rec));
	assert_ok(audit_record_read((struct vault_bytes){ buf_data(&out), buf_len(&out) }, &back,
				    &used));
	assert_int_equal(back.name.len, AUDIT_TEXT_MAX - 1);
	buf_free(&out);
}

static void
the_largest_record_fits(void **state)
{
	char text[AUDIT_TEXT_MAX] = { 0 };
	uint8_t detail[AUDIT_DETAIL_MAX] = { 0 };
	struct vault_text t = { text, sizeof(text) };
	struct audit_record rec = full_record(), back;
	struct buf out = { 0 };
	size_t used;

	(void)state;
	rec.tenant_name = rec.name = rec.actor = rec.source = rec.slot = rec.jti_text = t;
	rec.login = rec.unit = rec.id = t;
	rec.detail = (struct vault_bytes){ detail, sizeof(detail) };
	assert_ok(audit_record_write(&out, &rec));
	assert_true(buf_len(&out) <= AUDIT_RECORD_MAX);
	assert_ok(audit_record_read((struct vault_bytes){ buf_data(&out), buf_len(&out) }, &back,
				    &used));
	buf_free(&out);
}

/* Every length cut and every byte changed either reads as some record within bounds, or not at all.
 */
static void
malformed_records_are_refused_or_bounded(void **state)
{
	struct audit_record rec = full_record(), back;
	struct buf out = { 0 };
	size_t used, len;

	(void)state;
	assert_ok(audit_record_write(&out, &rec));
	len = buf_len(&out);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, buf_data(&out), cut);
		assert_int_equal(audit_record_read((struct vault_bytes){ copy, cut }, &back, &used),
				 VAULT_INTEGRITY);
		free(copy);
	}
	for (size_t i = 0; i < len; i++)
		for (int v = 0; v < 256; v++) {
			uint8_t *copy = malloc(len);

			memcpy(copy, buf_data(&out), len);
			copy[i] = (uint8_t)v;
			if (audit_record_read((struct vault_bytes){ copy, len }, &back, &used) ==
			    VAULT_OK)
				assert_true(used <= len);
			free(copy);
		}
	buf_free(&out);
}

static void
unknown_fields_are_passed_over(void **state)
{
	struct audit_record rec = { .uid = 5 }, back;
	uint8_t field[5] = { 200, 2, 0, 1, 2 };
	struct buf out = { 0 };
	size_t used;

	(void)state;
	assert_ok(audit_record_write(&out, &rec));
	assert_ok(buf_append(&out, field, sizeof(field)));
	buf_data(&out)[0] = AUDIT_RECORD_FIXED + sizeof(field);
	assert_ok(audit_record_read((struct vault_bytes){ buf_data(&out), buf_len(&out) }, &back,
				    &used));
	assert_int_equal(back.uid, 5);
	assert_int_equal(used, AUDIT_RECORD_FIXED + sizeof(field));
	buf_free(&out);
}

static void
wrong_sizes_are_refused_when_writing(void **state)
{
	struct audit_record rec = { .jti = { fixture_jti, 3 } };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(audit_record_write(&out, &rec), VAULT_INTERNAL);
	assert_int_equal(buf_len(&out), 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_it_was),
		cmocka_unit_test(a_plain_record_has_only_the_fixed_part),
		cmocka_unit_test(long_texts_are_cut_at_a_character),
		cmocka_unit_test(the_largest_record_fits),
		cmocka_unit_test(malformed_records_are_refused_or_bounded),
		cmocka_unit_test(unknown_fields_are_passed_over),
		cmocka_unit_test(wrong_sizes_are_refused_when_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
