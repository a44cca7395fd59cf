"""sys.watch: who is told what, and that nobody is harmed by those who do not listen."""

import json
import os
import re
import select
import signal
import subprocess
import time

import pytest

from lib import encode, other
from lib.rpc import Conn
from lib.vault import BUILD, Vault
from lib.watch import Watcher

GID = 100  # users
KINDS = [
    "denied",
    "lockout",
    "limited",
    "sealed",
    "unsealed",
    "clock_jump",
    "audit_unavailable",
    "storage_full",
    "watch_ended",
]
UNREAD = 60  # answers of about 120 KB
UIDS = iter(range(20001, 30000))  # an alert of one is no alert of another


@pytest.fixture(scope="module")
def busy():
    """Unsealed, open to the group users, with the tenant acme."""
    vault = Vault('app_group = "users"\nadmin_group = "users"')
    try:
        vault.start()
        vault.init()
        vault.new_tenant("acme").key("k", usage="raw")
        vault.new_tenant("t1")
        vault.new_tenant("t10")
        yield vault
        vault.assert_alive()
        vault.verify_audit()
    finally:
        vault.close()


@pytest.fixture
def watcher(busy):
    with Watcher(busy.admin_path) as conn:
        yield conn


def burst(vault, tenant="acme", times=10, uid=None):
    """Denials of a user that no other test has."""
    uid = uid or next(UIDS)
    calls = [("key.get", {"tenant": tenant, "name": "k"})] * times
    replies = other.call_as(uid, GID, vault.app_path, calls)
    assert {r["error"]["code"] for r in replies} == {"denied"}
    return f"uid:{uid}"


def test_a_denied_burst_of_another_user(busy, watcher):
    watcher.watch()
    before = int(time.time())
    principal = burst(busy)
    event = watcher.event()
    assert before <= event.pop("time") <= time.time()
    assert event == {
        "kind": "denied",
        "principal": principal,
        "tenant": "acme",
        "count": 10,
        "seconds": 10,
    }
    assert f"alert: denied {principal} tenant acme: 10 times within 10 s" in busy.log()


def test_nine_denials_are_no_burst(busy, watcher):
    watcher.watch(kinds=["denied"])
    burst(busy, times=9)
    assert watcher.quiet()


def test_a_burst_over_several_tenants_names_none(busy, watcher):
    watcher.watch(kinds=["denied"])
    uid = next(UIDS)
    calls = [("key.get", {"tenant": f"t{n}", "name": "k"}) for n in range(10)]
    other.call_as(uid, GID, busy.app_path, calls)
    event = watcher.event()
    assert event["principal"] == f"uid:{uid}" and "tenant" not in event


def test_the_same_is_told_once_a_minute(busy, watcher):
    watcher.watch(kinds=["denied"])
    principal = burst(busy, times=200)
    assert watcher.event()["principal"] == principal
    assert watcher.quiet()
    again = burst(busy)
    event = watcher.event()
    assert event["principal"] == again and event["suppressed"] == 19
    assert busy.log().count(f"alert: denied {principal}") == 1


def test_kinds_are_filtered(busy, watcher):
    with Watcher(busy.admin_path) as all_kinds:
        all_kinds.watch()
        watcher.watch(kinds=["lockout", "limited"])
        burst(busy)
        assert all_kinds.event()["kind"] == "denied"
        assert watcher.quiet()


def test_tenants_are_filtered(busy, watcher):
    """t1 is not t10."""
    with Watcher(busy.admin_path) as t10:
        watcher.watch(tenant="t1")
        t10.watch(tenant="t10")
        burst(busy, tenant="t10")
        assert t10.event()["tenant"] == "t10"
        assert watcher.quiet()
        burst(busy, tenant="t1")
        assert watcher.event()["tenant"] == "t1"
        assert t10.quiet()


def test_a_second_watch_replaces_the_first(busy, watcher):
    watcher.watch(kinds=["denied"]).watch(kinds=["sealed"])
    burst(busy)
    assert watcher.quiet()
    watcher.watch(kinds=["denied"])
    burst(busy)
    assert watcher.event()["kind"] == "denied"
    assert watcher.quiet()
    watcher.watch(kinds=[])
    burst(busy)
    assert watcher.quiet()


