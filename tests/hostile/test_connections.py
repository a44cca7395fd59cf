"""Clients that drip, stall, never read, come by the hundred or die in the middle."""
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
from lib.rpc import VaultError


@pytest.fixture
def raw(tenant):
    tenant.key("k", usage="raw")
    return tenant


def sign_frame(tenant, msgid=1, size=10):
    return encode.request(msgid, "key.sign", tenant.fields(name="k", message=b"m" * size))


def test_a_request_byte_by_byte(shared, raw):
    frame = sign_frame(raw)
    with shared.app() as conn:
        for n in range(len(frame)):
            conn.send_raw(frame[n:n + 1])
            time.sleep(0.002)
        assert conn.recv()[2] is None


def test_a_large_request_in_small_pieces_is_linear(shared, raw):
    """Dripped or not, the time is that of the bytes: the scanner starts over at no byte."""
    frame = sign_frame(raw, size=1000000)
    with shared.app() as conn:
        started = time.monotonic()
        for at in range(0, len(frame), 50):
            conn.send_raw(frame[at:at + 50])
        assert conn.recv()[2] is None
        assert time.monotonic() - started < 8
    values = b"\xdd" + struct.pack(">I", 900000) + b"\x00" * 900000
    frame = encode.encode([0, 4, "token.verify", [{"tenant": "x", "profile": "p", "token": "x", "scope": encode.Raw(values)}]])
    with shared.app() as conn:
        started = time.monotonic()
        for at in range(0, len(frame), 50):
            conn.send_raw(frame[at:at + 50])
        assert conn.recv_error()[1].field == "scope"
        assert time.monotonic() - started < 8


def test_a_partial_frame_has_ten_seconds(shared, raw):
    """However it drips; who sends nothing, or only whole frames, is left alone."""
    frame = sign_frame(raw)
    with shared.app() as silent, shared.app() as stalled, shared.app() as dripping, shared.app() as good:
        started = time.monotonic()
        stalled.send_raw(frame[:10])
        dripping.send_raw(frame[:3])
        closed = {}
        sent = 3
        while len(closed) < 2 and time.monotonic() - started < 14:
            ready, _, _ = select.select([c.sock for c in (stalled, dripping) if c not in closed], [], [], 0.5)
            for conn in (stalled, dripping):
                if conn.sock in ready and conn not in closed:
                    closed[conn] = time.monotonic() - started
            if dripping not in closed and sent < len(frame) - 20:
                dripping.send_raw(frame[sent:sent + 1])
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
        ids = [encode.request(1000 + i, "key.create", raw.fields(name=f"n{i}", algorithm="HS256")) for i in range(50)]
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


def send_until_blocked(conn, data, seconds=3.0):
    """Bytes taken until the daemon stops reading for a while."""
    conn.sock.setblocking(False)
    sent, view, last = 0, memoryview(data), time.monotonic()
    while time.monotonic() - last < 0.5 and sent < len(data) and seconds > 0:
        try:
            sent += conn.sock.send(view[sent:sent + 65536])
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    conn.sock.settimeout(15)
    return sent


def test_a_client_that_never_reads(shared, raw):
    """It is no longer read; memory stays bounded, others are served, and what was asked is answered once it reads."""
    frame = encode.request(1, "sys.methods")
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
            readable, writable, _ = select.select([conn.sock], [conn.sock] if sent < len(data) else [], [], 1)
            if writable:
                try:
                    sent += conn.sock.send(data[sent:sent + 65536])
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
        for _ in range(120):
            conns.append(vault.app(timeout=2))
        assert conns[0].call("sys.ping")
        used = cpu_seconds(vault.pid)
        time.sleep(1)
        assert cpu_seconds(vault.pid) - used < 0.5, "it must not spin on accept"
    finally:
        for conn in conns:
            conn.close()
    time.sleep(0.2)
    vault.assert_alive()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idle_costs_nothing(shared):
    with shared.app() as idle:
        idle.call("sys.ping")
        time.sleep(0.2)
        used = cpu_seconds(shared.pid)
        time.sleep(1)
        assert cpu_seconds(shared.pid) - used <= 0.1


def settled(shared, most):
    end = time.monotonic() + 5
    while memory.fds(shared.pid) > most and time.monotonic() < end:
        time.sleep(0.05)
    return memory.fds(shared.pid) <= most


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


CLIENT = """
import socket, sys
path, frame = sys.argv[1], bytes.fromhex(sys.argv[2])
s = socket.socket(socket.AF_UNIX)
s.connect(path)
print("on", flush=True)
while True:
    s.sendall(frame * 20)
    s.recv(1000000)
"""


def test_clients_killed_in_mid_request(shared, raw):
    before = memory.fds(shared.pid)
    frames = [sign_frame(raw), encode.request(1, "key.rotate", raw.fields(name="k")), encode.request(1, "audit.query", raw.fields())]
    for round_ in range(4):
        children = [subprocess.Popen([sys.executable, "-c", CLIENT, shared.app_path, frame.hex()], stdout=subprocess.PIPE)
                    for frame in frames]
        for child in children:
            child.stdout.readline()
        time.sleep(0.05 * round_)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        raw.call("key.sign", name="k", message=b"m")
    assert settled(shared, before + 2)
    shared.assert_alive()


def test_a_stopped_client_holds_nobody_up(shared, raw):
    frame = encode.request(1, "sys.methods")
    child = subprocess.Popen([sys.executable, "-c", CLIENT, shared.app_path, frame.hex()], stdout=subprocess.PIPE)
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
    """While one connection keeps a thousand requests in flight, another's are answered in due time."""
    child = subprocess.Popen([sys.executable, "-c", CLIENT.replace("* 20", "* 1000"), shared.app_path, sign_frame(raw).hex()],
                             stdout=subprocess.PIPE)
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
