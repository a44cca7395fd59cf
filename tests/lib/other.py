"""Requests made by another user: a child process with that user's identity does the talking."""

import json
import os
import socket
import subprocess
import sys

from lib.rpc import Conn

USERS = 100  # the group "users"

# Run as `python3 -c`, because that user may not be able to read this file.
CHILD = """
import json, socket, sys
import msgpack
path, calls = sys.argv[1], json.load(sys.stdin)
out = []
try:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(15)
    s.connect(path)
except OSError as e:
    print(json.dumps({"connect": type(e).__name__}))
    sys.exit(0)
unpacker = msgpack.Unpacker(raw=False)
try:
    for n, (method, fields) in enumerate(calls):
        for name, v in fields.items():
            if isinstance(v, str) and v.startswith("hex:"):
                fields[name] = bytes.fromhex(v[4:])
        s.sendall(msgpack.packb([0, n, method, [fields]]))
        message = None
        while message is None:
            message = next(unpacker, None)
            if message is None:
                data = s.recv(65536)
                if not data:
                    raise EOFError
                unpacker.feed(data)
        out.append({"error": message[2], "result": message[3]})
except (EOFError, ConnectionError):
    out.append({"closed": True})
print(json.dumps({"replies": out}, default=lambda b: "hex:" + b.hex()))
"""

# Connects as its user and hands the connection over: the kernel's word of who connected stays.
CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"x"], [s.fileno()])
sys.stdin.read()
"""


# Moves itself into the cgroup $1, then becomes the rest.
ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"'


def run_as(uid, gid, argv, groups=(), cgroup=None, **options):
    """groups: supplementary ones; cgroup: a directory of cgroup2 to run in."""
    enter = [] if cgroup is None else ["sh", "-c", ENTER, "sh", str(cgroup)]
    extra = "--groups=" + ",".join(map(str, groups)) if groups else "--clear-groups"
    return subprocess.run(
        [*enter, "setpriv", f"--reuid={uid}", f"--regid={gid}", extra, *argv],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        check=False,
        **options,
    )


def call_as(uid, gid, path, calls, **options):
    """Answers the list of replies ({error, result} or {closed}), or the name of what connect
    failed with."""
    plain = [
        [m, {k: "hex:" + v.hex() if isinstance(v, bytes) else v for k, v in f.items()}]
        for m, f in calls
    ]
    argv = [sys.executable, "-c", CHILD, path]
    done = run_as(uid, gid, argv, input=json.dumps(plain), **options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return answer.get("connect") or answer["replies"]


def connected_by(uid, gid, path, groups=()):
    """A connection that a process of another user's, with those groups, made and handed over."""
    mine, theirs = socket.socketpair()
    child = subprocess.Popen(
        [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={gid}",
            "--groups=" + ",".join(str(g) for g in groups) if groups else "--clear-groups",
            sys.executable,
            "-S",
            "-c",
            CONNECT,
            path,
            str(theirs.fileno()),
        ],
        stdin=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        cwd="/",
    )
    theirs.close()
    try:
        mine.settimeout(20)
        _, fds, _, _ = socket.recv_fds(mine, 1, 1)
        assert fds, f"uid {uid} could not connect to {path}"
        conn = Conn(path, sock=socket.socket(fileno=fds[0]))
        conn.call("sys.ping")  # the daemon read who it is while he lived
    finally:
        child.stdin.close()
        child.wait(20)
        mine.close()
    return conn


def connect_as(path, uid, gid=USERS):
    """A connection that the kernel tells to be that user's: what counts is who connected it."""
    os.setegid(gid)
    os.seteuid(uid)
    try:
        return Conn(path)
    finally:
        os.seteuid(0)
        os.setegid(0)
