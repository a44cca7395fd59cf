/*
 * The 1,024 words of SLIP-39.
 */
#ifndef CRYPTO_SHARES_WORDS_H
#define CRYPTO_SHARES_WORDS_H

#define SHARES_WORDS 1024
#define SHARES_WORD_MAX 8 /* letters; shorter words are padded with NULs */

extern const char shares_words[SHARES_WORDS][SHARES_WORD_MAX];

#endif
