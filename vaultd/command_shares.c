/*
 * A slot's shares for a command: from files, or one after the other from a terminal.
 */
#include <stdio.h>

#include "vaultd/base/log.h"
#include "vaultd/command.h"
#include "vaultd/start.h"

#define PROMPT_MAX 64

struct share_list {
	struct share v[SHARES_MAX];
	unsigned n;
};

static void
list_free(struct share_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		share_free(&list->v[i]);
	list->n = 0;
}

/* How many are still missing once there is one. */
static unsigned
list_needed(const struct share_list *list)
{
	return list->n == 0 ? 1 : list->v[0].threshold - list->n;
}

/*
 * VAULT_INVALID_PARAMS, told already, where the words are not another share of the same slot. path:
 * of the file that they are from, or NULL.
 */
static enum vault_err
list_add(struct share_list *list, struct arena *arena, const struct secret *words, const char *path)
{
	struct vault_text text = { (const char *)words->p, words->len };
	struct share share = { 0 };
	const char *why = NULL;
	enum vault_err err = share_read(arena, text, &share);

	if (err == VAULT_INVALID_PARAMS)
		why = "these are not the words of a share; is one mistyped?";
	else if (err == VAULT_OK && share.group_count != 1)
		why = "this share is not of a slot";
	for (unsigned i = 0; err == VAULT_OK && i < list->n; i++) {
		if (!share_same_set(&list->v[i], &share) || list->v[i].threshold != share.threshold)
			why = "this share is not of the same slot as the first";
		else if (list->v[i].index == share.index)
			why = "this share was given already";
	}
	if (why != NULL) {
		log_error("%s%s%s", path == NULL ? "" : path, path == NULL ? "" : ": ", why);
		err = VAULT_INVALID_PARAMS;
	}
	if (err != VAULT_OK) {
		share_free(&share);
		return err;
	}
	list->v[list->n++] = share;
	return VAULT_OK;
}

static enum vault_err
list_join(struct share_list *list, struct secret *bytes)
{
	enum vault_err err = shares_join(list->v, list->n, (struct vault_text){ 0 }, bytes);

	if (err != VAULT_DENIED)
		return err;
	log_error("these shares do not fit together: one was made up");
	return VAULT_INVALID_PARAMS;
}

static enum vault_err
read_files(const struct command_secret *from, struct arena *arena, struct share_list *list)
{
	for (unsigned i = 0; i < from->share_count; i++) {
		const char *path = from->share_files[i];
		SECRET_LOCAL(words);

		if (start_secret_read(path, arena, &words) != VAULT_OK) {
			log_error("%s cannot be read, is empty or is longer than %d bytes", path,
				  START_SECRET_MAX);
			return VAULT_INVALID_PARAMS;
		}
		if (i > 0 && list_needed(list) == 0) {
			log_error("%u shares are needed, and no more", list->n);
			return VAULT_INVALID_PARAMS;
		}
		TRY(list_add(list, arena, &words, path));
	}
	if (list_needed(list) == 0)
		return VAULT_OK;
	log_error("%u more shares are needed: give --share-file once for each", list_needed(list));
	return VAULT_INVALID_PARAMS;
}

enum vault_err
command_shares_read(const struct command_secret *from, struct arena *arena, struct secret *bytes)
{
	struct share_list list = { 0 };
	enum vault_err err = read_files(from, arena, &list);

	if (err == VAULT_OK)
		err = list_join(&list, bytes);
	list_free(&list);
	return err;
}

/* A share that is none, or was given, is asked for again: who enters it has the paper at hand. */
static enum vault_err
ask_all(struct arena *arena, struct share_list *list)
{
	char prompt[PROMPT_MAX];

	while (list_needed(list) > 0) {
		SECRET_LOCAL(words);
		enum vault_err err;

		snprintf(prompt, sizeof prompt,
			 list->n == 0 ? "Share %u: " : "Share %u of %u: ", list->n + 1,
			 list->n == 0 ? 0u : list->v[0].threshold);
		TRY(command_line_ask(arena, prompt, &words));
		err = list_add(list, arena, &words, NULL);
		if (err != VAULT_OK && err != VAULT_INVALID_PARAMS)
			return err;
	}
	return VAULT_OK;
}

enum vault_err
command_shares_ask(struct arena *arena, struct secret *bytes)
{
	struct share_list list = { 0 };
	enum vault_err err = ask_all(arena, &list);

	if (err == VAULT_OK)
		err = list_join(&list, bytes);
	list_free(&list);
	return err;
}
