"""What the hostile tests share: bytes, clients that misbehave, and looks at the daemon from
outside."""

import os
import time

from lib import encode, memory

FRAME_MAX = 1 << 20
FATAL = ("parse", "invalid_request", "too_large")

# A client to be stopped or killed in the middle of its requests.
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


def refused(shared, data, codes=FATAL, msgid=None):
    """One error reply, then the connection is closed; others are not disturbed."""
    with shared.app() as conn:
        try:
            conn.send_raw(data)
        except BrokenPipeError:
            pass  # closed before it took all of it: the answer is there all the same
        got, error = conn.recv_error()
        assert error.code in codes, error
        assert msgid is None or got == msgid, f"msgid {got}"
        assert conn.at_end()
    shared.assert_alive()
    return error


def sign_frame(tenant, msgid=1, size=10):
    return encode.request(msgid, "key.sign", tenant.fields(name="k", message=b"m" * size))


def send_until_blocked(conn, data, seconds=3.0):
    """Bytes taken until the daemon stops reading for a while."""
    conn.sock.setblocking(False)
    sent, view, last = 0, memoryview(data), time.monotonic()
    while time.monotonic() - last < 0.5 and sent < len(data) and seconds > 0:
        try:
            sent += conn.sock.send(view[sent : sent + 65536])
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    conn.sock.settimeout(15)
    return sent


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled(shared, most, seconds=5):
    end = time.monotonic() + seconds
    while memory.fds(shared.pid) > most and time.monotonic() < end:
        time.sleep(0.05)
    return memory.fds(shared.pid) <= most
