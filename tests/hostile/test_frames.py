"""Bytes that are no request: one error reply, then the end; or an error of the contract, and life
goes on."""

import random
import struct

import pytest

from lib import encode
from lib.encode import Pairs, Raw
from lib.hostile import FATAL, refused
from lib.rpc import VaultError

TOP = {
    "array32-of-4-billion": b"\xdd\xff\xff\xff\xff",
    "map32-of-4-billion": b"\xdf\xff\xff\xff\xff",
    "bin32-of-4-gib": b"\xc6\xff\xff\xff\xff",
    "str32-of-4-gib": b"\xdb\xff\xff\xff\xff",
    "ext32-of-4-gib": b"\xc9\xff\xff\xff\xff\x01",
    "array32-of-a-billion-and-more": b"\xdd\xff\x00\x00\x00" + b"\xc0" * 100,
    "array16-of-65535": b"\xdc\xff\xff" + b"\xc0" * 70000,
    "never-used": b"\xc1",
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "http-post": b"POST /rpc HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "json-rpc": b'{"jsonrpc":"2.0","method":"sys.ping","id":1}\n',
    "tls": bytes.fromhex("160301020001000001fc0303") + b"\x55" * 500,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nil": b"\xc0",
    "true": b"\xc3",
    "integer": b"\x2a",
    "float": struct.pack(">Bd", 0xCB, 1.0),
    "text": b"\xa4ping",
    "bytes": b"\xc4\x04ping",
    "ext": b"\xd4\x01x",
    "map": b"\x80",
    "map-of-one": b"\x81\x00\x01",
    "array-of-none": b"\x90",
    "array-of-one": b"\x91\x00",
    "array-of-two": b"\x92\x00\x01",
    "array-of-five": encode.encode([0, 1, "sys.ping", [], 1]),
    "three-of-a-request": encode.encode([0, 1, "sys.ping"]),
    "four-of-a-notification": encode.encode([2, 1, "sys.ping", []]),
    "type-3": encode.encode([3, 1, "sys.ping", []]),
    "type-minus-1": encode.encode([-1, 1, "sys.ping", []]),
    "type-text": encode.encode(["0", 1, "sys.ping", []]),
    "type-nil": encode.encode([None, 1, "sys.ping", []]),
    "msgid-minus-1": encode.encode([0, -1, "sys.ping", []]),
    "msgid-of-33-bits": encode.encode([0, 1 << 32, "sys.ping", []]),
    "msgid-of-64-bits": encode.encode([0, (1 << 64) - 1, "sys.ping", []]),
    "msgid-text": encode.encode([0, "1", "sys.ping", []]),
    "msgid-nil": encode.encode([0, None, "sys.ping", []]),
    "method-integer": encode.encode([0, 1, 7, []]),
    "method-nil": encode.encode([0, 1, None, []]),
    "method-array": encode.encode([0, 1, ["sys.ping"], []]),
}


@pytest.mark.parametrize("name", sorted(TOP))
def test_what_is_no_message(shared, name):
    refused(shared, TOP[name])


@pytest.mark.parametrize(
    "name",
    [
        "array32-of-4-billion",
        "map32-of-4-billion",
        "bin32-of-4-gib",
        "never-used",
        "http",
        "nil",
        "map",
    ],
)
def test_where_no_msgid_could_be_read_it_is_zero(shared, name):
    refused(shared, TOP[name], msgid=0)


@pytest.mark.parametrize("name", ["method-integer", "method-nil", "method-array"])
def test_where_a_msgid_could_be_read_it_is_told(shared, name):
    refused(shared, TOP[name], codes=("invalid_request",), msgid=1)


NESTED = {
    "array32": b"\xdd\xff\xff\xff\xff",
    "map32": b"\xdf\xff\xff\xff\xff",
    "bin32": b"\xc6\xff\xff\xff\xff",
    "str32": b"\xdb\xff\xff\xff\xff",
    "ext32": b"\xc9\xff\xff\xff\xff\x01",
    "never-used": b"\xc1",
}


@pytest.mark.parametrize("name", sorted(NESTED))
@pytest.mark.parametrize("place", ["method", "params", "fields", "key", "value", "claims"])
def test_a_claimed_size_inside(shared, name, place):
    bad = Raw(NESTED[name])
    frame = {
        "method": lambda: encode.encode([0, 9, bad, []]),
        "params": lambda: encode.encode([0, 9, "sys.ping", bad]),
        "fields": lambda: encode.encode([0, 9, "sys.ping", [bad]]),
        "key": lambda: encode.encode([0, 9, "key.get", [Pairs([(bad, 1)])]]),
        "value": lambda: encode.encode([0, 9, "key.get", [{"tenant": bad}]]),
        "claims": lambda: encode.encode([0, 9, "token.sign", [{"claims": {"a": bad}}]]),
    }[place]()
    refused(shared, frame)


