"""What lies on the disk, and what happens when there is no more of it."""

import contextlib
import os
import subprocess
import time

import pytest

from lib import encode
from lib.vault import KEYFILE, VaultError
from lib.watch import Watcher
from test_export import export, quiet, take, write

MIB = 1 << 20
FULL = ("audit_unavailable", "storage_full")


def test_nothing_on_disk_can_be_read(vault):
    names = {
        "tenant": "tenant-name-visible",
        "key": "Key-Name-Visible",
        "profile": "Profile-Name-Visible",
    }
    material = bytes(range(150, 182))
    acme = vault.new_tenant(names["tenant"])
    vault.admin_call(
        "tenant.create",
        tenant="second-tenant-visible",
        display_name="DISPLAY-VISIBLE",
        labels={"l": "LABEL-VISIBLE"},
    )
    acme.import_hs(material, names["key"], kid="KID-VISIBLE")
    acme.call("key.import", name="ed", algorithm="EdDSA", key=material)
    acme.call(
        "profile.put",
        name=names["profile"],
        key=names["key"],
        issuer="ISSUER-VISIBLE",
        audience=["AUDIENCE-VISIBLE"],
        claims=["CLAIM-VISIBLE"],
        fixed={"FIXED-VISIBLE": "VALUE-VISIBLE"},
        scopes=["SCOPE-VISIBLE"],
    )
    answer = acme.call(
        "token.sign", profile=names["profile"], subject="SUBJECT-VISIBLE", actor="ACTOR-VISIBLE"
    )
    acme.call(
        "token.verify", profile=names["profile"], token=answer["token"], source="SOURCE-VISIBLE"
    )
    acme.error("key.get", name="Missing-Name-Visible")
    needles = [n.encode() for n in names.values()] + [
        b"second-tenant-visible",
        b"Missing-Name-Visible",
        material,
        material[:16],
        KEYFILE,
        KEYFILE[:16],
        KEYFILE[-16:],
        answer["jti"].encode(),
        answer["token"].encode(),
    ]
    needles += [
        f"{n}-VISIBLE".encode()
        for n in (
            "DISPLAY",
            "LABEL",
            "KID",
            "ISSUER",
            "AUDIENCE",
            "CLAIM",
            "FIXED",
            "VALUE",
            "SCOPE",
            "SUBJECT",
            "ACTOR",
            "SOURCE",
        )
    ]
    acme.close()

    def assert_hidden():
        searched = 0
        for path in vault.state.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                searched += len(data)
                lower = data.lower()
                for needle in needles:
                    assert needle not in data and needle.lower() not in lower, (path, needle)
                for name in needles[:5]:
                    assert name.decode() not in str(path)
        assert searched > 10000

    assert_hidden()
    vault.stop()
    assert_hidden()
    for needle in needles:
        assert needle not in vault.log_path.read_bytes(), needle


@pytest.fixture
def small_disk(new_vault):
    """Makes vaults whose state is on a disk of the given size."""
    with contextlib.ExitStack() as mounts:

        def make(mib):
            vault = new_vault()
            options = f"size={mib}m,mode=700"
            mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(vault.state)]
            subprocess.run(mount, check=True)
            mounts.callback(subprocess.run, ["umount", "-l", str(vault.state)], check=True)
            mounts.callback(end, vault)
            return vault.start()

        yield make


def end(vault):
    try:
        if vault.alive():
            vault.stop()
    finally:
        if vault.alive():
            vault.kill()


def fill(vault):
    """Takes all the room there is."""
    path = vault.state / "ballast"
    with open(path, "ab", buffering=0) as ballast:
        for size in (MIB, 65536, 4096):
            try:
                while True:
                    assert ballast.write(bytes(size)) > 0
            except OSError:
                pass
    return path


def free_room(vault):
    found = os.statvfs(vault.state)
    return found.f_bavail * found.f_frsize


def change_until_refused(tenant, tries=20000):
    """Acknowledged key names, and the code of the first refusal."""
    made = []
    for at in range(0, tries, 200):
        names = [f"k{at + i}" for i in range(200)]
        calls = [("key.create", tenant.fields(name=n, algorithm="HS256")) for n in names]
        for name, answer in zip(names, tenant.conn.call_many(calls)):
            if isinstance(answer, VaultError):
                return made, answer.code
            made.append(name)
    raise AssertionError("the full disk refuses nothing")


def test_a_full_disk_refuses_and_recovers(small_disk):
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    ballast = fill(vault)
    made, code = change_until_refused(acme)
    assert code in FULL
    started = time.monotonic()
    assert acme.conn.call("sys.ping") and acme.conn.call("sys.hello") and vault.status()
    assert time.monotonic() - started < 2
    ballast.unlink()
    end = time.monotonic() + 10
    while True:
        try:
            acme.key("after")
            break
        except VaultError as e:
            assert e.code in FULL and time.monotonic() < end, e
            time.sleep(0.05)
    for name in made:
        assert acme.call("key.get", name=name)["current"] == 1
    vault.verify_audit()
    vault.kill()
    vault.start_again()
    acme.close()
    acme.conn = vault.app()
    shown = {k["name"] for k in acme.pages("key.list", 1000)}
    assert set(made) | {"after"} <= shown
    acme.close()
    vault.verify_audit()


