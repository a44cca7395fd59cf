/* No include guard: takes back what fields_struct.h or fields_table.h defined. */
#undef FIELD_ROW
#undef TABLE_BEGIN
#undef TABLE_END
#undef TEXT
#undef TEXT_AS
#undef TENANT
#undef NAME
#undef BYTES
#undef INT
#undef BOOL
#undef ENUM
#undef TEXTS
#undef TEXTS_AS
#undef INTS
#undef MAP
#undef OBJECT
#undef OBJECTS
