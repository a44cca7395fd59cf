"""backup.drill: a rehearsal leaves a signed record, and status tells when the last good one was."""

import base64
import collections
import os
import threading
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lib.backup import take
from lib.vault import Vault, VaultError

PAGE, OVERFLOW = 4096, b"\x04\0"  # LMDB's
IDENTITY_AT = 72  # in a container's header, the store's public key


@pytest.fixture
def vault():
    made = Vault()
    try:
        made.start()
        made.init()
        yield made
    finally:
        made.close()


def fill(vault, tenants=3):
    for n in range(tenants):
        tenant = vault.new_tenant(f"t{n}")
        tenant.key("h")
        tenant.key("e", algorithm="EdDSA")
        tenant.key("c", usage="encrypt", algorithm="XC20P")
        tenant.key("es", algorithm="ES256")
        tenant.call("key.revoke", name="es")
        tenant.call("apikey.create", name="k", scopes=["a"])
        for i in range(20):
            tenant.call("secret.put", name=f"s{i}", value=os.urandom(3000))


def drill(vault, **wish):
    with vault.admin() as admin:
        begun = admin.call("backup.begin", **wish)
        return begun, admin.call("backup.drill", backup=begun["backup"])


def fields(record):
    lines = record.splitlines()
    assert lines[0] == "vaultd-drill-1"
    return dict(line.split(": ", 1) for line in lines[1:])


def identity(vault):
    """The store's public key, as its backups carry it."""
    file = vault.root / "backup"
    take(vault, file)
    head = file.read_bytes()
    return Ed25519PublicKey.from_public_bytes(head[IDENTITY_AT : IDENTITY_AT + 32])


def check_signature(vault, record):
    body, signature = record.rsplit("signature: ", 1)
    identity(vault).verify(base64.b64decode(signature), body.encode())
    with pytest.raises(InvalidSignature):
        identity(vault).verify(base64.b64decode(signature), body.encode() + b"x")


@pytest.mark.parametrize("wish", [{}, {"split": True}])
def test_a_record(vault, wish):
    fill(vault)
    assert "last_drill" not in vault.status()
    begun, done = drill(vault, **wish)
    assert done["ok"] is True
    told = fields(done["record"])
    assert told["store"] == vault.status()["store_id"]
    assert told["backup"] == begun["backup"]
    assert told["result"] == "ok" and told["tenants"] == "3" and told["keys"] == "6"
    assert int(told["records"]) > 70 and int(told["bytes"]) > 180000
    check_signature(vault, done["record"])
    assert abs(vault.status()["last_drill"] - time.time()) < 60
    metrics = vault.admin_call("sys.metrics")["text"]
    assert "vaultd_last_drill_timestamp_seconds 1" in metrics


def test_an_empty_store(vault):
    _, done = drill(vault)
    assert done["ok"] is True and fields(done["record"])["tenants"] == "0"


def test_it_stays_over_a_restart(vault):
    drill(vault)
    at = vault.status()["last_drill"]
    vault.restart()
    assert vault.status()["last_drill"] == at


def test_it_is_in_the_audit(vault):
    begun, _ = drill(vault)
    with vault.admin() as admin:
        (item,) = admin.pages("audit.query", 100, method="backup.drill")
    assert item["id"] == begun["backup"] and item["outcome"] == "ok"


def test_the_backup_goes_on_behind_it(vault):
    fill(vault)
    with vault.admin() as admin:
        backup = admin.call("backup.begin")["backup"]
        first = admin.call("backup.read", backup=backup)
        assert admin.call("backup.drill", backup=backup)["ok"] is True
        assert first["done"] is True
        admin.call("backup.end", backup=backup)
    assert vault.status()["last_backup"] > 0


def test_writes_go_on(vault):
    fill(vault)
    with vault.admin() as admin:
        backup = admin.call("backup.begin")["backup"]
        late = vault.new_tenant("late")
        late.key()
        told = fields(admin.call("backup.drill", backup=backup)["record"])
    assert told["tenants"] == "3"


def test_a_handle_of_nobody(vault):
    with vault.admin() as admin:
        assert admin.error("backup.drill", backup="0" * 32).code == "not_found"
        backup = admin.call("backup.begin")["backup"]
        with vault.admin() as other:
            assert other.error("backup.drill", backup=backup).code == "not_found"


def test_after_a_new_root_key(vault):
    fill(vault)
    with vault.admin() as admin:
        backup = admin.call("backup.begin")["backup"]
        vault.admin_call("sys.rekey")
        assert admin.error("backup.drill", backup=backup).code == "conflict"
        again = admin.call("backup.begin")["backup"]
        assert admin.call("backup.drill", backup=again)["ok"] is True


def test_a_damaged_store(vault):
    """Records that no longer open fail the rehearsal, and status does not count it."""
    fill(vault)
    vault.stop()
    data = vault.state / "store" / "data.mdb"
    pages = bytearray(data.read_bytes())
    overflow = [
        at for at in range(8192, len(pages), PAGE) if pages[at + 10 : at + 12] == OVERFLOW
    ]
    assert overflow, "long secrets have pages of their own"
    for at in overflow:
        pages[at + 500] ^= 1
    data.write_bytes(pages)
    vault.start()
    vault.unseal()
    _, done = drill(vault)
    assert done["ok"] is False and "last_drill" not in vault.status()
    assert fields(done["record"])["result"] == "a record does not open"
    check_signature(vault, done["record"])
    with vault.admin() as admin:
        (item,) = admin.pages("audit.query", 100, method="backup.drill")
    assert item["outcome"] == "invalid"


def drill_code(admin):
    """How a drill ends, or the backup that it would be of: a slow build takes long between the two looks."""
    try:
        backup = admin.call("backup.begin")["backup"]
    except VaultError as e:
        return e.code
    try:
        done = admin.call("backup.drill", backup=backup)
        assert done["ok"] is True, done
        return "ok"
    except VaultError as e:
        return e.code
    finally:
        admin.call("backup.end", backup=backup)


def test_a_new_root_key_while_it_runs(vault):
    """Then it tells nothing of the backup: there is no signed record that calls a good one bad."""
    fill(vault, tenants=20)
    stop, ended = threading.Event(), collections.Counter()

    def rekey():
        with vault.admin() as admin:
            while not stop.wait(0.01):
                admin.call("sys.rekey")

    thread = threading.Thread(target=rekey)
    thread.start()
    try:
        end = time.monotonic() + 20
        with vault.admin() as admin:
            while time.monotonic() < end and sum(ended.values()) < 60:
                ended[drill_code(admin)] += 1
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert ended["conflict"] > 0 and set(ended) <= {"ok", "conflict", "busy"}, ended
    # Busy is for asking again, which a slow build may have to.
    with vault.admin() as admin:
        for _ in range(50):
            last = drill_code(admin)
            if last != "busy":
                break
            time.sleep(0.2)
    assert last == "ok"
