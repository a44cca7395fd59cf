#include "vaultd/start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/codec.h"
#include "protocol/text.h"
#include "protocol/value.h"

#define FILES_RESERVED 64	   /* descriptors that connections leave to the daemon itself */
#define CONNECTIONS_PER_UID_MIN 16 /* by default, however few there are in all */
#define CREDENTIAL "vaultd.key"
#define SPARE_MAX 8 /* workers that stand by: each takes its share of the arena */

enum vault_err
start_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0 && chmod(path, mode) != 0) {
		log_error("%s: %s", path, strerror(errno));
		return VAULT_INTERNAL;
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		log_error("%s is missing, and cannot be made: %s", path, strerror(errno));
		return VAULT_INTERNAL;
	}
	return start_directory_ours(path);
}

enum vault_err
start_directory_ours(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		log_error("there is no directory %s", path);
		return VAULT_NOT_FOUND;
	}
	/* Who may write into the directory could put another socket or store in our place. */
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		log_error("%s belongs to someone else, or others may write to it", path);
		return VAULT_DENIED;
	}
	return VAULT_OK;
}

enum vault_err
start_group(const char *name, bool *set, gid_t *group)
{
	struct group *found;

	*set = name[0] != '\0';
	if (!*set)
		return VAULT_OK;
	found = getgrnam(name);
	if (found == NULL) {
		log_error("there is no group %s", name);
		return VAULT_INVALID_PARAMS;
	}
	*group = found->gr_gid;
	return VAULT_OK;
}

enum vault_err
start_listener(const struct listener_config *config, int fd, struct listener *listener)
{
	const char *why = "the socket could not be made";
	enum vault_err err;

	if (fd >= 0) {
		listener_adopt(listener, fd, config->admin);
		return VAULT_OK;
	}
	err = listener_open(config, listener, &why);
	if (err != VAULT_OK)
		log_error("%s/%s: %s", config->directory, config->name, why);
	return err;
}

unsigned
start_connections(unsigned wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return wanted;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (files.rlim_cur >= (rlim_t)wanted + FILES_RESERVED)
		return wanted;
	/* Without descriptors left the audit could not open its next segment. */
	log_warning("max_connections is cut down to what the limit of open files leaves");
	return files.rlim_cur > 2 * FILES_RESERVED ? (unsigned)files.rlim_cur - FILES_RESERVED
						   : FILES_RESERVED;
}

unsigned
start_connections_per_uid(const struct config *config)
{
	unsigned half = config->max_connections / 2;

	if (config->max_connections_per_uid > 0)
		return config->max_connections_per_uid;
	return half > CONNECTIONS_PER_UID_MIN ? half : CONNECTIONS_PER_UID_MIN;
}

struct start_workers
start_workers_wanted(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cores < 1			  ? 1
		     : cores > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX
						  : (unsigned)cores;
	unsigned regular = n > 3 ? n / 2 : 1, spare = n - regular;

	if (config->workers > 0)
		return (struct start_workers){ config->workers, config->workers };
	return (struct start_workers){ regular + (spare < SPARE_MAX ? spare : SPARE_MAX), regular };
}

enum vault_err
start_secret_read(const char *path, struct arena *arena, struct secret *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	SECRET_LOCAL(room);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return VAULT_NOT_FOUND;
	if (secret_new(arena, START_SECRET_MAX + 1, &room) != VAULT_OK) {
		close(fd);
		return VAULT_BUSY;
	}
	/* A pipe gives it in parts. */
	while (len < room.len && (n = read(fd, room.p + len, room.len - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (len < 1 || len > START_SECRET_MAX || n < 0)
		return VAULT_INVALID_PARAMS;
	return secret_copy(arena, room.p, len, bytes);
}

enum vault_err
start_key_read(const char *configured, struct arena *arena, struct start_key *key)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[CONFIG_PATH_MAX];
	enum vault_err err;

	if (configured[0] != '\0') {
		err = start_secret_read(configured, arena, &key->bytes);
		if (err != VAULT_OK)
			log_error("unseal_keyfile %s cannot be read, or is longer than %d bytes",
				  configured, START_SECRET_MAX);
		return err == VAULT_NOT_FOUND ? VAULT_INVALID_PARAMS : err;
	}
	if (credentials == NULL ||
	    snprintf(path, sizeof path, "%s/" CREDENTIAL, credentials) >= (int)sizeof path)
		return VAULT_OK;
	err = start_secret_read(path, arena, &key->bytes);
	if (err == VAULT_INVALID_PARAMS)
		log_error("%s is not 1 to %d bytes", path, START_SECRET_MAX);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

void
start_key_free(struct start_key *key)
{
	secret_free(&key->bytes);
}

static void
unsealed(struct job *job)
{
	if (job->result == VAULT_OK)
		log_info("unsealed with the key file");
	else
		log_error("the key file does not unseal the vault: %s",
			  vault_err_message(job->result));
	job_free(job);
}

void
start_unseal(struct lanes *lanes, struct start_key *key)
{
	struct sys_unseal_req req = { .keyfile = { key->bytes.p, key->bytes.len } };
	struct codec_request request = { .method = TEXT_LITERAL("sys.unseal"),
					 .type = sys_unseal_req_type(),
					 .fields = &req };
	struct identity self = { .uid = (uint32_t)geteuid(),
				 .gid = (uint32_t)getegid(),
				 .pid = getpid(),
				 .admin_socket = true };
	struct buf frame = { 0 };
	struct codec_writer writer = { .out = &frame };
	struct session *session;
	struct job *job;

	if (key->bytes.p == NULL || vault_state(lanes->vault) != STATE_SEALED) {
		start_key_free(key);
		return;
	}
	codec_write_request(&writer, &request);
	session = session_new(&self);
	job = session == NULL
		      ? NULL
		      : job_new(session, (struct vault_bytes){ buf_data(&frame), buf_len(&frame) },
				0);
	session_release(session);
	buf_free(&frame);
	start_key_free(key);
	if (job == NULL)
		return;
	job->done = unsealed;
	if (!job_queue_put(&lanes->slow, job))
		job_free(job);
}
