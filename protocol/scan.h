/*
 * Finds where one MessagePack value ends, without building anything: resumable, linear in the bytes
 * received however they are dripped, bounded in depth and size. It trusts no count: a container can
 * claim no more elements than the frame could hold.
 */
#ifndef PROTOCOL_SCAN_H
#define PROTOCOL_SCAN_H

#include "protocol/fields.h"

enum scan_result {
	SCAN_WHOLE, /* scan.pos is the value's length */
	SCAN_SHORT, /* more bytes are needed */
	SCAN_BAD,   /* not MessagePack */
	SCAN_LARGE, /* longer than FRAME_MAX, or claims to be */
	SCAN_DEEP,  /* nested deeper than DEPTH_MAX */
};

/* Starts as all zero, for one value. */
struct scan {
	size_t pos;	/* of the next byte to look at; may lie beyond what has arrived */
	unsigned depth; /* containers open */
	bool started;
	uint32_t left[DEPTH_MAX]; /* values still to come in each open container */
};

/* bytes: everything of the value that has arrived so far, from its first byte on. */
enum scan_result scan_feed(struct scan *scan, const uint8_t *bytes, size_t len);

#endif
