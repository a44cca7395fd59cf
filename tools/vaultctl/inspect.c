/*
 * token inspect: what a token says, without asking the daemon, and without any trust in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"

/* A part's JSON as MessagePack; false: told already. */
static bool
decode_part(const struct ctl *ctl, const char *what, struct vault_text part, struct buf *out)
{
	char why[JSON_WHY_MAX];
	struct buf text = { 0 };
	struct cursor c;
	uint32_t n;
	bool ok = base64url_read(&text, part);

	ok = ok &&
	     json_parse(out, (struct vault_text){ (const char *)buf_data(&text), buf_len(&text) },
			why);
	c = (struct cursor){ buf_data(out), buf_data(out) + buf_len(out) };
	ok = ok && cursor_map(&c, &n);
	if (!ok)
		ctl_local(ctl, "the token's %s is not a JSON object in base64url", what);
	buf_free(&text);
	return ok;
}

static bool
is_time(struct vault_text name)
{
	return text_is(name, "exp") || text_is(name, "iat") || text_is(name, "nbf");
}

/* What a claim means, for who does not know them by heart; at is its value. */
static void
explain(const struct ctl *ctl, struct vault_text name, struct cursor at)
{
	char age[UNIT_TEXT_MAX], time[UNIT_TEXT_MAX];
	int64_t v;

	if (is_time(name) && cursor_int(&at, &v)) {
		unit_show_time(time, v);
		unit_show_age(age, v, ctl->now);
		printf("  %s (%s%s)", time, text_is(name, "exp") && v <= ctl->now ? "expired " : "",
		       age);
	} else if (text_is(name, "uses") && cursor_int(&at, &v)) {
		printf("  (good for %" PRId64 " %s, and what was granted since)", v,
		       v == 1 ? "use" : "uses");
	} else if (text_is(name, "domain")) {
		fputs("  (good only there)", stdout);
	}
}

static void
claim_lines(const struct ctl *ctl, const char *title, const struct buf *encoded)
{
	struct cursor c = { buf_data(encoded), buf_data(encoded) + buf_len(encoded) };
	struct vault_text name;
	uint32_t n;

	printf("%s\n", title);
	if (!cursor_map(&c, &n))
		return;
	for (uint32_t i = 0; i < n && cursor_str(&c, &name); i++) {
		struct cursor at = c;

		fputs("  ", stdout);
		json_print_text(stdout, name);
		fputs(": ", stdout);
		json_print_value(stdout, &c, -1);
		explain(ctl, name, at);
		putchar('\n');
	}
}

static void
show_token(const struct ctl *ctl, const struct buf *header, const struct buf *claims)
{
	struct cursor h = { buf_data(header), buf_data(header) + buf_len(header) };
	struct cursor p = { buf_data(claims), buf_data(claims) + buf_len(claims) };

	if (ctl->format == CTL_JSON) {
		fputs("{\"verified\": false, \"header\": ", stdout);
		json_print_value(stdout, &h, -1);
		fputs(", \"claims\": ", stdout);
		json_print_value(stdout, &p, -1);
		puts("}");
		return;
	}
	ctl_note(ctl,
		 "NOT VERIFIED: anybody can write this. To trust a token: vaultctl token verify");
	claim_lines(ctl, "header", header);
	claim_lines(ctl, "claims", claims);
}

static int
inspect(struct ctl *ctl, struct vault_text token)
{
	struct buf header = { 0 }, claims = { 0 };
	const char *first, *second = NULL;
	int status = CTL_LOCAL;

	while (token.len > 0 && (token.p[token.len - 1] == '\n' || token.p[token.len - 1] == ' '))
		token.len--;
	first = memchr(token.p, '.', token.len);
	if (first != NULL)
		second = memchr(first + 1, '.', token.len - (size_t)(first + 1 - token.p));
	if (second == NULL)
		return ctl_local(ctl, "a token is three parts in base64url with dots between them");
	if (decode_part(ctl, "header", (struct vault_text){ token.p, (size_t)(first - token.p) },
			&header) &&
	    decode_part(ctl, "payload",
			(struct vault_text){ first + 1, (size_t)(second - first - 1) }, &claims)) {
		show_token(ctl, &header, &claims);
		status = CTL_DONE;
	}
	buf_free(&header);
	buf_free(&claims);
	return status;
}

int
run_inspect(struct ctl *ctl, struct args *args)
{
	static const struct field field = { .name = "token", .kind = FIELD_TEXT, .max = FRAME_MAX };
	struct buf read = { 0 };
	int status = CTL_LOCAL;

	if (args->words_n != 1)
		return ctl_usage(ctl, "vaultctl token inspect TOKEN | @FILE | -");
	if (!source_is(args->words[0]))
		return inspect(ctl, text_of(args->words[0]));
	if (source_read(ctl, &field, args->words[0], &read))
		status = inspect(
			ctl, (struct vault_text){ (const char *)buf_data(&read), buf_len(&read) });
	buf_free(&read);
	return status;
}
