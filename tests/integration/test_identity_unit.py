"""The systemd unit of a caller: the exact cgroup /system.slice/NAME.service of the process that
connected, while it lives."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lib import cgroup, encode, other

UID, GID = 12345, 100
NAME = f"vaultd-test-{os.getpid()}.service"
ASK = [("key.get", {"tenant": "acme", "name": "k"})]

# Connects, asks, and has ended before it can be answered.
HASTY = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(bytes.fromhex(sys.argv[2]))
print(os.getpid())
"""

# Asks over a connection that it did not make.
HEIR = """
import socket, sys
s = socket.socket(fileno=int(sys.argv[1]))
s.settimeout(15)
s.sendall(bytes.fromhex(sys.argv[2]))
sys.stdout.buffer.write(s.recv(65536))
"""


@pytest.fixture(scope="module")
def vault():
    from lib.vault import Vault

    vault = Vault('app_group = "users"')
    try:
        vault.start()
        vault.init()
        vault.new_tenant("acme").key("k", usage="raw")
        yield vault
        vault.verify_audit()
    finally:
        vault.close()


def last(vault, **filters):
    with vault.admin() as admin:
        return admin.call("audit.query", limit=1, method="key.get", **filters)["items"][0]


def ask(vault, uid=0, directory=None, calls=None):
    """The audit's record of what that caller asked for last."""
    replies = other.call_as(uid, GID, vault.app_path, calls or ASK, cgroup=directory)
    item = last(vault)
    assert item["uid"] == uid
    return replies, item


@pytest.mark.parametrize("uid", [0, UID, 2**32 - 2])
def test_a_service_is_told_in_the_audit(vault, uid):
    """Of who may and of who may not."""
    with cgroup.made(f"system.slice/{NAME}") as directory:
        (reply,), item = ask(vault, uid, directory)
    assert (reply["error"] is None) == (uid == 0)
    assert item["outcome"] == ("ok" if uid == 0 else "denied")
    assert item.get("unit") == (NAME if cgroup.kernel_tells_units() else None)


def test_a_change_is_told_likewise(vault):
    """It runs in another thread than the connection's."""
    calls = [("key.create", {"tenant": "acme", "name": "made", "algorithm": "HS256"}), *ASK]
    with cgroup.made(f"system.slice/{NAME}") as directory:
        ask(vault, 0, directory, calls)
    with vault.admin() as admin:
        (item,) = admin.call("audit.query", method="key.create", name="made", tenant="acme")["items"]
    assert item.get("unit") == (NAME if cgroup.kernel_tells_units() else None)


@pytest.mark.parametrize(
    "path",
    [
        NAME,
        f"user.slice/{NAME}",
        f"system.slice/{NAME}/inner",
        f"system.slice/{NAME}/inner.service",
        f"system.slice/vaultd-test.slice/{NAME}",
        "system.slice/vaultd-test.scope",
        "system.slice/vaultd-test",
        "system.slice/vaultd test.service",
        f"vaultd-test/system.slice/{NAME}",
    ],
)
def test_no_other_cgroup_is_a_unit(vault, path):
    with cgroup.made(path) as directory:
        (reply,), item = ask(vault, 0, directory)
    assert reply["error"] is None and "unit" not in item


def test_a_caller_outside_of_units(vault):
    _, item = ask(vault)
    assert "unit" not in item


def test_a_caller_that_has_ended_has_no_unit(vault):
    """His pid may be another's by the time it is looked at."""
    frame = encode.request(7, *ASK[0])
    with cgroup.made(f"system.slice/{NAME}") as directory:
        os.kill(vault.pid, signal.SIGSTOP)
        try:
            done = other.run_as(
                0, 0, [sys.executable, "-c", HASTY, vault.app_path, frame.hex()], cgroup=directory
            )
        finally:
            os.kill(vault.pid, signal.SIGCONT)
        pid = int(done.stdout)
        end = time.monotonic() + 10
        while last(vault)["pid"] not in (pid, 0):
            assert time.monotonic() < end
            time.sleep(0.01)
        item = last(vault)
    assert item["outcome"] == "ok" and item["uid"] == 0 and "unit" not in item


def test_a_connection_that_is_handed_on_stays_its_makers(vault):
    """What THREATS.md says is not prevented: the identity is that of who connected, not of who
    writes."""
    with vault.app() as conn:
        done = subprocess.run(
            [
                "setpriv",
                f"--reuid={UID}",
                f"--regid={GID}",
                "--clear-groups",
                sys.executable,
                "-c",
                HEIR,
                str(conn.sock.fileno()),
                encode.request(7, *ASK[0]).hex(),
            ],
            pass_fds=[conn.sock.fileno()],
            capture_output=True,
            timeout=60,
            cwd="/",
            check=True,
        )
    assert b"HS256" in done.stdout
    item = last(vault)
    assert (item["uid"], item["pid"]) == (0, os.getpid())
