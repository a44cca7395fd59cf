"""Any valid encoding of a value is accepted, at every place."""

import struct

import pytest

from lib import encode
from lib.encode import Raw

INTEGERS = sorted(encode.integers(1))


@pytest.fixture
def raw_key(tenant):
    tenant.import_hs(b"k" * 32, "k", usage="raw")
    return tenant


@pytest.mark.parametrize("form", INTEGERS)
def test_an_integer(tenant, form):
    tenant.key("k", overlap=encode.integers(77)[form])
    assert tenant.call("key.get", name="k")["overlap"] == 77


@pytest.mark.parametrize("form", INTEGERS)
def test_an_integer_in_a_list(app, form):
    assert app.call("sys.hello", protocol=[encode.integers(1)[form]])["protocol"] == 1


@pytest.mark.parametrize("form", ["fixint", "uint8", "uint16", "uint32", "uint64"])
def test_the_messages_own_integers(app, form):
    app.send_raw(
        encode.encode([encode.integers(0)[form], encode.integers(9)[form], "sys.ping", []])
    )
    kind, msgid, error, result = app.recv()
    assert (kind, msgid, error) == (1, 9, None)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), float("inf"), float("-inf"), 1e300, -1.0, "1", b"1", True, [1], {}]
)
def test_what_is_no_such_integer(tenant, value):
    error = tenant.error("key.create", name="k", algorithm="HS256", overlap=value)
    assert (error.code, error.field) == ("invalid_params", "overlap")


@pytest.mark.parametrize(
    "value", [encode.uint64(1 << 63), encode.uint64((1 << 64) - 1), -(1 << 63)]
)
def test_integers_beyond_what_fits(tenant, value):
    assert tenant.error("key.create", name="k", algorithm="HS256", overlap=value).field == "overlap"


@pytest.mark.parametrize("form", sorted(encode.strings("x")))
def test_a_text(raw_key, form):
    fields = encode.Pairs(
        [
            (encode.strings("tenant")[form], encode.strings(raw_key.name)[form]),
            (encode.strings("name")[form], encode.strings("k")[form]),
        ]
    )
    assert raw_key.conn.call_map("key.get", fields)["name"] == "k"


@pytest.mark.parametrize("form", sorted(encode.strings("x")))
def test_the_methods_name(app, form):
    app.send_raw(encode.encode([0, 1, encode.strings("sys.ping")[form], []]))
    assert app.recv()[2] is None


@pytest.mark.parametrize("form", sorted(encode.strings("x")))
def test_an_enumerated_text(tenant, form):
    tenant.key("k", algorithm=encode.strings("HS512")[form])
    assert tenant.call("key.get", name="k")["algorithm"] == "HS512"


@pytest.mark.parametrize(
    "value",
    [
        b"k",
        1,
        1.0,
        True,
        ["k"],
        {"k": 1},
        encode.str32(b"\xff"),
        encode.str32(b"k\xc0\x80"),
        encode.str32(b"\xed\xa0\x80"),
    ],
)
def test_what_is_no_text(tenant, value):
    error = tenant.error("key.get", name=value)
    assert (error.code, error.field) == ("invalid_params", "name")


@pytest.mark.parametrize(
    "message",
    [b"", b"m", b"\x00\xff\xfe\x80", "tekst – ž".encode()],
    ids=["empty", "one", "not-utf8", "utf8"],
)
@pytest.mark.parametrize("form", sorted(encode.byte_strings(b"")))
def test_bytes_as_bin_or_str(raw_key, message, form):
    due = raw_key.call("key.sign", name="k", message=message)["signature"]
    assert isinstance(due, bytes), "bytes are returned as bin"
    assert (
        raw_key.call("key.sign", name="k", message=encode.byte_strings(message)[form])["signature"]
        == due
    )


@pytest.mark.parametrize("value", [1, [109], {"m": 1}, True, 1.5])
def test_what_is_no_bytes(raw_key, value):
    error = raw_key.error("key.sign", name="k", message=value)
    assert (error.code, error.field) == ("invalid_params", "message")


