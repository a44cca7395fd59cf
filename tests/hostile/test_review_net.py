"""Bugs that a review found: connections, their replies, and the descriptors they take."""

import signal
import threading
import time

import pytest

from lib import encode
from lib.rpc import VaultError

FILES = 256  # the daemon's limit of open files
SEGMENT = 256 * 1024  # bytes
PIPELINED = 20000  # requests, whose replies are several times what a connection may leave unread


@pytest.fixture
def few_files(new_vault):
    """A daemon that may open few files, and whose audit needs a new one often."""
    vault = new_vault(f"audit_segment_size = {SEGMENT}")
    command = vault.command()
    vault.command = lambda: ["prlimit", f"--nofile={FILES}:{FILES}", *command]
    vault.start()
    vault.init()
    return vault


def segments(vault):
    return len([p for p in (vault.state / "audit").iterdir() if p.name != "epoch.key"])


def test_idle_connections_leave_descriptors_to_the_audit(few_files):
    """They took every descriptor, and the audit could not open its next segment."""
    acme = few_files.new_tenant("acme")
    acme.key("k", usage="raw")
    idle = []
    try:
        few_files.process.send_signal(signal.SIGSTOP)  # so that all of them are taken at once
        for _ in range(FILES + 50):
            idle.append(few_files.app())
        few_files.process.send_signal(signal.SIGCONT)
        time.sleep(1)
        before = segments(few_files)
        fields = acme.fields(name="k", message=b"m", actor="x" * 100)
        for n in range(100):
            answers = acme.conn.call_many([("key.sign", fields)] * 500)
            assert all(isinstance(a, dict) for a in answers), answers[-1]
            assert acme.key(f"k{n}")["version"] == 1
            if segments(few_files) >= before + 2:
                break
        assert segments(few_files) >= before + 2
    finally:
        for conn in idle:
            conn.close()
    time.sleep(0.5)
    few_files.assert_alive()
    few_files.verify_audit()
    acme.close()


def read_to_the_end(conn, pause):
    """Lets the replies pile up, then takes all bytes, and only then looks at them: the faster they
    are taken, the sooner the daemon has nothing left to send."""
    data = bytearray()
    time.sleep(0.05)
    while True:
        part = conn.sock.recv(1 << 20)
        if not part:
            return bytes(data)
        data += part
        time.sleep(pause)


def pipeline_and_close_halfway(vault, frames, pause):
    with vault.app() as conn:

        def send():
            conn.send_raw(frames)
            conn.shut_write()

        sender = threading.Thread(target=send)
        sender.start()
        conn.unpacker.feed(read_to_the_end(conn, pause))
        sender.join()
        return list(conn.unpacker)


@pytest.mark.parametrize("pause, rounds", [(0, 24), (0.005, 1)])  # seconds after each read
def test_a_half_closed_peer_gets_every_reply(new_vault, pause, rounds):
    """Whenever all replies so far were sent, a connection at its end of file was closed, with
    requests of it still to run."""
    vault = new_vault().start()
    vault.init()
    acme = vault.new_tenant("acme")
    acme.key()
    acme.profile()
    frames = b"".join(
        encode.request(n, "token.sign", acme.fields(profile="p", subject="s"))
        for n in range(PIPELINED)
    )
    for _ in range(rounds):
        replies = pipeline_and_close_halfway(vault, frames, pause)
        assert {msgid for _, msgid, _, _ in replies} == set(range(PIPELINED))
        assert all(error is None and "token" in result for _, _, error, result in replies)
    acme.close()


def test_a_partial_frame_behind_waiting_replies_is_not_timed_out(vault):
    """The rest of it had come, and was not read because the peer had replies to take."""
    acme = vault.new_tenant("acme")
    answers = acme.conn.call_many([("key.list", acme.fields())] * 3000)
    assert not [a for a in answers if isinstance(a, VaultError)]
    acme.close()
    ping = encode.request(60, "sys.ping", {})
    queries = [encode.request(n, "audit.query", {"limit": 1000}) for n in range(60)]
    with vault.app() as conn:
        conn.send_raw(b"".join(queries) + ping[:-1])
        time.sleep(1)
        conn.send_raw(ping[-1:])
        time.sleep(12)  # a partial frame has 10
        replies = [conn.recv() for _ in range(61)]
    assert sorted(msgid for _, msgid, _, _ in replies) == list(range(61))
    assert not [error for _, _, error, _ in replies if error is not None]


@pytest.mark.parametrize("params", [[1, 2], [], [[]], ["text"], [{"a": 1}, {"b": 2}], [None]])
@pytest.mark.parametrize("method", ["foo", "key.list", "sys.seal", "x" * 5000])
def test_a_malformed_notification_is_ignored(shared, method, params):
    """Its params were looked at, and the connection ended with an error that nobody had asked
    for."""
    with shared.admin() as conn:
        conn.send_raw(encode.notification(method, *params))
        conn.send_raw(encode.request(7, "sys.status"))
        kind, msgid, error, result = conn.recv()
        assert (kind, msgid, error) == (1, 7, None) and result["sealed"] is False
        assert conn.call("sys.ping")["time"]


def test_slow_readers_do_not_add_up_when_stopping(new_vault):
    """Each worker gives them a few seconds; one after another, the stop took as many times that."""
    vault = new_vault("workers = 2").start()
    vault.init()
    conns = [vault.app() for _ in range(6)]
    for conn in conns:
        conn.send_raw(b"".join(encode.request(n, "sys.methods") for n in range(300)))
    time.sleep(0.5)
    started = time.monotonic()
    vault.stop()
    assert time.monotonic() - started < 4.5
    for conn in conns:
        conn.close()
