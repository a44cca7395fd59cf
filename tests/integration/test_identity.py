"""Who may do what, until there is a policy: uid 0 and the daemon's own uid everything, others
hello and ping."""

import pathlib

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


@pytest.mark.parametrize("uid", [1, 2147483647, 2147483648, 4294967294])
def test_a_uid_is_unsigned(open_to_users, uid):
    hello, status = other.call_as(
        uid, GID, open_to_users.app_path, [("sys.hello", {}), ("sys.status", {})]
    )
    assert hello["result"]["principal"] == f"uid:{uid}"
    assert status["error"]["code"] == "denied"


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
