"""Valid requests with random changes: whatever comes, the daemon lives and its history stays
whole."""

import os
import random
import time

import pytest

from lib import encode, methods

SEED = int(os.environ.get("VAULTD_FUZZ_SEED", "11"))
SECONDS = int(os.environ.get("VAULTD_FUZZ_SECONDS", "5"))
FATAL = ("parse", "invalid_request", "too_large")
CODES = {
    "parse",
    "invalid_request",
    "invalid_params",
    "unknown_method",
    "too_large",
    "denied",
    "not_found",
    "exists",
    "conflict",
    "unsupported",
    "busy",
    "limited",
    "locked",
}


def corpus():
    frames = [
        encode.request(n, method, fields)
        for n, (method, fields) in enumerate(sorted(methods.ALL.items()))
    ]
    frames.append(
        encode.request(
            1,
            "token.sign",
            {
                "tenant": "acme",
                "profile": "p",
                "subject": "s",
                "claims": {"a": [1, {"b": 2.5}, None]},
                "scope": ["x"],
                "audience": ["y"],
                "ttl": 5,
                "actor": "someone",
            },
        )
    )
    frames.append(
        encode.request(
            1,
            "profile.put",
            {
                "tenant": "acme",
                "name": "p",
                "key": "k",
                "values": {"a": [1, 2]},
                "fixed": {"z": {"y": []}},
            },
        )
    )
    return frames


def mutate(dice, frames):
    data = bytearray(dice.choice(frames))
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(data))
        kind = dice.randrange(7)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            data[at:at] = dice.randbytes(dice.randrange(1, 9))
        elif kind == 3:
            del data[at : at + dice.randrange(1, 9)]
        elif kind == 4:
            data[at:at] = dice.choice(
                (
                    b"\xdd\xff\xff\xff\xff",
                    b"\xdf\x00\x00\x00\x02",
                    b"\xc6\x00\x00\x01\x00",
                    b"\xcb\x7f\xf0\0\0\0\0\0\0",
                    b"\x91" * 9,
                    b"\xc0",
                    b"\xcf" + b"\xff" * 8,
                    b"\xd9\x05",
                    b"\xc7\x05\x01",
                    b"\x80",
                    b"\x90",
                )
            )
        elif kind == 5:
            other = dice.choice(frames)
            start = dice.randrange(len(other))
            data[at:at] = other[start : start + dice.randrange(1, 40)]
        else:
            data[at : at + 1] = data[at : at + 1] * dice.randrange(2, 50)
        if not data:
            data = bytearray(b"\x94")
    return bytes(data)


@pytest.fixture
def fuzzed(vault):
    acme = vault.new_tenant("acme")
    acme.key("k")
    acme.key("r", usage="raw")
    acme.profile()
    yield vault
    acme.close()


def drain(conn):
    """Replies until the daemon is done with the connection; each must be of the contract's form."""
    try:
        while True:
            message = conn.recv()
            assert message[0] == 1 and 0 <= message[1] < 1 << 32
            if message[2] is not None:
                assert message[2]["code"] in CODES and message[2]["message"], message
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass


def test_mutated_requests(fuzzed):
    dice = random.Random(SEED)
    frames = corpus()
    end = time.monotonic() + SECONDS
    count = 0
    while time.monotonic() < end:
        with fuzzed.app(timeout=5) as conn:
            try:
                for _ in range(dice.randrange(1, 6)):
                    conn.send_raw(mutate(dice, frames))
                    count += 1
                conn.shut_write()
            except (BrokenPipeError, ConnectionResetError):
                pass
            drain(conn)
        if count % 50 == 0:
            fuzzed.assert_alive()
    assert count > 500
    fuzzed.assert_alive()
    fuzzed.verify_audit()
    fuzzed.restart()
    fuzzed.verify_audit()


def random_value(dice, depth=0):
    kind = dice.randrange(12 if depth < 3 else 8)
    return (
        lambda: None,
        lambda: dice.random() < 0.5,
        lambda: dice.randrange(-(1 << 63), 1 << 64),
        lambda: dice.uniform(-1e9, 1e9),
        lambda: "x" * dice.randrange(300),
        lambda: dice.randbytes(dice.randrange(70)),
        lambda: dice.choice(("acme", "k", "p", "r", "HS256")),
        lambda: dice.choice((0, 1, -1, 255, 1 << 32, float("nan"), float("inf"))),
        lambda: [random_value(dice, depth + 1) for _ in range(dice.randrange(5))],
        lambda: {
            dice.choice("abc"): random_value(dice, depth + 1) for _ in range(dice.randrange(4))
        },
        lambda: ["acme"] * dice.randrange(80),
        lambda: {str(i): i for i in range(dice.randrange(20))},
    )[kind]()


def test_well_formed_requests_with_random_values(fuzzed):
    """Here nothing is fatal: each is answered under its id, by a result or an error that names one
    of its fields."""
    dice = random.Random(SEED)
    with fuzzed.app() as conn:
        known = {
            m["name"]: [p["name"] for p in m["params"]] for m in conn.call("sys.methods")["items"]
        }
        for number in range(3000):
            method = dice.choice([m for m in sorted(known) if not m.startswith("sys.")])
            fields = {name: random_value(dice) for name in known[method] if dice.random() < 0.7}
            fields.update(
                {
                    k: v
                    for k, v in methods.ALL.get(method, {}).items()
                    if dice.random() < 0.6
                }
            )
            conn.send_raw(encode.request(number, method, fields))
            kind, msgid, error, result = conn.recv()
            assert (kind, msgid) == (1, number) and (error is None) != (result is None)
            if error is not None:
                assert error["code"] in CODES - {"parse", "invalid_request"}, (
                    method,
                    fields,
                    error,
                )
                if error["code"] == "invalid_params" and "field" in error:
                    field = error["field"].split(".")[0]
                    assert field in known[method] or field in ("", *fields), (
                        method,
                        error,
                    )
    fuzzed.assert_alive()
    fuzzed.verify_audit()


def test_mutated_requests_on_the_admin_socket(blank):
    """Before init, so that the few that get through do no harm."""
    dice = random.Random(SEED + 1)
    frames = [f for f in corpus() if b"sys.init" not in f]
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with blank.admin(timeout=5) as conn:
            try:
                conn.send_raw(mutate(dice, frames))
                conn.shut_write()
                conn.recv()
            except (EOFError, BrokenPipeError, ConnectionResetError):
                pass
    blank.assert_alive()
