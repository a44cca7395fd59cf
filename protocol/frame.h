/*
 * The MessagePack-RPC message around a request or a reply.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include "protocol/cursor.h"
#include "protocol/error.h"

enum frame_type { FRAME_REQUEST = 0, FRAME_REPLY = 1, FRAME_NOTIFICATION = 2 };

/* Views into the message. */
struct frame {
	enum frame_type type;
	uint32_t msgid;		  /* of a request or reply; 0 in a notification */
	struct vault_text method; /* of a request or notification */
	struct cursor
		params; /* of a request or notification: at the one map of fields, or at its end where there is none */
	struct cursor error;  /* of a reply */
	struct cursor result; /* of a reply */
};

/*
 * Takes a whole message apart. VAULT_INVALID_REQUEST where it is not MessagePack-RPC, with
 * frame->msgid set where one could be read (else 0); VAULT_INVALID_PARAMS where all is well but the
 * shape of params, with msgid and method set.
 */
MUST_USE enum vault_err frame_parse(const uint8_t *bytes, size_t len, struct frame *frame);

#endif
