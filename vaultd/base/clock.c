#include "vaultd/base/clock.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS 1000000
#define MS_PER_S 1000
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_TEXT 36 /* a UUID: hex digits and hyphens */

struct clock_now
clock_read(void)
{
	struct timespec wall, boot;

	/* Both clocks are always there on Linux, so neither call can fail. */
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct clock_now){
		.wall = wall.tv_sec,
		.wall_ns = wall.tv_sec * NS_PER_S + wall.tv_nsec,
		.boot_ms = (int64_t)boot.tv_sec * MS_PER_S + boot.tv_nsec / NS_PER_MS,
	};
}

int64_t
clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void
clock_boot_id(uint8_t id[static BOOT_ID_BYTES])
{
	char text[BOOT_ID_TEXT];
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, sizeof text);
		close(fd);
	}
	if (n != sizeof text ||
	    sodium_hex2bin(id, BOOT_ID_BYTES, text, sizeof text, "-", &len, NULL) != 0 ||
	    len != BOOT_ID_BYTES)
		memset(id, 0, BOOT_ID_BYTES);
}