def test_a_rekey_that_may_not_fit_is_not_begun(small_disk):
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    ballast = fill(vault)
    os.truncate(ballast, ballast.stat().st_size - 7 * MIB)
    assert 4 * MIB < free_room(vault) < 8 * MIB
    acme.key("k")
    with vault.admin() as admin:
        assert admin.error("sys.rekey").code == "storage_full"
        assert admin.error("slot.add", slot="initial", keyfile=b"x" * 32, replace=True).code == (
            "storage_full"
        )
        ballast.unlink()
        assert admin.call("sys.rekey") == {"generation": 2}
    vault.restart()
    acme.close()
    vault.verify_audit()


def count_until_refused(conn, frame, code_seen, rounds=8000):
    """Sends the frame by the hundred and only looks for an error among the replies."""
    unpacker = conn.unpacker
    for _ in range(rounds):
        conn.send_raw(frame * 100)
        got = 0
        while got < 100:
            for message in unpacker:
                got += 1
                if message[2] is not None:
                    code_seen.append(message[2]["code"])
            if got < 100:
                unpacker.feed(conn.sock.recv(1 << 18))
        if code_seen:
            return
    raise AssertionError("signing without a disk to write its audit to is never refused")


def test_nothing_is_signed_without_its_record(small_disk):
    """Hot operations too: once the audit cannot be written, they are refused, and go on when it
    can."""
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    ballast = fill(vault)
    frame = encode.request(1, "key.sign", acme.fields(name="k", message=b"m", actor="a" * 128))
    codes = []
    count_until_refused(acme.conn, frame, codes)
    assert set(codes) == {"audit_unavailable"}
    with vault.app() as app:
        assert app.call("sys.ping")
    ballast.unlink()
    end = time.monotonic() + 10
    with vault.app() as app:
        while True:
            try:
                app.call("key.sign", tenant="acme", name="k", message=b"m")
                break
            except VaultError as e:
                assert e.code in FULL and time.monotonic() < end, e
                time.sleep(0.05)
    acme.close()
    vault.verify_audit()


@pytest.mark.parametrize("mib", [1, 4])
def test_a_disk_too_small_from_the_start(small_disk, mib):
    """Nothing hangs and nothing crashes; either it works or it says why not."""
    vault = small_disk(mib)
    try:
        vault.init()
        acme = vault.new_tenant("acme")
        change_until_refused(acme)
        acme.close()
    except VaultError as e:
        assert e.code in FULL
    vault.assert_alive()


def test_a_stop_on_a_full_disk(small_disk):
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    ballast = fill(vault)
    made, _ = change_until_refused(acme)
    acme.close()
    vault.stop()
    ballast.unlink()
    vault.start_again()
    acme.conn = vault.app()
    assert {k["name"] for k in acme.pages("key.list", 1000)} >= set(made) | {"k"}
    acme.close()
    vault.verify_audit()


def test_files_do_not_grow_without_reason(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    acme.conn.call_many([("key.sign", acme.fields(name="k", message=b"m"))] * 2000)

    def size():
        return sum(p.stat().st_blocks * 512 for p in vault.state.rglob("*") if p.is_file())

    before = size()
    for _ in range(3):
        vault.restart()
    assert size() - before < 80 * MIB
    acme.close()


def store_bytes(vault):
    return sum(f.stat().st_blocks * 512 for f in (vault.state / "store").iterdir())


def test_a_thread_that_waits_does_not_make_the_store_grow(vault):
    """Threads that had not run anything yet held the snapshot of their start, so that no page
    freed since was ever used again."""
    acme = vault.new_tenant("acme")
    acme.key()
    for _ in range(100):
        acme.profile()
    before = store_bytes(vault)
    for _ in range(500):
        acme.profile()
    assert store_bytes(vault) - before <= 65536
    acme.close()


def test_request_ids_take_little(vault):
    acme = vault.new_tenant("acme")
    acme.key()
    before = store_bytes(vault)
    calls = [
        ("profile.put", acme.fields(name="p", key="k", request_id=f"id-{n}")) for n in range(10000)
    ]
    assert acme.conn.call_many(calls) == [{}] * 10000
    assert store_bytes(vault) - before < 10000 * 400
    assert acme.conn.call_many(calls) == [{"replayed": True}] * 10000
def test_a_full_disk_is_told_to_who_watches(small_disk):
    """Once, however many changes are refused."""
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    with Watcher(vault.admin_path) as watcher:
        watcher.watch(kinds=list(FULL))
        ballast = fill(vault)
        try:
            refused = set()
            for n in range(200):
                refused.add(acme.error("key.create", name=f"k{n}", algorithm="HS256").code)
            told = {watcher.event()["kind"] for _ in refused}
        finally:
            ballast.unlink()
        assert told == refused and watcher.quiet()
    acme.close()


def test_a_sweep_goes_on_once_there_is_room_again(small_disk):
    """What is swept in the background, as an erased tenant is, does not end with a full disk."""
    vault = small_disk(192)
    vault.init()
    acme = vault.new_tenant("acme")
    acme.call("apikey.create", name="k", scopes=["a"])
    acme.close()
    data = export(vault, "acme")
    vault.admin_call("tenant.erase", tenant="acme", confirm="acme")
    quiet(vault)
    with vault.admin() as admin:
        write(admin, data)
        ballast = fill(vault)
    time.sleep(2)  # the import has ended with its connection, and its rows are to go
    ballast.unlink()
    end_by = time.monotonic() + 30
    while True:
        try:
            assert take(vault, data) == "acme"
            return
        except VaultError as e:
            assert e.code in (*FULL, "conflict") and time.monotonic() < end_by, e
            time.sleep(0.5)
