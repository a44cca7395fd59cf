"""Frames as large and as deep as is allowed, and one more."""

import struct

import pytest

from lib import encode
from lib.encode import Pairs, Raw
from lib.hostile import FRAME_MAX, refused


def sized(size):
    """A key.sign request of exactly this many bytes, for tenant big and key k."""

    def frame(n):
        return encode.request(
            7,
            "key.sign",
            {"tenant": "big", "name": "k", "message": Raw(struct.pack(">BI", 0xC6, n) + b"m" * n)},
        )

    data = frame(size - len(frame(0)))
    assert len(data) == size
    return data


@pytest.mark.parametrize("size", [FRAME_MAX - 1, FRAME_MAX])
def test_a_frame_as_large_as_is_allowed(shared, big, size):
    with shared.app() as conn:
        conn.send_raw(sized(size))
        kind, msgid, error, result = conn.recv()
        assert (kind, msgid, error) == (1, 7, None) and result["version"] == 1
        assert conn.call("sys.ping")


@pytest.mark.parametrize("size", [FRAME_MAX + 1, FRAME_MAX + 2, 2 * FRAME_MAX, 8 * FRAME_MAX])
def test_a_frame_that_is_too_large(shared, big, size):
    refused(shared, sized(size), codes=("too_large",))


def test_a_frame_that_is_too_large_has_a_msgid(shared, big):
    refused(shared, sized(FRAME_MAX + 1), codes=("too_large",), msgid=7)


def test_a_large_frame_behind_a_good_one(shared, big):
    with shared.app() as conn:
        try:
            conn.send_raw(encode.request(1, "sys.ping") + sized(FRAME_MAX + 1))
        except BrokenPipeError:
            pass
        assert conn.recv()[1:3] == [1, None]
        assert conn.recv_error()[1].code == "too_large"
        assert conn.at_end()


def test_many_small_values_in_a_frame_of_the_largest_size(shared):
    """A million elements: linear, bounded, and refused for what they are."""
    body = b"\xdd" + struct.pack(">I", 1000000) + b"\xc0" * 1000000
    with shared.app() as conn:
        conn.send_raw(
            encode.encode(
                [
                    0,
                    4,
                    "token.verify",
                    [{"tenant": "big", "profile": "p", "token": "x", "scope": Raw(body)}],
                ]
            )
        )
        msgid, error = conn.recv_error()
        assert (msgid, error.code, error.field) == (4, "invalid_params", "scope")
        assert conn.call("sys.ping")


def test_many_claims_in_a_frame_of_the_largest_size(shared, big):
    pairs = Pairs([(f"{i:06}", i) for i in range(65000)])
    with shared.app() as conn:
        error = conn.error("token.sign", tenant="big", profile="p", subject="s", claims=pairs)
        assert error.code in ("invalid_params", "not_found")
        assert conn.call("sys.ping")


def deep(levels):
    """token.sign with claims that make the frame this deep: message, params, fields and claims are
    four."""
    return {
        "tenant": "big",
        "profile": "deep",
        "subject": "s",
        "claims": {"a": encode.nested(levels - 4)},
    }


def test_depth(shared, big):
    big.key("t")
    big.profile("deep", key="t", claims=["a"])
    with shared.app() as conn:
        assert conn.call_map("token.sign", deep(8))["token"]
    refused(shared, encode.request(5, "token.sign", deep(9)))


@pytest.mark.parametrize("levels", [9, 10, 33, 100, 100000, 1000000])
def test_a_frame_that_is_too_deep(shared, levels):
    refused(shared, encode.request(5, "token.sign", deep(levels)))
    refused(shared, b"\x91" * levels)
    refused(shared, b"\x81\xc0" * levels)


def test_a_frame_that_is_too_deep_is_too_large(shared):
    assert refused(shared, encode.request(5, "token.sign", deep(9))).code == "too_large"
