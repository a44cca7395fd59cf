/*
 * What the generator's outputs share: walking the tables that ops.def makes, and putting a field
 * into words.
 */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include <stdio.h>

#include "protocol/ops.h"

/* A struct of ops.def with the names of its C members, which differ from the wire's where those are
 * C++ words. */
struct gen_struct {
	const struct object_type *(*type)(void);
	const char *const *members;
};

/* The structs in an order in which each stands before its users; the last one's type is NULL. */
extern const struct gen_struct gen_structs[];
/* Every enumerated type; NULL ends the list. */
extern const struct enum_type *const gen_enums[];

/* The word for a field's type: "text", "bytes", "int", "[text]", "map", ... */
const char *gen_type(const struct field *field);
/* What a value must keep to, "" where there is nothing to say: "1-63 bytes", "0 to 300 s", "at most
 * 64, ...". */
#define GEN_BOUNDS_MAX 512
void gen_bounds(char out[static GEN_BOUNDS_MAX], const struct field *field);
/* The value of an absent field; false where there is none to tell. */
bool gen_default(char out[static GEN_BOUNDS_MAX], const struct field *field);

/* The part of a method's name before the dot; buf holds at least GEN_NOUN_MAX bytes. */
#define GEN_NOUN_MAX 32
void gen_noun(char buf[static GEN_NOUN_MAX], const struct op_row *row);

/* The outputs. Each answers 0, or 1 after telling on stderr what is missing. */
int gen_header(FILE *out, const char *template_path, const char *types_path);
int gen_markdown(FILE *out);
int gen_json(FILE *out);
int gen_nouns(FILE *out);
int gen_man(FILE *out, const char *noun);

#endif
