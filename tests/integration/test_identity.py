"""Who may do what, until there is a policy: uid 0 and the daemon's own uid everything, others
hello and ping."""

import os
import pathlib
import resource
import socket
import time

import pytest

from lib import methods, other
from lib.vault import KEYFILE

UID, GID = 12345, 100  # nobody in particular, in group users
DAEMON = (12399, 12399)


@pytest.fixture(scope="module")
def open_to_users():
    """Unsealed, both sockets open to the group users."""
    from lib.vault import Vault

    vault = Vault('app_group = "users"\nadmin_group = "users"')
    try:
        vault.start()
        vault.init()
        vault.new_tenant("acme").key("k", usage="raw")
        yield vault
    finally:
        vault.close()


@pytest.mark.parametrize("path", ["app_path", "admin_path"])
def test_another_user_may_hello_and_ping(open_to_users, path):
    hello, ping = other.call_as(
        UID, GID, getattr(open_to_users, path), [("sys.hello", {}), ("sys.ping", {})]
    )
    assert hello["result"]["principal"] == f"uid:{UID}"
    assert ping["result"]["time"]


@pytest.mark.parametrize("path", ["app_path", "admin_path"])
def test_another_user_may_do_nothing_else(open_to_users, path):
    calls = [(m, f) for m, f in sorted(methods.ALL.items()) if m not in methods.OPEN]
    replies = other.call_as(UID, GID, getattr(open_to_users, path), calls)
    assert [r["error"] and r["error"]["code"] for r in replies] == ["denied"] * len(calls)
    assert open_to_users.status()["sealed"] is False


def test_a_stranger_learns_not_what_exists(open_to_users):
    calls = [
        ("key.get", {"tenant": t, "name": n})
        for t, n in (("acme", "k"), ("acme", "none"), ("none", "k"))
    ]
    replies = other.call_as(UID, GID, open_to_users.app_path, calls)
    assert len({str(r) for r in replies}) == 1


def test_another_user_while_sealed(open_to_users):
    open_to_users.seal()
    try:
        calls = [(m, f) for m, f in sorted(methods.ALL.items()) if m not in methods.OPEN]
        for path in (open_to_users.app_path, open_to_users.admin_path):
            replies = other.call_as(UID, GID, path, calls)
            assert {r["error"] and r["error"]["code"] for r in replies} <= {"denied", "sealed"}
        (hello,) = other.call_as(UID, GID, open_to_users.app_path, [("sys.hello", {})])
        assert hello["result"]["sealed"] is True
        wrong = [("sys.unseal", {"keyfile": b"w" * 32})] * 6 + [
            ("sys.unseal", {"keyfile": KEYFILE})
        ]
        replies = other.call_as(UID, GID, open_to_users.admin_path, wrong)
        assert {r["error"]["code"] for r in replies} <= {"denied", "sealed"}
        assert open_to_users.status()["sealed"] is True
    finally:
        assert open_to_users.unseal() == {
            "sealed": False
        }, "a stranger must not be able to lock the operator out"


def test_an_unmapped_user_is_nobody(open_to_users):
    hello, status = other.call_as(
        65534, GID, open_to_users.app_path, [("sys.hello", {}), ("sys.status", {})]
    )
    assert hello["result"] is not None and status["error"]["code"] == "denied"


@pytest.mark.parametrize("uid", [1, 2**31 - 1, 2**31, 2**31 + 5, 2**32 - 2])
def test_a_uid_is_unsigned(open_to_users, uid):
    hello, status = other.call_as(
        uid, GID, open_to_users.app_path, [("sys.hello", {}), ("sys.status", {})]
    )
    assert hello["result"]["principal"] == f"uid:{uid}"
    assert status["error"]["code"] == "denied"


@pytest.mark.parametrize("count", [1, 64, 65, 1000])
def test_supplementary_groups(open_to_users, count):
    """They open the socket's file, and however many there are, they are read."""
    groups = [GID, *range(2**31, 2**31 + count - 1)]
    (hello,) = other.call_as(
        UID, UID, open_to_users.app_path, [("sys.hello", {})], groups=groups
    )
    assert hello["result"]["principal"] == f"uid:{UID}"


def test_without_the_group_there_is_no_connection(shared):
    for path in (shared.app_path, shared.admin_path):
        assert other.call_as(UID, GID, path, [("sys.ping", {})]) == "PermissionError"


