/*
 * Calls that may take long. While one lasts, whoever looks at a terminal sees how far the daemon has
 * got, as sys.status tells it to a second connection.
 */
#ifndef VAULTCTL_PROGRESS_H
#define VAULTCTL_PROGRESS_H

#include "tools/vaultctl/ctl.h"

/* As vault_call. */
enum vault_err progress_call(struct ctl *ctl, const struct op_row *row, struct vault *vault,
			     struct vault_map params, struct vault_bytes *result);
/* Waits for the answer to msgid, which is to be received then; an error is the handle's. */
enum vault_err progress_wait(struct ctl *ctl, const struct op_row *row, struct vault *vault,
			     uint32_t msgid);

/* What a daemon says of the method, in the handle's memory; NULL: nothing. */
const struct vault_work_status *progress_of(const struct vault_sys_status_res *status,
					    struct vault_text method);

#endif
