"""Clients that drip, stall, close halfway or never read."""

import select
import socket
import struct
import time

from lib import encode, memory
from lib.hostile import send_until_blocked, sign_frame


def test_a_request_byte_by_byte(shared, raw):
    frame = sign_frame(raw)
    with shared.app() as conn:
        for n in range(len(frame)):
            conn.send_raw(frame[n : n + 1])
            time.sleep(0.002)
        assert conn.recv()[2] is None


def test_a_large_request_in_small_pieces_is_linear(shared, raw):
    """Dripped or not, the time is that of the bytes: the scanner starts over at no byte."""
    frame = sign_frame(raw, size=1000000)
    with shared.app() as conn:
        started = time.monotonic()
        for at in range(0, len(frame), 50):
            conn.send_raw(frame[at : at + 50])
        assert conn.recv()[2] is None
        assert time.monotonic() - started < 8
    values = b"\xdd" + struct.pack(">I", 900000) + b"\x00" * 900000
    frame = encode.encode(
        [
            0,
            4,
            "token.verify",
            [{"tenant": "x", "profile": "p", "token": "x", "scope": encode.Raw(values)}],
        ]
    )
    with shared.app() as conn:
        started = time.monotonic()
        for at in range(0, len(frame), 50):
            conn.send_raw(frame[at : at + 50])
        assert conn.recv_error()[1].field == "scope"
        assert time.monotonic() - started < 8


def test_a_partial_frame_has_ten_seconds(shared, raw):
    """However it drips; who sends nothing, or only whole frames, is left alone."""
    frame = sign_frame(raw)
    silent, stalled, dripping, good = (shared.app() for _ in range(4))
    with silent, stalled, dripping, good:
        started = time.monotonic()
        stalled.send_raw(frame[:10])
        dripping.send_raw(frame[:3])
        closed = {}
        sent = 3
        while len(closed) < 2 and time.monotonic() - started < 14:
            ready, _, _ = select.select(
                [c.sock for c in (stalled, dripping) if c not in closed], [], [], 0.5
            )
            for conn in (stalled, dripping):
                if conn.sock in ready and conn not in closed:
                    closed[conn] = time.monotonic() - started
            if dripping not in closed and sent < len(frame) - 20:
                dripping.send_raw(frame[sent : sent + 1])
                sent += 1
            good.call("sys.ping")
        assert set(closed) == {stalled, dripping}
        assert all(9 <= seconds <= 13 for seconds in closed.values()), closed.values()
        for conn in closed:
            try:
                conn.recv_error()
                assert conn.at_end()
            except EOFError:
                pass
        assert silent.call("sys.ping")


def test_half_open_clients_still_get_their_answers(shared, raw):
    with shared.app() as conn:
        conn.send_raw(b"".join(sign_frame(raw, i) for i in range(200)))
        ids = [
            encode.request(1000 + i, "key.create", raw.fields(name=f"n{i}", algorithm="HS256"))
            for i in range(50)
        ]
        conn.send_raw(b"".join(ids))
        conn.shut_write()
        seen = sorted(conn.recv()[1] for _ in range(250))
        assert seen == list(range(200)) + list(range(1000, 1050))
        assert conn.at_end()
    assert raw.call("key.get", name="n49")["current"] == 1


def test_a_client_that_shuts_both_ways(shared):
    for _ in range(50):
        with shared.app() as conn:
            conn.send_raw(encode.request(1, "sys.methods"))
            conn.sock.shutdown(socket.SHUT_RDWR)
    shared.assert_alive()


def test_a_client_that_never_reads(shared, raw):
    """It is no longer read; memory stays bounded, others are served, and what was asked is
    answered once it reads."""
    frame = encode.request(1, "sys.methods", {"actor": "a" * 128})
    before = memory.rss_kib(shared.pid)
    conns = [shared.app() for _ in range(4)]
    try:
        taken = [send_until_blocked(conn, frame * 200000) for conn in conns]
        assert all(n < len(frame) * 200000 for n in taken), "back-pressure"
        assert memory.rss_kib(shared.pid) - before < 32 * 1024
        started = time.monotonic()
        for _ in range(100):
            raw.call("key.sign", name="k", message=b"m")
        assert time.monotonic() - started < 2
        for conn, sent in zip(conns[:1], taken):
            for _ in range(sent // len(frame)):
                assert conn.recv()[2] is None
    finally:
        for conn in conns:
            conn.close()
    shared.assert_alive()


def test_a_client_that_never_reads_and_dies(shared):
    frame = encode.request(1, "sys.methods")
    for _ in range(5):
        with shared.app() as conn:
            send_until_blocked(conn, frame * 50000)
    shared.assert_alive()