DUPLICATES = [
    Pairs([("a", 1), ("a", 1)]),
    Pairs([("a", 1), ("b", 2), ("a", 3)]),
    {"b": Pairs([("x", 1), ("x", 2)])},
    {"b": [{"y": Pairs([("x", 1), ("x", 1)])}]},
    Pairs([("a", 1), (encode.str32("a"), 2)]),
    Pairs([(1, 1)]),
    Pairs([(None, 1)]),
]


@pytest.mark.parametrize("claims", DUPLICATES, ids=range(len(DUPLICATES)))
def test_duplicate_keys_in_claims(shared, big, claims):
    with shared.app() as conn:
        error = conn.error("token.sign", tenant="big", profile="p", subject="s", claims=claims)
        assert (error.code, error.field) == ("invalid_params", "claims")
        assert conn.call("sys.ping")


@pytest.mark.parametrize("method", ["sys.ping", "key.get", "token.sign", "no.such"])
def test_duplicate_fields(shared, method):
    with shared.app() as conn:
        error = conn.error_map(
            method, Pairs([("actor", "a"), ("actor", "a"), ("tenant", "x"), ("tenant", "x")])
        )
        assert error.code == ("unknown_method" if method == "no.such" else "invalid_params")
        assert conn.call("sys.ping")


def test_not_utf8_where_text_is_due(shared):
    with shared.app() as conn:
        for method in (encode.str32(b"\xff\xfe"), encode.str32(b"sys.ping\xc0")):
            conn.send_raw(encode.encode([0, 1, method, []]))
            assert conn.recv_error()[1].code in ("unknown_method", "invalid_request")
            if conn.sock.fileno() < 0:
                break


def test_a_reply_from_a_client(shared):
    """Nobody asked the client anything."""
    with shared.app() as conn:
        conn.send_raw(encode.encode([1, 1, None, {}]))
        try:
            conn.send_raw(encode.request(2, "sys.ping"))
            kind, msgid, error, _ = conn.recv()
            assert error is None or error["code"] == "invalid_request"
        except (EOFError, BrokenPipeError):
            pass
    shared.assert_alive()


def test_random_bytes(shared):
    dice = random.Random(7)
    for _ in range(300):
        with shared.app(timeout=2) as conn:
            try:
                conn.send_raw(dice.randbytes(dice.randrange(1, 400)))
                conn.shut_write()
                while True:
                    kind, _, error, _ = conn.recv()
                    assert kind == 1 and error is not None
            except (EOFError, BrokenPipeError, ConnectionResetError):
                pass
    shared.assert_alive()


VALID = encode.request(
    3,
    "token.verify",
    {"tenant": "big", "profile": "p", "token": "a.b.c", "scope": ["x"], "source": "192.0.2.1"},
)


def test_truncated_at_every_length(shared, big):
    for size in range(len(VALID)):
        with shared.app() as conn:
            conn.send_raw(VALID[:size])
    shared.assert_alive()


def test_truncated_at_every_length_and_half_closed(shared, big):
    for size in range(len(VALID)):
        with shared.app() as conn:
            conn.send_raw(VALID[:size])
            conn.shut_write()
            try:
                error = conn.recv_error()[1]
                assert error.code in FATAL
                assert conn.at_end()
            except EOFError:
                pass


def test_split_at_every_place(shared, big):
    with shared.app() as conn:
        for size in range(1, len(VALID)):
            conn.send_raw(VALID[:size])
            conn.send_raw(VALID[size:])
            assert conn.recv()[1] == 3


def test_errors_close_only_their_own_connection(shared):
    with shared.app() as good:
        for name in ("never-used", "http", "array32-of-4-billion", "map"):
            refused(shared, TOP[name])
            assert good.call("sys.ping")


def test_requests_before_the_bad_bytes_are_answered(shared, big):
    with shared.app() as conn:
        conn.send_raw(
            b"".join(
                encode.request(i, "key.sign", {"tenant": "big", "name": "k", "message": b"m"})
                for i in range(50)
            )
            + b"\xc1"
        )
        seen = [conn.recv() for _ in range(51)]
        assert sorted(m[1] for m in seen if m[2] is None) == list(range(50))
        assert [m[2]["code"] for m in seen if m[2] is not None] == ["parse"]
        assert conn.at_end()


def test_requests_after_the_bad_bytes_are_not_run(shared, big):
    with shared.app() as conn:
        conn.send_raw(
            b"\xc1"
            + encode.request(
                1, "key.create", {"tenant": "big", "name": "never", "algorithm": "HS256"}
            )
        )
        assert conn.recv_error()[1].code == "parse"
        assert conn.at_end()
    with pytest.raises(VaultError) as caught:
        big.call("key.get", name="never")
    assert caught.value.code == "not_found"
