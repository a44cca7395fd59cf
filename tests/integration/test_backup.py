"""backup.*: handles, what is in the file, who may."""

import base64
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib import backup
from lib.policy import Stage
from lib.rpc import VaultError

READ_MAX = 512 * 1024 - 1024
PUBLIC = "A" * 43  # in the configuration's form, and a key of small order that nothing is sealed to
IDLE_SECONDS = 60


def fill(vault, count, size=1000, tenant="acme"):
    with vault.admin() as admin:
        if tenant not in [t["tenant"] for t in admin.pages("tenant.list", 100)]:
            admin.call("tenant.create", tenant=tenant)
        admin.call_many(
            [
                ("secret.put", {"tenant": tenant, "name": f"s{i}", "value": bytes([i % 251]) * size})
                for i in range(count)
            ]
        )


def test_empty_store(vault):
    with vault.admin() as admin:
        handle, (data,) = backup.create(admin)
        found = backup.parse(data)
        status = admin.call("sys.status")
    assert found["id"] == handle and found["store_id"] == status["store_id"]
    assert found["kind"] == 1 and found["to"] == 1 and found["flags"] == 0
    assert len(found["openers"]) == status["slots"] == 1
    assert abs(status["last_backup"] - time.time()) < 30
    assert found["rows"] >= 2  # the head, the owner's grant


def test_counts_and_no_names(vault):
    fill(vault, 300)
    with vault.admin() as admin:
        _, (data,) = backup.create(admin)
    found = backup.parse(data)
    assert found["rows"] >= 300 and found["links"] >= 300
    assert found["next_tenant"] == 2
    assert len(data) > 300 * 1000
    assert b"acme" not in data and b"s299" not in data


def test_larger_than_one_answer(vault):
    """Rows that are longer than a chunk among them."""
    fill(vault, 12, 500000)
    with vault.admin() as admin:
        begun = admin.call("backup.begin")["backup"]
        first = admin.call("backup.read", backup=begun)
        size = len(first["data"])
        assert READ_MAX * 9 // 10 < size <= READ_MAX and not first["done"]
        again = admin.call("backup.read", backup=begun, offset=0)
        assert again == first
        second = admin.call("backup.read", backup=begun, offset=size)
        assert second["offset"] == size
        assert admin.call("backup.read", backup=begun, offset=size) == second
        error = admin.error("backup.read", backup=begun, offset=0)
        assert (error.code, error.field) == ("invalid_params", "offset")
        error = admin.error("backup.read", backup=begun, offset=1)
        assert (error.code, error.field) == ("invalid_params", "offset")
        data, piece = first["data"] + second["data"], second
        while not piece["done"]:
            piece = admin.call("backup.read", backup=begun)
            data += piece["data"]
        # Behind the end there is nothing, as often as it is asked for.
        for _ in range(2):
            last = admin.call("backup.read", backup=begun)
            assert last["done"] and last["data"] == b"" and last["offset"] == len(data)
        admin.call("backup.end", backup=begun)
        assert backup.parse(data)["rows"] >= 12
        assert admin.error("backup.read", backup=begun).code == "not_found"
        assert admin.error("backup.end", backup=begun).code == "not_found"


def test_pipelined(vault):
    fill(vault, 8, 400000)
    with vault.admin() as admin:
        begun = admin.call("backup.begin")["backup"]
        pieces = admin.call_many([("backup.read", {"backup": begun})] * 12)
        data = b"".join(p["data"] for p in sorted(pieces, key=lambda p: p["offset"]))
        assert pieces[-1]["done"]
    backup.parse(data)


def test_not_fetched_is_no_backup(vault):
    """One that was not read to its end does not count."""
    fill(vault, 12, 500000)
    with vault.admin() as admin:
        begun = admin.call("backup.begin")["backup"]
        admin.call("backup.read", backup=begun)
        admin.call("backup.end", backup=begun)
        assert "last_backup" not in admin.call("sys.status")


def test_the_ledger_outlives_a_restart(vault):
    with vault.admin() as admin:
        backup.create(admin)
        when = admin.call("sys.status")["last_backup"]
    vault.restart()
    assert vault.status()["last_backup"] == when
    with vault.admin() as admin:
        text = admin.call("sys.metrics")["text"]
    assert f"vaultd_last_backup_timestamp_seconds {when}" in text
    assert "vaultd_backups_under_way 0" in text


