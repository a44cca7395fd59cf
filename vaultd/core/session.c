#include "vaultd/core/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session *
session_new(const struct identity *who)
{
	struct session *session;
	size_t bytes = who->group_count * sizeof who->groups[0];
	uint32_t *groups;

	/* The groups stand behind the session itself. */
	session = calloc(1, sizeof *session + bytes);
	if (session == NULL)
		return NULL;
	groups = (uint32_t *)(void *)(session + 1);
	if (bytes > 0)
		memcpy(groups, who->groups, bytes);
	atomic_init(&session->references, 1);
	session->who = *who;
	session->who.groups = groups;
	return session;
}

struct session *
session_hold(struct session *session)
{
	atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
	return session;
}

void
session_release(struct session *session)
{
	if (session != NULL &&
	    atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) == 1)
		free(session);
}

void
session_login(struct session *session, const struct vault_login *login, const struct clock_now *now)
{
	struct session_login *to = &session->login;

	snprintf(to->tenant, sizeof to->tenant, "%.*s", (int)login->tenant.len, login->tenant.p);
	snprintf(to->id, sizeof to->id, "%.*s", (int)login->id.len, login->id.p);
	snprintf(to->principal, sizeof to->principal, "key:%s/%s", to->tenant, to->id);
	snprintf(to->role, sizeof to->role, "%.*s", (int)login->role.len, login->role.p);
	snprintf(to->creator, sizeof to->creator, "%.*s", (int)login->creator.len,
		 login->creator.p);
	to->expires_at = login->expires_at;
	session->used_ms = now->boot_ms;
	session->mfa_until_ms = 0;
	session->logged_in = true;
}

void
session_logout(struct session *session)
{
	session->logged_in = false;
	session->mfa_until_ms = 0;
}

void
session_use(struct session *session, const struct clock_now *now)
{
	int64_t expires = session->login.expires_at;

	if (!session->logged_in)
		return;
	if (now->boot_ms - session->used_ms > SESSION_LOGIN_IDLE_MS ||
	    (expires != 0 && now->wall >= expires))
		session_logout(session);
	session->used_ms = now->boot_ms;
}

void
session_narrow(struct session *session, struct vault_text tenant, const struct method_set *methods)
{
	if (!session->narrowed)
		session->narrow_methods = method_set_all();
	session->narrowed = true;
	method_set_meet(&session->narrow_methods, methods);
	if (tenant.p != NULL)
		memcpy(session->narrow_tenant, tenant.p, tenant.len);
}

void
session_principal(const struct session *session, char text[static PRINCIPAL_MAX + 1])
{
	if (session->logged_in)
		snprintf(text, PRINCIPAL_MAX + 1, "%s", session->login.principal);
	else
		snprintf(text, PRINCIPAL_MAX + 1, "uid:%" PRIu32, session->who.uid);
}
