/*
 * secret rotate --exec: a live credential is changed at its target between the making of the new
 * value and its becoming the current one. What was interrupted anywhere is taken up again by the
 * same command: the pending version is the memory of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"

#define UNUSABLE 65  /* EX_DATAERR: this version will not do, and the target never had it */
#define TRIES 2	     /* versions made in one run, where the hook finds the first unusable */
#define UNDECIDED 75 /* EX_TEMPFAIL: whether the target changed is not known */
#define SIGNALLED 128
#define NUMBER_TEXT 16

const struct extra rotate_extras[] = {
	{ "exec", "HOOK", "what puts the new value into use at its target" },
	{ NULL, NULL, NULL },
};

struct rotation {
	struct ctl *ctl;
	struct vault *vault;
	struct vault_text tenant, name;
	uint32_t old, new;
	bool resumed; /* the pending version was there before */
};

static int
failed(const struct rotation *r, const char *method)
{
	return ctl_failed(r->ctl, r->vault, op_find(text_of(method)));
}

/* The versions that are there; a pending one is made where there is none. */
static int
find_versions(struct rotation *r)
{
	struct vault_secret_describe_req ask = { .tenant = r->tenant, .name = r->name };
	struct vault_secret_rotate_req make = { .tenant = r->tenant, .name = r->name };
	struct vault_secret_describe_res there;
	struct vault_secret_rotate_res made;

	if (vault_secret_describe(r->vault, &ask, &there) != VAULT_OK)
		return failed(r, "secret.describe");
	for (size_t i = 0; i < there.versions.n; i++) {
		int state = there.versions.v[i].state;

		if (state == VAULT_SECRET_STATE_PENDING)
			r->new = (uint32_t)there.versions.v[i].version;
		if (state == VAULT_SECRET_STATE_CURRENT)
			r->old = (uint32_t)there.versions.v[i].version;
	}
	r->resumed = r->new != 0;
	if (r->resumed)
		return CTL_DONE;
	make.stage = vault_enum(VAULT_SECRET_TARGET_PENDING);
	if (vault_secret_rotate(r->vault, &make, &made) != VAULT_OK)
		return failed(r, "secret.rotate");
	r->new = (uint32_t)made.version;
	return CTL_DONE;
}

static int
give_version(const struct rotation *r, struct child *child, const char *variable, uint32_t version)
{
	struct vault_secret_get_req req = { .tenant = r->tenant,
					    .name = r->name,
					    .version = vault_int(version) };
	struct vault_secret_get_res res;

	if (vault_secret_get(r->vault, &req, &res) != VAULT_OK)
		return failed(r, "secret.get");
	return child_give_file(r->ctl, child, text_of(variable), res.value) ? CTL_DONE : CTL_LOCAL;
}

static bool
give_text(const struct rotation *r, struct child *child, const char *name, struct vault_text value)
{
	return child_give(r->ctl, child, text_of(name),
			  (struct vault_bytes){ (const uint8_t *)value.p, value.len });
}

static int
give_all(const struct rotation *r, struct child *child)
{
	char old[NUMBER_TEXT] = "", new[NUMBER_TEXT];
	int status = CTL_DONE;

	snprintf(new, sizeof new, "%" PRIu32, r->new);
	if (r->old != 0) {
		snprintf(old, sizeof old, "%" PRIu32, r->old);
		status = give_version(r, child, "VAULT_OLD_FILE", r->old);
	}
	if (status == CTL_DONE)
		status = give_version(r, child, "VAULT_NEW_FILE", r->new);
	if (status != CTL_DONE)
		return status;
	return give_text(r, child, "VAULT_TENANT", r->tenant) &&
			       give_text(r, child, "VAULT_SECRET", r->name) &&
			       give_text(r, child, "VAULT_OLD_VERSION", text_of(old)) &&
			       give_text(r, child, "VAULT_NEW_VERSION", text_of(new)) &&
			       give_text(r, child, "VAULT_RESUMED", text_of(r->resumed ? "1" : "0"))
		       ? CTL_DONE
		       : CTL_LOCAL;
}

