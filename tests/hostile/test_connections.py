"""Clients that come by the hundred, ask too much at once, or die in the middle."""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from lib import encode, memory
from lib.hostile import CLIENT, cpu_seconds, settled, sign_frame
from lib.rpc import VaultError


def test_a_thousand_changes_in_flight(raw):
    names = [f"n{i:04}" for i in range(1024)]
    ids = [raw.conn.start("key.create", raw.fields(name=n, algorithm="HS256")) for n in names]
    for msgid in ids:
        assert raw.conn.wait(msgid)["version"] == 1
    assert {k["name"] for k in raw.pages("key.list", 1000)} == set(names) | {"k"}


def test_more_in_flight_than_is_allowed_is_answered_all_the_same(shared, raw):
    """Above 1,024 the daemon stops reading; nothing is refused."""
    count = 4000
    data = b"".join(encode.request(i, "audit.query", raw.fields(limit=1)) for i in range(count))
    with shared.app() as conn:
        conn.sock.setblocking(False)
        sent, seen, deadline = 0, set(), time.monotonic() + 60
        while len(seen) < count:
            assert time.monotonic() < deadline, f"{len(seen)} of {count} answered"
            readable, writable, _ = select.select(
                [conn.sock], [conn.sock] if sent < len(data) else [], [], 1
            )
            if writable:
                try:
                    sent += conn.sock.send(data[sent : sent + 65536])
                except BlockingIOError:
                    pass
            if readable:
                conn.unpacker.feed(conn.sock.recv(1 << 18))
                for _, msgid, error, _ in conn.unpacker:
                    assert error is None and msgid not in seen
                    seen.add(msgid)


def test_five_hundred_connections(shared, raw):
    conns = [shared.app() for _ in range(500)]
    try:
        for msgid, conn in enumerate(conns):
            conn.send_raw(sign_frame(raw, msgid))
        for msgid, conn in enumerate(conns):
            assert conn.recv()[1] == msgid
    finally:
        for conn in conns:
            conn.close()


def test_more_connections_than_descriptors(new_vault):
    """Accepting fails for a while; nobody spins, and it works again when others leave."""
    vault = new_vault()
    command = vault.command()
    vault.command = lambda: ["prlimit", "--nofile=64:64", *command]
    vault.start()
    conns = []
    try:
        try:
            for _ in range(120):
                conns.append(vault.app(timeout=2))
        except BlockingIOError:
            pass  # the backlog is full
        assert conns[0].call("sys.ping")
        used = cpu_seconds(vault.pid)
        time.sleep(1)
        assert cpu_seconds(vault.pid) - used < 0.5, "it must not spin on accept"
    finally:
        for conn in conns:
            conn.close()
    time.sleep(0.2)
    vault.assert_alive()


def test_idle_costs_nothing(shared):
    with shared.app() as idle:
        idle.call("sys.ping")
        time.sleep(0.2)
        used = cpu_seconds(shared.pid)
        time.sleep(1)
        assert cpu_seconds(shared.pid) - used <= 0.1


def test_connect_and_close_storms(shared):
    before = memory.fds(shared.pid)
    for n in range(2000):
        conn = shared.app()
        if n % 4 == 1:
            conn.send_raw(encode.request(1, "sys.methods"))
        elif n % 4 == 2:
            conn.send_raw(b"\x94\x00\x01\xa8sys")
        elif n % 4 == 3:
            conn.send_raw(b"\xc1" * 10)
        conn.close()
    shared.assert_alive()
    assert settled(shared, before + 2), "descriptors leak"


def test_clients_killed_in_mid_request(shared, raw):
    before = memory.fds(shared.pid)
    frames = [
        sign_frame(raw),
        encode.request(1, "key.rotate", raw.fields(name="k")),
        encode.request(1, "audit.query", raw.fields()),
    ]
    for round_ in range(4):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CLIENT, shared.app_path, frame.hex()], stdout=subprocess.PIPE
            )
            for frame in frames
        ]
        for child in children:
            child.stdout.readline()
        time.sleep(0.05 * round_)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        raw.call("key.sign", name="k", message=b"m")
    # What the dead asked for may still be worked off: each query reads the whole history.
    assert settled(shared, before + 2, seconds=40), "descriptors leak"
    shared.assert_alive()


def test_a_stopped_client_holds_nobody_up(shared, raw):
    frame = encode.request(1, "sys.methods")
    child = subprocess.Popen(
        [sys.executable, "-c", CLIENT, shared.app_path, frame.hex()], stdout=subprocess.PIPE
    )
    try:
        child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        for _ in range(200):
            raw.call("key.sign", name="k", message=b"m")
        assert time.monotonic() - started < 2
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_flood_does_not_starve_others(shared, raw):
    """While one connection keeps a thousand requests in flight, another's are answered in due
    time."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CLIENT.replace("* 20", "* 1000"),
            shared.app_path,
            sign_frame(raw).hex(),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        child.stdout.readline()
        worst = 0
        for _ in range(100):
            started = time.monotonic()
            raw.call("key.sign", name="k", message=b"m")
            worst = max(worst, time.monotonic() - started)
        assert worst < 0.5
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_slow_work_holds_nobody_up(blank):
    """Argon2id runs beside the workers: ping is answered while passphrases are tried."""
    blank.init(passphrase=b"a good long passphrase")
    blank.seal()
    with blank.admin() as admin, blank.app() as app:
        ids = [admin.start("sys.unseal", {"passphrase": b"wrong passphrase"}) for _ in range(4)]
        worst = 0
        for _ in range(50):
            started = time.monotonic()
            app.call("sys.ping")
            worst = max(worst, time.monotonic() - started)
        assert worst < 0.2
        for msgid in ids:
            with pytest.raises(VaultError):
                admin.wait(msgid)


def test_descriptors_sent_along_are_not_kept(shared):
    before = memory.fds(shared.pid)
    with open(os.devnull, "rb") as null:
        for _ in range(20):
            with shared.app() as conn:
                socket.send_fds(conn.sock, [encode.request(1, "sys.ping")], [null.fileno()] * 10)
                try:
                    assert conn.recv()[1] == 1
                except EOFError:
                    pass
    assert settled(shared, before + 2)


def test_empty_reads_and_urgent_closes(shared):
    for _ in range(100):
        with shared.app() as conn:
            # SO_LINGER 0: whatever is in flight is dropped at close.
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            conn.send_raw(encode.request(1, "sys.methods") * 50)
    shared.assert_alive()
