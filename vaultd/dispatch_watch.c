#include "vaultd/dispatch_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "vaultd/base/log.h"

/* " tenant acme" where there is a value; the longest names fit. */
#define DETAIL_MAX 256
static const char *
detail(char out[static DETAIL_MAX], const char *before, const char *value)
{
	snprintf(out, DETAIL_MAX, "%s%s", value[0] == '\0' ? "" : before, value);
	return out;
}

static void
log_event(const struct vault_event *event)
{
	const char *method = event->method == NULL ? "" : event->method->method;
	const char *class_name = event->class_name == NULL ? "" : event->class_name;
	char who[DETAIL_MAX], tenant[DETAIL_MAX], what[DETAIL_MAX], class_[DETAIL_MAX];
	char number[DETAIL_MAX] = "";

	if (event->count > 0)
		snprintf(number, sizeof number, ": %" PRIu64 " times within %" PRId64 " s",
			 event->count, event->seconds);
	else if (event->retry_after_ms > 0)
		snprintf(number, sizeof number, " for %" PRId64 " s", event->retry_after_ms / 1000);
	log_warning("alert: %s%s%s%s%s%s", event_kind_enum.names[event->kind],
		    detail(who, " ", event->principal), detail(tenant, " tenant ", event->tenant),
		    detail(what, " method ", method), detail(class_, " class ", class_name),
		    number);
	if (event->suppressed > 0)
		log_warning("alert: %" PRIu64 " others were held back since the last",
			    event->suppressed);
}

static void
note(struct vault *vault, const struct alert_note *what)
{
	struct vault_event event;

	if (!alerts_note(&vault->alerts, what, &event))
		return;
	log_event(&event);
	events_publish(&vault->events, &event);
}

void
watch_refused(const struct op *op, struct vault_text tenant, enum vault_err err)
{
	char principal[PRINCIPAL_MAX + 1];

	if (!alerts_count(err))
		return;
	session_principal(op->session, principal);
	note(op->vault, &(struct alert_note){
				.err = err,
				.method = op->row,
				.principal = text_of(principal),
				.tenant = tenant,
				.retry_after_ms = op->fail.retry_after_ms,
				.now_ms = op->now.boot_ms,
				.wall = op->now.wall,
			});
}

void
watch_trouble(struct vault *vault, enum vault_err err, const struct clock_now *now)
{
	if (err == VAULT_AUDIT_UNAVAILABLE || err == VAULT_STORAGE_FULL)
		note(vault,
		     &(struct alert_note){ .err = err, .now_ms = now->boot_ms, .wall = now->wall });
}

void
watch_state(struct vault *vault, enum event_kind kind, const struct session *by,
	    const struct clock_now *now)
{
	struct vault_event event = { .kind = kind, .time = now->wall };

	if (by != NULL)
		session_principal(by, event.principal);
	events_publish(&vault->events, &event);
}

static void
copy_text(char *to, size_t size, struct vault_text from)
{
	size_t len = from.len < size ? from.len : size - 1;

	memcpy(to, from.p, len);
	to[len] = '\0';
}

void
watch_secret(struct vault *vault, const struct secret_news *news, const struct clock_now *now)
{
	struct vault_event event = { .secret = news->event,
				     .time = now->wall,
				     .version = news->version };

	if (atomic_load_explicit(&vault->events.listening, memory_order_relaxed) == 0)
		return;
	copy_text(event.tenant, sizeof event.tenant, news->tenant);
	copy_text(event.name, sizeof event.name, news->name);
	events_publish(&vault->events, &event);
}

void
watch_tenant(struct vault *vault, enum event_kind kind, const char *tenant,
	     const struct clock_now *now)
{
	struct vault_event event = { .kind = kind, .time = now->wall };

	copy_text(event.tenant, sizeof event.tenant, text_of(tenant));
	events_publish(&vault->events, &event);
}

void
watch_clock(struct vault *vault, const struct clock_now *now)
{
	struct vault_event event = { .kind = event_kind_clock_jump, .time = now->wall };
	int64_t before = vault->tick.wall;

	if (!vault_tick(vault, now))
		return;
	event.seconds = now->wall - before;
	events_publish(&vault->events, &event);
}

/* The one place that decides whether who subscribed may still be told. */
static enum decision
may_watch(struct vault *vault, const struct session *session,
	  const struct subscription *subscription, bool open)
{
	struct policy_request request = {
		.row = &op_rows[subscription->op],
		.now = clock_read(),
		.open = open,
		.owner_uid = vault->settings.owner_uid,
	};
	struct policy *policy = NULL;
	enum decision decision;

	if (subscription->tenant[0] != '\0')
		request.tenant = text_of(subscription->tenant);
	if (subscription->names[0] != '\0')
		request.target = text_of(subscription->names);
	policy_follow(&vault->policy, &policy);
	decision = policy_decide(policy, session, &request);
	policy_release(policy);
	return decision;
}

/* A name that is made anew is another tenant, whose secrets nobody asked to be told of yet. */
static bool
ends_with_tenant(const struct subscription *subscription, const struct vault_event *event)
{
	return subscription->op == OP_secret_watch && event->kind == event_kind_erased &&
	       event->secret == secret_event_none &&
	       strcmp(subscription->tenant, event->tenant) == 0;
}

enum watch_verdict
watch_judge(struct vault *vault, const struct session *session,
	    const struct subscription *subscription, const struct vault_event *event)
{
	enum vault_state state = vault_state(vault);
	bool open = state == STATE_OPEN || state == STATE_SEALING;

	if (ends_with_tenant(subscription, event))
		return WATCH_END;
	if (!subscription->matches(subscription, event))
		return WATCH_SKIP;
	if (may_watch(vault, session, subscription, open) == DECISION_ALLOW)
		return WATCH_DELIVER;
	if (open)
		return WATCH_END;
	/* Grants cannot be read now; whether the vault is sealed sys.hello tells anybody. */
	return event->kind == event_kind_sealed || event->kind == event_kind_unsealed
		       ? WATCH_DELIVER
		       : WATCH_SKIP;
}

/* Absent where it is zero or empty. */
static struct vault_opt_int
opt_int(uint64_t v)
{
	return (struct vault_opt_int){ (int64_t)v, v != 0 };
}

static struct vault_text
opt_text(const char *s)
{
	return s == NULL || s[0] == '\0' ? (struct vault_text){ 0 } : text_of(s);
}

enum vault_err
watch_write(struct buf *out, const struct vault_event *event, uint64_t missed)
{
	struct codec_writer writer = { .out = out };
	struct event_item item = {
		.kind = text_of(event->secret != secret_event_none
					? secret_event_enum.names[event->secret]
					: event_kind_enum.names[event->kind]),
		.time = event->time,
		.tenant = opt_text(event->tenant),
		.principal = opt_text(event->principal),
		.method = opt_text(event->method == NULL ? NULL : event->method->method),
		.class_ = opt_text(event->class_name),
		.count = opt_int(event->count),
		.seconds = opt_int((uint64_t)event->seconds),
		.retry_after_ms = opt_int((uint64_t)event->retry_after_ms),
		.suppressed = opt_int(event->suppressed),
		.missed = opt_int(missed),
		.name = opt_text(event->name),
		.version = opt_int(event->version),
	};
	size_t before = buf_len(out);

	value_array(&writer, 3);
	value_int(&writer, FRAME_NOTIFICATION);
	value_text(&writer, TEXT_LITERAL("event"));
	value_array(&writer, 1);
	codec_write(&writer, event_item_type(), &item);
	if (!writer.failed)
		return VAULT_OK;
	buf_truncate(out, before);
	return VAULT_BUSY;
}
