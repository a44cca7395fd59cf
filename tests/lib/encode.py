"""MessagePack by hand, so that a test can choose each value's encoding. What is not chosen is
encoded shortest."""

import struct

import msgpack


class Raw(bytes):
    """Bytes that are an encoded value already."""


class Pairs(list):
    """A map as a list of (key, value): keys may repeat."""


def encode(value):
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, (dict, Pairs)):
        pairs = list(value.items()) if isinstance(value, dict) else value
        return map_head(len(pairs)) + b"".join(encode(k) + encode(v) for k, v in pairs)
    if isinstance(value, (list, tuple)):
        return array_head(len(value)) + b"".join(encode(v) for v in value)
    return msgpack.packb(value, use_bin_type=True)


def map_head(n):
    return bytes([0x80 | n]) if n < 16 else struct.pack(">BH", 0xDE, n)


def array_head(n):
    return bytes([0x90 | n]) if n < 16 else struct.pack(">BH", 0xDC, n)


def request(msgid, method, *params):
    """A whole request frame; params as given: none at all, a map, or what a hostile client puts
    there."""
    return encode([0, msgid, method, list(params)])


def notification(method, *params):
    return encode([2, method, list(params)])


def integers(n):
    """Every encoding MessagePack has for a value of 0 to 127, floats with an integral value
    included."""
    return {
        "fixint": Raw(struct.pack("B", n)),
        "uint8": Raw(struct.pack(">BB", 0xCC, n)),
        "uint16": Raw(struct.pack(">BH", 0xCD, n)),
        "uint32": Raw(struct.pack(">BI", 0xCE, n)),
        "uint64": Raw(struct.pack(">BQ", 0xCF, n)),
        "int8": Raw(struct.pack(">Bb", 0xD0, n)),
        "int16": Raw(struct.pack(">Bh", 0xD1, n)),
        "int32": Raw(struct.pack(">Bi", 0xD2, n)),
        "int64": Raw(struct.pack(">Bq", 0xD3, n)),
        "float32": Raw(struct.pack(">Bf", 0xCA, n)),
        "float64": Raw(struct.pack(">Bd", 0xCB, n)),
    }


def uint64(n):
    return Raw(struct.pack(">BQ", 0xCF, n))


def strings(text):
    """Every encoding of a text below 32 bytes."""
    data = text.encode()
    return {
        "fixstr": Raw(bytes([0xA0 | len(data)]) + data),
        "str8": Raw(struct.pack(">BB", 0xD9, len(data)) + data),
        "str16": Raw(struct.pack(">BH", 0xDA, len(data)) + data),
        "str32": Raw(struct.pack(">BI", 0xDB, len(data)) + data),
    }


def str32(data):
    """A str of any bytes, UTF-8 or not."""
    data = data.encode() if isinstance(data, str) else data
    return Raw(struct.pack(">BI", 0xDB, len(data)) + data)


def byte_strings(data):
    """Every encoding that a field of bytes takes, for fewer than 256 bytes: bin and str, UTF-8 or
    not."""
    return {
        "bin8": Raw(struct.pack(">BB", 0xC4, len(data)) + data),
        "bin16": Raw(struct.pack(">BH", 0xC5, len(data)) + data),
        "bin32": Raw(struct.pack(">BI", 0xC6, len(data)) + data),
        "str8": Raw(struct.pack(">BB", 0xD9, len(data)) + data),
        "str16": Raw(struct.pack(">BH", 0xDA, len(data)) + data),
        "str32": str32(data),
    }


def maps(fields):
    """Every encoding of a map of fewer than 16 fields."""
    body = b"".join(encode(k) + encode(v) for k, v in fields.items())
    return {
        "fixmap": Raw(bytes([0x80 | len(fields)]) + body),
        "map16": Raw(struct.pack(">BH", 0xDE, len(fields)) + body),
        "map32": Raw(struct.pack(">BI", 0xDF, len(fields)) + body),
    }


def arrays(values):
    """Every encoding of an array of fewer than 16 values."""
    body = b"".join(encode(v) for v in values)
    return {
        "fixarray": Raw(bytes([0x90 | len(values)]) + body),
        "array16": Raw(struct.pack(">BH", 0xDC, len(values)) + body),
        "array32": Raw(struct.pack(">BI", 0xDD, len(values)) + body),
    }


def nested(depth):
    """Arrays in arrays: [] for 1, [[]] for 2."""
    return Raw(b"\x91" * (depth - 1) + b"\x90")
