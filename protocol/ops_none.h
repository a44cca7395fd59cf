/*
 * No include guard: every macro of ops.def that the includer has not defined yields nothing, so
 * that a pass names only what it wants. ops_end.h takes them all back.
 */
#ifndef ENUM_BEGIN
#define ENUM_BEGIN(id)
#endif
#ifndef ENUM_VALUE
#define ENUM_VALUE(id, name)
#endif
#ifndef ENUM_END
#define ENUM_END(id)
#endif
#ifndef OBJECT_BEGIN
#define OBJECT_BEGIN(id)
#endif
#ifndef OBJECT_END
#define OBJECT_END(id)
#endif
#ifndef OP_BEGIN
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)
#endif
#ifndef OP_RESULT
#define OP_RESULT(id)
#endif
#ifndef OP_END
#define OP_END(id)
#endif
#ifndef TEXT
#define TEXT(...)
#define TEXT_AS(...)
#define TENANT(...)
#define NAME(...)
#define BYTES(...)
#define INT(...)
#define BOOL(...)
#define ENUM(...)
#define TEXTS(...)
#define TEXTS_AS(...)
#define INTS(...)
#define MAP(...)
#define OBJECT(...)
#define OBJECTS(...)
#endif
