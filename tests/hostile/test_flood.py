"""Who sends faster than his requests can be run."""

import socket
import threading
import time

from lib import encode

SECONDS = 3
TAKEN_MAX = 4 << 20  # what a connection may have read ahead, and what the kernel holds of it, by far


def test_what_cannot_be_run_yet_is_not_read(new_vault):
    """Requests are not piled up in the daemon's memory: the sender is made to wait."""
    vault = new_vault("workers = 1").start()
    vault.init()
    tenant = vault.new_tenant("acme")
    tenant.key("rsa", algorithm="RS256", usage="raw")
    fields = tenant.fields(name="rsa", message=b"m" * 64)
    frames = b"".join(encode.request(i, "key.sign", fields) for i in range(2000))
    conn = vault.app()
    conn.sock.settimeout(0.5)
    sent, answered = 0, threading.Event()

    def read():
        while not answered.is_set():
            try:
                conn.sock.recv(1 << 18)
            except socket.timeout:
                pass
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and sent <= TAKEN_MAX:
        try:
            sent += conn.sock.send(frames[sent % len(frames):])
        except socket.timeout:
            pass
    with vault.app() as other:
        other.call("sys.ping")
    answered.set()
    conn.close()
    reader.join()
    tenant.close()
    assert sent <= TAKEN_MAX