def test_strangers_refusals_do_not_disturb_others(open_to_users):
    with open_to_users.app() as app:
        other.call_as(
            UID, GID, open_to_users.app_path, [("token.sign", methods.OTHERS["token.sign"])] * 500
        )
        assert app.call("key.sign", tenant="acme", name="k", message=b"m")["version"] == 1
    open_to_users.verify_audit()


@pytest.fixture
def unprivileged(new_vault):
    return new_vault(user=DAEMON).start()


def test_the_daemons_own_user_may_do_everything(unprivileged):
    calls = [
        ("sys.init", {"keyfile": KEYFILE}),
        ("tenant.create", {"tenant": "acme"}),
        ("key.create", {"tenant": "acme", "name": "k", "algorithm": "HS256"}),
        ("audit.verify", {}),
    ]
    replies = other.call_as(*DAEMON, unprivileged.admin_path, calls)
    assert [r["error"] for r in replies] == [None] * 4


def test_root_may_do_everything_where_the_daemon_is_not_root(unprivileged):
    unprivileged.init()
    acme = unprivileged.new_tenant("acme")
    acme.key("k", usage="raw")
    unprivileged.restart()
    acme.close()


def test_a_process_of_its_own_user_cannot_look_into_it(unprivileged):
    """Not dumpable: /proc files belong to root and ptrace is refused, although the user is the
    same."""
    unprivileged.init()
    pid = unprivileged.pid
    for name in ("mem", "maps", "environ"):
        assert pathlib.Path(f"/proc/{pid}/{name}").stat().st_uid == 0
        done = other.run_as(
            *DAEMON, ["/usr/bin/python3", "-c", f"open('/proc/{pid}/{name}', 'rb').read(1)"]
        )
        assert "PermissionError" in done.stderr
    # 16 is PTRACE_ATTACH.
    attach = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); "
        f"print(libc.ptrace(16, {pid}, 0, 0), ctypes.get_errno())"
    )
    done = other.run_as(*DAEMON, ["/usr/bin/python3", "-c", attach])
    assert done.stdout.split() == ["-1", "1"], done


def descriptors(vault):
    """What the daemon has open, once that has not changed for half a second: connections that were
    closed here are closed there a moment later."""
    last, since, end = None, time.monotonic(), time.monotonic() + 20
    while time.monotonic() < min(since + 0.5, end):
        links = {}
        for fd in os.listdir(f"/proc/{vault.pid}/fd"):
            try:
                links[int(fd)] = os.readlink(f"/proc/{vault.pid}/fd/{fd}")
            except FileNotFoundError:
                pass
        if links != last:
            last, since = links, time.monotonic()
        time.sleep(0.02)
    return last


@pytest.mark.parametrize("user", [None, DAEMON])
def test_quick_connections_leave_no_descriptors(new_vault, user):
    """Of the connection, the caller's process and the files in /proc that were read about it."""
    vault = new_vault(user=user).start()
    vault.init()
    before = descriptors(vault)
    for i in range(2000):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(vault.app_path)
            if i % 4 == 0:
                s.sendall(b"\x94\x00")
    assert descriptors(vault) == before
    vault.assert_alive()


def test_callers_that_end_at_once_leave_no_descriptors(new_vault):
    vault = new_vault().start()
    vault.init()
    before = descriptors(vault)
    for _ in range(300):
        pid = os.fork()
        if pid == 0:
            try:
                socket.socket(socket.AF_UNIX).connect(vault.app_path)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
    assert descriptors(vault) == before
    vault.assert_alive()


def test_out_of_descriptors_nobody_comes_in_unknown(new_vault):
    """The connection whose identity cannot be read is closed; later ones are served."""
    vault = new_vault().start()
    vault.init()
    with vault.app() as app:
        app.call("sys.ping")  # accepted
        limit = resource.prlimit(vault.pid, resource.RLIMIT_NOFILE)
        # One for the connection, none for the pidfd, or none for the file in /proc.
        for left in (1, 2):
            used = descriptors(vault)
            free = [fd for fd in range(len(used) + left) if fd not in used]
            resource.prlimit(vault.pid, resource.RLIMIT_NOFILE, (free[left - 1] + 1, limit[1]))
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(15)
                s.connect(vault.app_path)
                assert s.recv(1) == b""
            resource.prlimit(vault.pid, resource.RLIMIT_NOFILE, limit)
        assert app.call("sys.ping")["time"]
    vault.assert_alive()
    assert vault.log().count("identity cannot be read") == 1