def test_what_cannot_be_watched(busy, watcher):
    error = watcher.error("sys.watch", kinds=["denied", "deniedx"])
    assert (error.code, error.field) == ("invalid_params", "kinds")
    assert all(kind in error.message for kind in KINDS)
    assert "deniedx" not in error.message
    assert watcher.error("sys.watch", kinds="denied").field == "kinds"
    assert watcher.error("sys.watch", kinds=["denied"] * 65).field == "kinds"
    assert watcher.error("sys.watch", tenant="Acme").field == "tenant"
    error = watcher.error("sys.watch", tenant="nobody")
    assert (error.code, error.field) == ("not_found", "tenant")
    with busy.app() as app:
        assert app.error("sys.watch").code == "denied"
    replies = other.call_as(next(UIDS), GID, busy.admin_path, [("sys.watch", {})])
    assert replies[0]["error"]["code"] == "denied"
    # A refusal leaves what there was.
    watcher.watch(kinds=["denied"])
    watcher.error("sys.watch", kinds=["nothing"])
    burst(busy)
    assert watcher.event()["kind"] == "denied"


def test_every_kind_can_be_asked_for(watcher):
    for kind in KINDS:
        watcher.watch(kinds=[kind])
    watcher.watch(kinds=KINDS)


def test_sealing_and_unsealing_are_told(vault):
    with Watcher(vault.admin_path) as conn:
        conn.watch()
        vault.seal()
        event = conn.event()
        assert (event["kind"], event["principal"]) == ("sealed", "uid:0")
        vault.unseal()
        event = conn.event()
        assert (event["kind"], event["principal"]) == ("unsealed", "uid:0")
        assert set(event) == {"kind", "time", "principal"}
        vault.unseal()
        vault.seal()
        assert conn.event()["kind"] == "sealed"
        assert conn.quiet()


def test_watching_begins_before_there_is_a_vault(blank):
    with Watcher(blank.admin_path) as conn:
        conn.watch()
        error = conn.error("sys.watch", tenant="acme")
        assert error.code in ("sealed", "uninitialized")
        blank.init()
        assert conn.event()["kind"] == "unsealed"
        blank.seal()
        assert conn.event()["kind"] == "sealed"
        assert conn.error("sys.watch", tenant="acme").code == "sealed"
        conn.watch(kinds=["unsealed"])
        blank.unseal()
        assert conn.event()["kind"] == "unsealed"


def test_the_daemons_own_user_watches(new_vault):
    """Not uid 0: also over a seal, when grants cannot be read."""
    vault = new_vault(user=(12399, 12399)).start()
    vault.init()
    with Watcher(vault.admin_path) as conn:
        conn.watch()
        vault.seal()
        assert conn.event()["kind"] == "sealed"


def test_a_lock_is_told_once(vault):
    vault.seal()
    with Watcher(vault.admin_path) as conn:
        conn.watch(kinds=["lockout"])
        for _ in range(5):
            assert conn.error("sys.unseal", keyfile=b"x" * 32).code == "denied"
        for _ in range(5):
            assert conn.error("sys.unseal", keyfile=b"x" * 32).code == "locked"
        event = conn.event()
        assert event["principal"] == "uid:0" and event["method"] == "sys.unseal"
        assert 0 < event["retry_after_ms"] <= 30 * 60 * 1000
        assert conn.quiet()


def test_events_hold_no_secret(vault):
    secret = b"S3CR3T-keyfile-of-thirty-two-byte"
    vault.seal()
    with Watcher(vault.admin_path) as conn:
        conn.watch()
        for _ in range(12):
            conn.error("sys.unseal", keyfile=secret, actor="S3CR3T-actor")
        seen = repr(conn.event())
        assert "lockout" in seen
        assert "S3CR3T" not in seen and "S3CR3T" not in vault.log()


def lose_open_segment(vault):
    """The next append fails, once."""
    for path in (vault.state / "audit").iterdir():
        if path.name != "epoch.key":
            path.unlink()


