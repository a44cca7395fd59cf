#include "tools/vaultctl/qr.h"

#include <langinfo.h>
#include <qrencode.h>
#include <string.h>

#define QUIET 4 /* light modules on each side (ISO/IEC 18004, 6.3.8) */
/* Of the fixed part of the 256 colours, which themes leave alone. */
#define BLACK_ON_WHITE "\033[38;5;16;48;5;231m"
#define WHITE_ON_BLACK "\033[38;5;231;48;5;16m"
#define PLAIN "\033[0m"

static bool
dark(const QRcode *code, int x, int y)
{
	x -= QUIET;
	y -= QUIET;
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1) != 0;
}

/* Two rows of modules in one line of half blocks. ink: what the characters draw, dark or light. */
static void
half_blocks(FILE *out, const QRcode *code, int y, bool ink)
{
	static const char *const blocks[] = { " ", "\u2580", "\u2584", "\u2588" };

	for (int x = 0; x < code->width + 2 * QUIET; x++)
		fputs(blocks[(dark(code, x, y) == ink) + 2 * (dark(code, x, y + 1) == ink)], out);
}

/* Without such characters a module is two columns wide and one line high. */
static void
wide_modules(FILE *out, const QRcode *code, int y, bool colours)
{
	for (int x = 0; x < code->width + 2 * QUIET; x++) {
		bool is_dark = dark(code, x, y);

		if (colours)
			fprintf(out, "%s  ", is_dark ? WHITE_ON_BLACK : BLACK_ON_WHITE);
		else
			fputs(is_dark ? "  " : "##", out);
	}
}

static void
draw(FILE *out, const QRcode *code, bool colours)
{
	bool halves = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	for (int y = 0; y < code->width + 2 * QUIET; y += halves ? 2 : 1) {
		if (colours)
			fputs(BLACK_ON_WHITE, out);
		if (halves)
			half_blocks(out, code, y, colours);
		else
			wide_modules(out, code, y, colours);
		fputs(colours ? PLAIN "\n" : "\n", out);
	}
}

bool
qr_draw(FILE *out, const char *text, bool colours)
{
	/* The lowest level of correction: a screen is not torn, and a smaller code fits it. */
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

	if (code == NULL)
		return false;
	draw(out, code, colours);
	explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return true;
}
