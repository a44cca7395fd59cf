/*
 * Which imports are under way; what they are is in core/imports.h.
 */
#ifndef CORE_IMPORTS_TABLE_H
#define CORE_IMPORTS_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#define IMPORTS_MAX 4 /* at once; each holds about two MiB */

struct import;
/* The slow lane's; what is atomic others read. */
struct imports {
	_Atomic unsigned count;
	struct import *list[IMPORTS_MAX];
	_Atomic uint32_t numbers[IMPORTS_MAX]; /* of the tenants to be; 0: none yet */
};

#endif