@pytest.mark.parametrize("form", sorted(encode.maps({})))
def test_the_map_of_fields(raw_key, form):
    fields = encode.maps({"tenant": raw_key.name, "name": "k"})[form]
    assert raw_key.conn.call_params("key.get", fields)["name"] == "k"


@pytest.mark.parametrize("form", sorted(encode.maps({})))
def test_a_map_in_a_field(tenant, form):
    tenant.key()
    tenant.profile(claims=["a"], fixed=encode.maps({"b": 1})[form])
    assert tenant.call("profile.get", name="p")["fixed"] == {"b": 1}
    token = tenant.sign(claims=encode.maps({"a": "x"})[form])["token"]
    claims = tenant.verify(token)["claims"]
    assert (claims["a"], claims["b"]) == ("x", 1)


@pytest.mark.parametrize("form", sorted(encode.arrays([])))
def test_the_messages_own_arrays(app, form):
    app.send_raw(encode.arrays([0, 3, "sys.ping", encode.arrays([{}])[form]])[form])
    kind, msgid, error, result = app.recv()
    assert (kind, msgid, error) == (1, 3, None)


@pytest.mark.parametrize("form", sorted(encode.arrays([])))
def test_a_list_in_a_field(tenant, form):
    tenant.key()
    tenant.profile(scopes=encode.arrays(["a", "b"])[form])
    assert tenant.call("profile.get", name="p")["scopes"] == ["a", "b"]


@pytest.mark.parametrize("form", sorted(encode.arrays([])))
def test_an_empty_array_where_a_map_is_due(tenant, form):
    tenant.key()
    tenant.profile(fixed=encode.arrays([])[form])
    assert tenant.sign(claims=encode.arrays([])[form])["token"]
    assert tenant.conn.call_params("sys.ping", encode.arrays([])[form])["time"]


@pytest.mark.parametrize("value", [{}, {"a": 1}, "a", 1, True])
def test_what_is_no_list(tenant, value):
    tenant.key()
    error = tenant.error("profile.put", name="p", key="k", scopes=value)
    assert (error.code, error.field) == ("invalid_params", "scopes")


@pytest.mark.parametrize("value", [1, "x", b"x", True, [1]])
def test_what_is_no_map(tenant, value):
    tenant.key()
    error = tenant.error("profile.put", name="p", key="k", fixed=value)
    assert (error.code, error.field) == ("invalid_params", "fixed")


@pytest.mark.parametrize("value", [0, 1, "true", b"", [], {}, 1.0])
def test_what_is_no_flag(tenant, value):
    tenant.key()
    error = tenant.error("key.rotate", name="k", now=value)
    assert (error.code, error.field) == ("invalid_params", "now")


EXT = {
    "fixext1": b"\xd4\x01x",
    "fixext16": b"\xd8\x01" + b"x" * 16,
    "ext8": b"\xc7\x02\x01xx",
    "timestamp": b"\xd6\xff" + struct.pack(">I", 1700000000),
}


@pytest.mark.parametrize("form", sorted(EXT))
def test_ext_types_are_no_value(tenant, form):
    tenant.key()
    tenant.profile(claims=["a"])
    assert tenant.error("key.get", name=Raw(EXT[form])).field == "name"
    assert (
        tenant.error("token.sign", profile="p", subject="s", claims={"a": Raw(EXT[form])}).field
        == "claims"
    )
    assert tenant.conn.call("sys.ping")


def test_integers_are_sent_in_shortest_form(app, tenant):
    tenant.key("k", overlap=0)
    app.send_raw(encode.request(5, "key.get", tenant.fields(name="k")))
    data = app.sock.recv(65536)
    assert data.startswith(b"\x94\x01\x05\xc0")
    assert b"\xa7overlap\x00" in data and b"\xa7current\x01" in data
