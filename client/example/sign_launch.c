/*
 * sign_launch: what a launch service does with libvaultclient. It asks for a launch token for a
 * learner under a profile, then checks it, as the service that receives the learner would.
 *
 *	cc sign_launch.c $(pkg-config --cflags --libs libvaultclient) -o sign_launch
 *	./sign_launch acme launch learner-42
 *
 * The profile says what such a token may be: who issues it, who it is for, how long it lives. It
 * was made once by the tenant's administrator:
 *
 *	vaultctl --tenant acme key create launch-key --algorithm EdDSA
 *	vaultctl --tenant acme profile put launch --key launch-key \
 *		--issuer https://lms.example --ttl 5m
 */
#include <stdio.h>
#include <string.h>
#include <vaultclient.h>

/* A daemon that is sealed or busy may answer later; everything else needs a person. */
static int
complain(const char *what, const struct vault *vault)
{
	const struct vault_failure *f = vault_error(vault);

	fprintf(stderr, "%s: %s%s%s%s\n", what, f->field, f->field[0] != '\0' ? ": " : "",
		f->message, f->retryable ? " (try again later)" : "");
	return 1;
}

/* The token is the caller's to keep: the handle's copy is gone with the next call. */
static int
sign(struct vault *vault, char **argv, char *token, size_t size)
{
	struct vault_token_sign_req req = {
		.tenant = vault_text(argv[1]),
		.profile = vault_text(argv[2]),
		.subject = vault_text(argv[3]),
		.ttl = vault_int(
			120), /* shorter than the profile's, which is allowed; longer may not be */
	};
	struct vault_token_sign_res res;

	if (vault_token_sign(vault, &req, &res) != VAULT_OK)
		return complain("signing", vault);
	if (res.token.len >= size) {
		fprintf(stderr, "signing: the token is too long for this program\n");
		return 1;
	}
	memcpy(token, res.token.p, res.token.len);
	token[res.token.len] = '\0';
	return 0;
}

/* A token that is not valid is an answer, not an error: the call succeeds, and res says why. */
static int
verify(struct vault *vault, char **argv, const char *token)
{
	struct vault_token_verify_req req = {
		.tenant = vault_text(argv[1]),
		.profile = vault_text(argv[2]),
		.token = vault_text(token),
	};
	struct vault_token_verify_res res;

	if (vault_token_verify(vault, &req, &res) != VAULT_OK)
		return complain("verifying", vault);
	if (!res.valid) {
		fprintf(stderr, "not valid%s\n",
			res.reason.v == VAULT_VERIFY_REASON_EXPIRED ? ": it has expired" : "");
		return 3;
	}
	fprintf(stderr, "valid until %lld, id %.*s\n", (long long)res.expires_at.v,
		(int)res.jti.len, res.jti.p);
	return 0;
}

int
main(int argc, char **argv)
{
	struct vault_options options = { .timeout_ms = 5000, .client = "sign_launch example" };
	struct vault *vault;
	char token[16384];
	int status;

	if (argc != 4) {
		fprintf(stderr, "usage: sign_launch TENANT PROFILE SUBJECT\n");
		return 1;
	}
	/* NULL: the socket of $VAULTD_SOCKET, else the usual one. One handle serves many calls; a
	 * thread needs its own. */
	if (vault_open(NULL, &options, &vault) != VAULT_OK) {
		status = complain("connecting", vault);
		vault_close(vault);
		return status;
	}
	status = sign(vault, argv, token, sizeof token);
	if (status == 0) {
		puts(token);
		status = verify(vault, argv, token);
	}
	vault_close(vault);
	return status;
}
