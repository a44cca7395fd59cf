"""Requests made by another user: a child process with that user's identity does the talking."""

import json
import subprocess
import sys

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
