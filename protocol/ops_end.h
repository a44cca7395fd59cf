/* No include guard: takes back every macro of a pass over ops.def. */
#undef ENUM_BEGIN
#undef ENUM_VALUE
#undef ENUM_END
#undef OBJECT_BEGIN
#undef OBJECT_END
#undef OP_BEGIN
#undef OP_RESULT
#undef OP_END
#include "protocol/fields_end.h"