def test_handles_are_the_connections(vault):
    with vault.admin() as mine, vault.admin() as other:
        begun = mine.call("backup.begin")["backup"]
        assert other.error("backup.read", backup=begun).code == "not_found"
        assert other.error("backup.end", backup=begun).code == "not_found"
        assert mine.call("backup.read", backup=begun)["done"]
        for bad in ("x", begun + ".keys", begun[:-1], begun.upper() + " ", "0" * 64):
            assert mine.error("backup.read", backup=bad).code == "not_found"


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def under_way(vault):
    with vault.app() as app:
        text = app.call("sys.metrics")["text"]
    return int(text.split("vaultd_backups_under_way ")[-1].split()[0])


def test_as_many_as_there_may_be(vault):
    """And they end with their connection."""
    with vault.admin() as other:
        with vault.admin() as admin:
            for _ in range(8):
                admin.call("backup.begin")
            assert under_way(vault) == 8
            assert other.error("backup.begin").code == "busy"
        until(lambda: under_way(vault) == 0)
        other.call("backup.begin")


@pytest.mark.no_deadline
def test_an_idle_one_dies(vault):
    with vault.admin() as admin:
        idle = admin.call("backup.begin")["backup"]
        used = admin.call("backup.begin")["backup"]
        for _ in range(IDLE_SECONDS // 5):
            time.sleep(5)
            admin.call("backup.read", backup=used)
        until(lambda: under_way(vault) == 1)
        assert admin.error("backup.read", backup=idle).code == "not_found"
        admin.call("backup.read", backup=used)


def test_two_at_once(vault):
    """Interleaved, each its own moment."""
    fill(vault, 20, 100000)
    with vault.admin() as admin:
        one = admin.call("backup.begin")["backup"]
        parts = [admin.call("backup.read", backup=one)]
        fill(vault, 40, 100000)
        two = admin.call("backup.begin")["backup"]
        other = [admin.call("backup.read", backup=two)]
        while not (parts[-1]["done"] and other[-1]["done"]):
            parts.append(admin.call("backup.read", backup=one))
            other.append(admin.call("backup.read", backup=two))
    first = backup.parse(b"".join(p["data"] for p in parts))
    second = backup.parse(b"".join(p["data"] for p in other))
    assert second["rows"] >= first["rows"] + 20 and second["revision"] > first["revision"]
    assert second["audit_seq"] > first["audit_seq"]


def test_writes_go_on(vault):
    """What is counted stays what it was at the beginning, whatever is written meanwhile."""
    fill(vault, 30, 200000)
    stop = threading.Event()

    def write():
        with vault.app() as app:
            i = 0
            while not stop.is_set():
                fields = {"tenant": "acme", "name": f"w{i}", "value": b"w" * 1000}
                app.call_map("secret.put", fields)
                i += 1

    with vault.admin() as admin:
        begun = admin.call("backup.begin")["backup"]
        first = admin.call("backup.read", backup=begun)
        total = first["progress"]["total"]
        thread = threading.Thread(target=write)
        thread.start()
        try:
            data, piece = first["data"], first
            while not piece["done"]:
                time.sleep(0.05)
                piece = admin.call("backup.read", backup=begun)
                assert piece["progress"]["total"] == total
                data += piece["data"]
        finally:
            stop.set()
            thread.join()
        admin.call("backup.end", backup=begun)
    assert backup.parse(data)["rows"] == total
    vault.verify_audit()


def test_sealing_ends_it(vault):
    fill(vault, 8, 400000)
    with vault.admin() as admin:
        begun = admin.call("backup.begin")["backup"]
        admin.call("backup.read", backup=begun)
        vault.seal()
        assert admin.error("backup.read", backup=begun).code == "sealed"
        assert admin.error("backup.begin").code == "sealed"
        vault.unseal()
        assert admin.error("backup.read", backup=begun).code == "not_found"
        backup.create(admin)
    vault.restart()


def test_stopping_while_one_is_under_way(vault):
    with vault.admin() as admin:
        admin.call("backup.begin", split=True)
        vault.restart()


def test_split(vault):
    fill(vault, 5)
    fill(vault, 5, tenant="beta")
    with vault.admin() as admin:
        handle, (whole,) = backup.create(admin)
        split, (records, keys) = backup.create(admin, split=True)
        begun = admin.call("backup.begin", split=True)
        assert begun["keys"] == begun["backup"] + ".keys"
        # Without its keys it was not fetched whole.
        before = admin.call("sys.status")["last_backup"]
        time.sleep(1.1)
        backup.read_all(admin, begun["backup"])
        admin.call("backup.end", backup=begun["backup"])
        assert admin.call("sys.status")["last_backup"] == before
    whole, records, keys = map(backup.parse, (whole, records, keys))
    assert records["id"] == keys["id"] == split != handle
    assert (records["kind"], keys["kind"]) == (1, 3)
    assert records["flags"] == keys["flags"] == 1
    assert keys["rows"] == keys["links"] == 2
    # The first backup's record in the ledger is a row too.
    assert records["rows"] + keys["rows"] == whole["rows"] + 1
    assert records["links"] + keys["links"] == whole["links"] + 1


def test_audited(vault):
    with vault.admin() as admin:
        handle, _ = backup.create(admin)
        items = admin.pages("audit.query", 100, order="oldest")
    found = [(i["method"], i.get("id")) for i in items if i["method"].startswith("backup.")]
    assert found == [("backup.begin", handle), ("backup.end", handle)]


def test_recipients_come_from_the_configuration(new_vault):
    public = X25519PrivateKey.generate().public_key()
    key = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    text = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    vault = new_vault(f'backup_recipients = {{"safe={text}", "none={PUBLIC}"}}').start()
    vault.init()
    with vault.admin() as admin:
        _, (data,) = backup.create(admin, recipient="safe")
        found = backup.parse(data)
        assert found["to"] == 3 and len(found["openers"]) == 1
        assert key in found["openers"][0] and b"safe" in found["openers"][0]
        assert admin.error("backup.begin", recipient="other").code == "denied"
        assert admin.error("backup.begin", recipient="none").code == "invalid_params"
        error = admin.error("backup.begin", passphrase=b"correct horse battery")
        assert (error.code, error.field) == ("denied", "passphrase")


def test_passphrase(new_vault):
    vault = new_vault("backup_passphrase = true").start()
    vault.init()
    with vault.admin() as admin:
        _, (data,) = backup.create(admin, passphrase=b"correct horse battery")
        found = backup.parse(data)
        assert found["to"] == 2 and len(found["openers"]) == 1
        assert admin.error("backup.begin", passphrase=b"too short").code == "invalid_params"
        error = admin.error("backup.begin", passphrase=b"correct horse battery", recipient="x")
        assert (error.code, error.field) == ("invalid_params", "recipient")


@pytest.mark.parametrize("bad", ['"x"', '"x="', f'"={PUBLIC}"', f'"x={PUBLIC}A"', f'"x={PUBLIC}", "x={PUBLIC}"'])
def test_bad_recipients(new_vault, bad):
    vault = new_vault(f"backup_recipients = {{{bad}}}")
    assert vault.spawn().process.wait(20) == 1
    assert "backup_recipients" in vault.log()


def code(conn, method, **fields):
    try:
        conn.call(method, **fields)
    except VaultError as e:
        return e.code
    return "ok"


def test_who_may():
    """Role backup: to slots and recipients; to a passphrase it takes what a new slot takes."""
    stage = Stage()
    try:
        stage.vault.write_config(
            'app_group = "users"\nadmin_group = "users"\nbackup_passphrase = true\n'
            'backup_recipients = {"safe=' + "C" + "A" * 42 + '"}'
        )
        stage.root.close()
        stage.vault.restart()
        stage.root = stage.vault.admin()
        words = {"passphrase": b"correct horse battery"}
        holder, owner, limited, stranger = (stage.user() for _ in range(4))
        stage.grant(holder, "backup")
        stage.grant(owner, "owner")
        stage.grant(limited, "backup", names=["safe"])
        with holder.admin() as conn:
            begun = conn.call("backup.begin")["backup"]
            assert code(conn, "backup.read", backup=begun) == "ok"
            assert code(conn, "backup.end", backup=begun) == "ok"
            assert code(conn, "backup.begin", recipient="safe") == "ok"
            assert code(conn, "backup.begin", **words) == "denied"
            both = stage.role("backup.*", "slot.add")
            stage.grant(holder, both)
            assert code(conn, "backup.begin", **words) == "ok"
        with holder.app() as conn:
            assert code(conn, "backup.begin") == "denied"
        with owner.admin() as conn:
            assert code(conn, "backup.begin", **words) == "ok"
        with limited.admin() as conn:
            assert code(conn, "backup.begin") == "denied"
            begun = conn.call("backup.begin", recipient="safe")["backup"]
            assert code(conn, "backup.read", backup=begun) == "ok"
        with stranger.admin() as conn:
            assert code(conn, "backup.begin") == "denied"
    finally:
        stage.close()