def test_an_audit_that_cannot_be_written(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    with Watcher(vault.admin_path) as conn, Watcher(vault.admin_path) as refused:
        conn.watch()
        lose_open_segment(vault)
        # What was answered so was not done.
        assert refused.error("sys.watch").code == "audit_unavailable"
        event = conn.event()
        assert event.pop("time") > 0 and event == {"kind": "audit_unavailable"}
        vault.seal()
        assert conn.event()["kind"] == "sealed"
        assert refused.quiet()
    acme.close()
    assert vault.log().count("alert: audit_unavailable") == 1


def test_many_watchers(busy):
    watchers = [Watcher(busy.admin_path).watch(kinds=["denied"]) for _ in range(200)]
    try:
        principal = burst(busy)
        for conn in watchers:
            assert conn.event()["principal"] == principal
        with busy.admin() as admin:
            assert "\nvaultd_watchers 200\n" in admin.call("sys.metrics")["text"]
    finally:
        for conn in watchers:
            conn.close()
    with busy.admin() as admin:
        end = time.monotonic() + 5
        while "\nvaultd_watchers 0\n" not in admin.call("sys.metrics")["text"]:
            assert time.monotonic() < end


def test_a_watcher_that_goes_leaves_nothing(busy):
    for n in range(300):
        conn = Watcher(busy.admin_path)
        if n % 3 == 0:
            conn.start("sys.watch", {})  # gone before its answer
        else:
            conn.watch()
        conn.close()
    burst(busy)
    busy.assert_alive()


def unread(vault, watches):
    """A connection with some 7 MiB of answers that it has not read."""
    conn = Conn(vault.admin_path, timeout=60)
    if watches:
        assert conn.call("sys.watch", kinds=["denied"]) == {}
    frame = encode.request(7, "audit.query", {"tenant": "acme", "limit": 1000})
    conn.send_raw(frame * UNREAD)
    return conn


def answers(conn):
    """How many come before the daemon closes."""
    try:
        for n in range(UNREAD):
            assert conn.recv()[2] is None
    except EOFError:
        return n
    return UNREAD


def test_a_watcher_that_does_not_read_is_closed(busy):
    """Above 4 MiB unsent an event ends the connection; who does not watch keeps his, and those
    who read are told."""
    with busy.app() as app:
        app.call_many([("key.sign", {"tenant": "acme", "name": "k", "message": b"m"})] * 1000)
    with (
        Watcher(busy.admin_path, timeout=60) as watcher,
        unread(busy, True) as deaf,
        unread(busy, False) as slow,
    ):
        watcher.watch(kinds=["denied"])
        # One slow lane: behind these all of theirs is done.
        watcher.call("audit.query", tenant="acme", limit=1)
        principal = burst(busy)
        assert watcher.event()["principal"] == principal
        assert answers(deaf) < UNREAD
        assert answers(slow) == UNREAD
    busy.assert_alive()


def test_pipelined_subscriptions(busy):
    """Thousands in one write: each replaces the one before, the last counts."""
    with Watcher(busy.admin_path) as conn:
        n = 5000
        frames = [
            encode.request(i, "sys.watch", {"kinds": ["denied" if i == n else "sealed"]})
            for i in range(1, n + 1)
        ]
        conn.sock.settimeout(60)
        data, at, got = b"".join(frames), 0, 0
        while got < n:
            readable, writable, _ = select.select(
                [conn.sock], [conn.sock] if at < len(data) else [], [], 60
            )
            if writable:
                at += conn.sock.send(data[at : at + 65536], 0x40)
            if readable:
                kind, msgid, error, result = conn.recv()
                got += 1
                assert (kind, msgid, error, result) == (1, got, None, {})
                for message in conn.unpacker:
                    got += 1
                    assert message[:3] == [1, got, None]
        conn.msgid = n
        burst(busy)
        assert conn.event()["kind"] == "denied"
        assert conn.quiet()


def test_a_flood_of_denials_is_bounded(busy, watcher):
    """One user asks about ever more tenants: four alerts a minute, and no more log lines."""
    watcher.watch(kinds=["denied"])
    uid = next(UIDS)
    calls = [("key.get", {"tenant": f"flood{n // 10}", "name": "k"}) for n in range(3000)]
    other.call_as(uid, GID, busy.app_path, calls)
    assert [watcher.event()["tenant"] for _ in range(4)] == [f"flood{n}" for n in range(4)]
    assert watcher.quiet()
    assert busy.log().count(f"alert: denied uid:{uid} ") == 4


def vaultctl(vault, *args, **options):
    return subprocess.Popen(
        [str(BUILD / "vaultctl"), "--admin-socket", vault.admin_path, "--socket", vault.app_path]
        + list(args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ, TZ="UTC-2"),
        **options,
    )


def test_vaultctl_watch(busy):
    with vaultctl(busy, "watch", "--kinds", "denied,lockout") as process:
        assert "watching" in process.stderr.readline()
        principal = burst(busy)
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    when, kind, tenant, who, details = re.split(r"  +", line.strip(), maxsplit=4)
    local = time.strftime("%Y-%m-%d %H", time.gmtime(time.time() + 7200))
    assert when.startswith(local)
    assert (kind, tenant, who) == ("denied", "acme", principal)
    assert details.startswith("10 times within 10s")


def test_vaultctl_watch_in_json(vault):
    with vaultctl(vault, "--format", "json", "watch") as process:
        assert "watching" in process.stderr.readline()
        vault.seal()
        event = json.loads(process.stdout.readline())
        assert event["kind"] == "sealed" and event["principal"] == "uid:0"
        vault.stop()
        assert process.wait(10) == 1
        assert json.loads(process.stderr.read())["code"] == "lost"


def test_vaultctl_watch_refuses(busy):
    with vaultctl(busy, "watch", "--kinds", "bogus") as process:
        out, err = process.communicate(timeout=10)
    assert process.returncode == 2 and out == "" and "storage_full" in err
