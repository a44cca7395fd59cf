/*
 * A connection's caller: who the kernel says it is, and what auth.* made of that since. Shared by
 * the connection and its requests in other lanes, each of which holds a reference. auth.* runs
 * alone on its connection (OP_BARRIER), so that nobody reads what it writes.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdatomic.h>

#include "protocol/error.h"
#include "protocol/fields.h"
#include "vaultd/base/clock.h"
#include "vaultd/core/identity.h"
#include "vaultd/core/method_set.h"

#define SESSION_MFA_MS (15 * 60 * 1000)	       /* how long a one-time code counts */
#define SESSION_LOGIN_IDLE_MS (15 * 60 * 1000) /* a login ends when nothing was asked for so long */

/* An API key that was logged in with: it replaces what the connection may do. */
struct session_login {
	char principal[PRINCIPAL_MAX + 1]; /* "key:TENANT/ID" */
	char tenant[TENANT_NAME_MAX + 1];
	char id[NAME_MAX_LEN + 1];
	char role[NAME_MAX_LEN + 1];
	char creator[PRINCIPAL_MAX + 1]; /* a principal whose rights bound it */
	int64_t expires_at;		 /* seconds since 1970; 0: never */
};

struct session {
	_Atomic unsigned references;
	_Atomic bool gone; /* its connection is closed: nobody waits for an answer */
	struct identity who;
	_Atomic bool logged_in; /* ended by the connection's own thread when idle for too long */
	struct session_login login;
	int64_t used_ms;      /* CLOCK_BOOTTIME of the last request while logged in */
	int64_t mfa_until_ms; /* CLOCK_BOOTTIME; 0: no code was given */
	/* auth.narrow: only ever less. */
	bool narrowed;
	char narrow_tenant[TENANT_NAME_MAX + 1]; /* empty: any */
	struct method_set narrow_methods;
};

/*
 * A session of that identity, whose groups are copied, with one reference. NULL when memory is
 * short.
 */
struct session *session_new(const struct identity *who);
struct session *session_hold(struct session *session);
/* NULL is fine. */
void session_release(struct session *session);

/*
 * Acts as a key from here on, or again as the user; a code that was given was the other's. The
 * texts of login are views.
 */
struct vault_login {
	struct vault_text tenant, id, role, creator;
	int64_t expires_at;
};
void session_login(struct session *session, const struct vault_login *login,
		   const struct clock_now *now);
void session_logout(struct session *session);
/* Ends a login that has expired or was not used for too long, and notes that it is used now. */
void session_use(struct session *session, const struct clock_now *now);
/* Only ever less: from here on these methods, of those that were left, and that tenant (p NULL: as it was). */
void session_narrow(struct session *session, struct vault_text tenant,
		    const struct method_set *methods);

/* "uid:1000", or "key:acme/4f..." once logged in. */
void session_principal(const struct session *session, char text[static PRINCIPAL_MAX + 1]);

#endif