static int
promote(const struct rotation *r)
{
	struct vault_secret_promote_req req = { .tenant = r->tenant,
						.name = r->name,
						.version = r->new };

	if (vault_secret_promote(r->vault, &req, NULL) != VAULT_OK)
		return failed(r, "secret.promote");
	if (r->ctl->format == CTL_JSON || r->ctl->quiet)
		printf(r->ctl->quiet ? "%" PRIu32 "\n" : "{\"version\": %" PRIu32 "}\n", r->new);
	ctl_note(r->ctl, "Version %" PRIu32 " is the current one.", r->new);
	return CTL_DONE;
}

static int
discard(const struct rotation *r)
{
	struct vault_secret_discard_req req = { .tenant = r->tenant,
						.name = r->name,
						.version = r->new };

	if (vault_secret_discard(r->vault, &req, NULL) != VAULT_OK)
		return failed(r, "secret.discard");
	return ctl_local(r->ctl, "the hook failed; version %" PRIu32 " was dropped", r->new);
}

/*
 * A hook that exits with an error vouches that its target has the old value still. One that was
 * ended by a signal, or says so, vouches for nothing; nor does one for a run before it that was
 * interrupted. Then the new value may be in use, and is kept for the next run.
 */
static int
settle(const struct rotation *r, int exit_code)
{
	if (exit_code == 0)
		return promote(r);
	if (exit_code >= 0 && exit_code != UNDECIDED && exit_code < SIGNALLED && !r->resumed)
		return discard(r);
	return ctl_local(r->ctl,
			 "the hook ended with %d and the target may have changed; version %" PRIu32
			 " stays pending: run the command again",
			 exit_code, r->new);
}

/* One version; *again: the hook wants another. */
static int
rotate_once(struct rotation *r, char *const *argv, bool *again)
{
	struct child child = { .n = 0 };
	int exit_code, status = find_versions(r);

	*again = false;
	if (status == CTL_DONE && r->resumed)
		ctl_note(r->ctl, "Version %" PRIu32 " was pending already: going on with it.",
			 r->new);
	if (status == CTL_DONE)
		status = give_all(r, &child);
	if (status == CTL_DONE) {
		exit_code = child_run(r->ctl, &child, argv);
		*again = exit_code == UNUSABLE;
		status = *again ? discard(r) : settle(r, exit_code);
	}
	child_free(&child);
	return status;
}

static int
rotate(struct rotation *r, char *const *argv)
{
	bool again = true;
	int status = CTL_LOCAL;

	for (int i = 0; i < TRIES && again; i++) {
		r->old = r->new = 0;
		status = rotate_once(r, argv, &again);
	}
	return status;
}

/* The name as an argument or an option; NULL: told already. */
static const char *
name_of(const struct ctl *ctl, const struct args *args)
{
	const char *name = NULL;

	for (size_t i = 0; i < args->n; i++) {
		if (strcmp(args->v[i].field->name, "name") == 0)
			name = args->v[i].text;
		else if (strcmp(args->v[i].field->name, "stage") == 0)
			ctl_note(ctl, "--stage has no meaning beside --exec.");
	}
	if (name == NULL)
		ctl_usage(ctl, "--name is required; see --help");
	else if (ctl->tenant == NULL)
		ctl_usage(ctl, "--tenant is required (or set VAULTD_TENANT)");
	return ctl->tenant == NULL ? NULL : name;
}

/* The hook, and what stands behind "--". */
#define ARGUMENTS_MAX 62

int
run_secret_rotate(struct ctl *ctl, struct args *args)
{
	const char *hook = args_extra(args, "exec"), *name;
	char *argv[ARGUMENTS_MAX + 2] = { (char *)(uintptr_t)hook };
	struct rotation rotation = { .ctl = ctl };
	int status;

	if (hook == NULL && args->command == NULL)
		return command_run(ctl, args);
	if (hook == NULL)
		return ctl_usage(ctl, "what stands behind -- are arguments of --exec");
	for (size_t i = 0; args->command != NULL && args->command[i] != NULL; i++) {
		if (i == ARGUMENTS_MAX)
			return ctl_usage(ctl, "too many arguments");
		argv[i + 1] = args->command[i];
	}
	name = name_of(ctl, args);
	if (name == NULL)
		return CTL_LOCAL;
	child_guard();
	rotation.name = text_of(name);
	rotation.tenant = text_of(ctl->tenant);
	status = ctl_connect(ctl, args->row, &rotation.vault);
	if (status == CTL_DONE)
		status = rotate(&rotation, argv);
	vault_close(rotation.vault);
	return status;
}
