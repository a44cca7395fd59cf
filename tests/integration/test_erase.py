"""tenant.erase: gone for everybody at once, from the file soon after, and certified."""

import base64
import hashlib
import json
import re
import struct
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lib.rich import WAIT, Rich
from lib.vault import Tenant
from lib.watch import Watcher


def wait_erased(vault, seconds=WAIT):
    """Until sys.status tells of nothing under way in the background."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if "background" not in vault.status():
            return
        time.sleep(0.01)
    raise AssertionError(vault.status())


def erase(vault, name, **fields):
    return vault.admin_call("tenant.erase", tenant=name, confirm=name, **fields)


def take_backup(conn):
    """Its id, and the file."""
    begun, data, done = conn.call("backup.begin")["backup"], b"", False
    while not done:
        piece = conn.call("backup.read", backup=begun)
        data, done = data + piece["data"], piece["done"]
    conn.call("backup.end", backup=begun)
    return begun, data


def identity_of(vault):
    """The store's public identity, from a backup's header."""
    with vault.admin() as admin:
        return Ed25519PublicKey.from_public_bytes(take_backup(admin)[1][72:104])


def lines_of(certificate, identity):
    """Verified and taken apart."""
    body, signature = certificate.rsplit("signature: ", 1)
    identity.verify(base64.b64decode(signature.strip()), body.encode())
    first, *rest = body.splitlines()
    assert first == "vaultd-erasure-1"
    return [tuple(line.split(": ", 1)) for line in rest]


def file_of(vault):
    return (vault.state / "store" / "data.mdb").read_bytes()


def test_nobody_finds_it(vault):
    acme, other = vault.new_tenant("acme"), vault.new_tenant("other")
    rich, rest = Rich(acme).fill(), Rich(other).fill()
    with vault.admin() as admin:
        admin.call("grant.put", principal="uid:777", role="signer", tenants=["acme"])
        kept = admin.call("grant.put", principal="uid:778", role="signer", tenants=["acme", "other"])
        erase(vault, "acme")
        for method, fields in (
            ("key.list", {}),
            ("secret.get", {"name": "s/000001"}),
            ("token.verify", {"profile": "p", "token": rich.made["token"]["token"]}),
            ("apikey.verify", {"key": rich.made["apikeys"][0]["key"]}),
            ("secret.put", {"name": "n", "value": b"v"}),
            ("tenant.get", {}),
        ):
            assert acme.error(method, **fields).code == "not_found", method
        for key in rich.made["apikeys"]:
            assert admin.call("apikey.verify", key=key["key"])["reason"] == "invalid"
        grants = admin.pages("grant.list", 100)
        assert [g["tenants"] for g in grants if g["principal"] == "uid:777"] == []
        assert [g["tenants"] for g in grants if g["grant"] == kept["grant"]] == [["other"]]
        assert [t["tenant"] for t in admin.pages("tenant.list", 10)] == ["other"]
        assert admin.call("sys.status")["tenants"] == 1
    rest.check()
    wait_erased(vault)
    rest.check()
    with vault.admin() as admin:
        records = admin.pages("audit.query", 1000, method="tenant.erase", order="oldest")
    assert [(r["tenant"], r["outcome"], r.get("actor")) for r in records] == [
        ("acme", "ok", None),
        ("acme", "ok", "schedule"),
    ]
    vault.restart()
    other2 = Rich(Tenant(vault, "other"))
    other2.made = rest.made
    other2.check()
    vault.verify_audit()


def test_the_name_again(vault):
    acme = vault.new_tenant("acme")
    old = Rich(acme).fill()
    first = erase(vault, "acme")["certificate"]
    vault.admin_call("tenant.create", tenant="acme")
    for key in old.made["apikeys"]:
        assert acme.call("apikey.verify", key=key["key"])["reason"] == "invalid"
    new = Rich(acme).fill()
    assert acme.call("apikey.verify", key=old.made["apikeys"][1]["key"])["valid"] is False
    assert new.verify("p", old.made["token"])["valid"] is False
    assert new.verify("e", old.made["ed"])["valid"] is False
    wait_erased(vault)
    new.check()
    vault.restart()
    again = Rich(Tenant(vault, "acme"))
    again.made = new.made
    again.check()
    assert "number: 1\n" in first
    assert "number: 2\n" in erase(vault, "acme")["certificate"]


def test_confirm(vault):
    acme = vault.new_tenant("acme")
    rich = Rich(acme).fill()
    with vault.admin() as admin:
        for wrong in ("", "Acme", "acme ", "other"):
            error = admin.error("tenant.erase", tenant="acme", confirm=wrong)
            assert (error.code, error.field) == ("invalid_params", "confirm")
        assert admin.error("tenant.erase", tenant="acme").field == "confirm"
        assert admin.error("tenant.erase", tenant="nobody", confirm="nobody").code == "not_found"
    rich.check()


def test_certificate(vault):
    vault.new_tenant("before")
    identity = identity_of(vault)
    time.sleep(1.1)
    vault.new_tenant("acme").close()
    with vault.admin() as admin:
        one = take_backup(admin)[0]
        two = take_backup(admin)[0]
    answer = erase(vault, "acme")
    lines = lines_of(answer["certificate"], identity)
    assert lines[0] == ("store", vault.status()["store_id"])
    assert lines[1:3] == [("tenant", "acme"), ("number", "2")]
    assert lines[3][0] == "erased_at" and lines[3][1].endswith("Z")
    listed = [line[1].split(" ") for line in lines if line[0] == "backup"]
    assert {b for b, _ in listed} == {one, two}
    assert {b["backup"] for b in answer["backups"]} == {one, two}
    for item, (_, text) in zip(answer["backups"], listed):
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(item["time"])) == text
    assert sum(1 for word, _ in lines if word == "limits") >= 3
    # A backup from before the tenant was made does not hold its key.
    with vault.admin() as admin:
        three = take_backup(admin)[0]
    assert three in {b["backup"] for b in erase(vault, "before")["backups"]}
    vault.new_tenant("later").close()
    assert erase(vault, "later")["backups"] == []
    wait_erased(vault)


def test_the_answer_comes_again(vault):
    vault.new_tenant("acme").close()
    first = erase(vault, "acme", request_id="r1")
    wait_erased(vault)
    again = erase(vault, "acme", request_id="r1")
    assert again.pop("replayed") is True and again == first


def test_not_while_a_backup_is_under_way(vault):
    acme = vault.new_tenant("acme")
    with vault.admin() as reader, vault.admin() as admin:
        begun = reader.call("backup.begin")
        assert admin.error("tenant.erase", tenant="acme", confirm="acme").code == "busy"
        acme.call("key.create", name="k", algorithm="HS256")
        reader.call("backup.end", backup=begun["backup"])
        admin.call("tenant.erase", tenant="acme", confirm="acme")


def test_nothing_of_it_is_left_in_the_file(vault):
    other = vault.new_tenant("other")
    rest = Rich(other, secrets=300).fill()
    vault.stop()
    before = file_of(vault)
    vault.start_again()
    acme = vault.new_tenant("acme")
    Rich(acme, secrets=1500, keys=60).fill()
    vault.admin_call("tenant.rekey", tenant="acme")
    wait_erased(vault)
    vault.stop()
    data = file_of(vault)
    vault.start_again()
    erase(vault, "acme")
    wait_erased(vault)
    vault.stop()
    after = file_of(vault)
    wraps = wrapped_keys(data) - wrapped_keys(before)
    assert len(wraps) >= 3 and not [w for w in wraps if after.find(w) >= 0]
    assert wrapped_keys(before) & wrapped_keys(after)
    rows = rows_of(data) - rows_of(before)
    assert len(rows) > 1500 and not rows & rows_of(after)
    assert not [r for r in list(rows)[:50] if after.find(r) >= 0]
    vault.start_again()
    rest2 = Rich(Tenant(vault, "other"), secrets=300)
    rest2.made = rest.made
    rest2.check()


# Young rows of format 2: generation, version and revision in a byte each, then the nonce.
ROWS = re.compile(rb"\x02\x01[\x01\x02][\x00\x01][\x01-\x03](?=(.{24}))", re.DOTALL)


def rows_of(data):
    """The nonces of what looks like a sealed row, current or left behind."""
    return {m.group(1) for m in ROWS.finditer(data) if len(set(m.group(1))) > 15}


WRAPS = re.compile(
    rb"\x01\x0c.{12}\x02\x01.\x03\x48(.{72})\x04\x48(.{72})\x05\x48(.{72})\x06.", re.DOTALL
)


def wrapped_keys(data):
    """Every wrapped key that stands in a record of a tenant's keys, current or left behind."""
    return {key for match in WRAPS.finditer(data) for key in match.groups()}


def test_a_watch_of_its_secrets_ends(vault):
    acme = vault.new_tenant("acme")
    with Watcher(vault.app_path) as watcher, Watcher(vault.admin_path) as operator:
        assert watcher.call("secret.watch", tenant="acme") == {}
        operator.watch(kinds=["erased"])
        acme.call("secret.put", name="a", value=b"1")
        assert watcher.event()["kind"] == "put"
        erase(vault, "acme")
        assert watcher.event()["kind"] == "watch_ended"
        told = operator.event()
        assert (told["kind"], told["tenant"]) == ("erased", "acme")
        vault.admin_call("tenant.create", tenant="acme")
        acme.call("secret.put", name="a", value=b"1")
        assert watcher.quiet()


def test_a_login_ends(vault):
    acme = vault.new_tenant("acme")
    acme.call("key.create", name="k", algorithm="HS256")
    made = acme.call("apikey.create", name="gw", scopes=["x"], role="signer")
    with vault.app() as conn:
        conn.call("auth.login", key=made["key"])
        assert conn.call("auth.whoami")["login"]
        erase(vault, "acme")
        vault.admin_call("tenant.create", tenant="acme")
        assert conn.error("token.sign", tenant="acme", profile="p", subject="s").code == "denied"


def test_every_open_connection(vault):
    """Revoked means refused from the next request on, in each worker and while others sign."""
    acme = vault.new_tenant("acme")
    rich = Rich(acme).fill()
    gone, failed, late = threading.Event(), [], []

    def sign():
        mine = Tenant(vault, "acme")
        while True:
            erased = gone.is_set()
            try:
                rich_answer = mine.call("token.sign", profile="e", subject="s")
            except Exception as e:  # noqa: BLE001
                if e.code != "not_found":
                    failed.append(e)
                return
            if erased:
                late.append(rich_answer)
                return

    threads = [threading.Thread(target=sign) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    erase(vault, "acme")
    gone.set()
    for thread in threads:
        thread.join()
    assert not failed and not late
    assert rich.made


def test_a_rekey_under_way(vault):
    acme = vault.new_tenant("acme")
    Rich(acme, secrets=2000).fill()
    vault.admin_call("tenant.rekey", tenant="acme")
    erase(vault, "acme")
    wait_erased(vault)
    assert "rekey" not in json.dumps(vault.status())


def size_of_store(vault):
    """Rows and index entries, as a backup's manifest counts them: docs/STORAGE.md, Backups."""
    with vault.admin() as admin:
        return struct.unpack_from("<2Q", take_backup(admin)[1][-272:], 32 + 4 * 8)


def test_nothing_leads_to_it(vault):
    vault.new_tenant("keep").close()
    empty = size_of_store(vault)
    acme = vault.new_tenant("acme")
    rich = Rich(acme).fill()
    acme.call("key.create", name="later", algorithm="HS256", rotation_period=86400)
    acme.call("key.delete", name="later", delay=86400)
    acme.call("secret.put", name="replayed", value=b"v", request_id="one")
    erase(vault, "acme")
    wait_erased(vault)
    after = size_of_store(vault)
    # Its tombstone, and the ledger's row of the first backup.
    assert (after[0] - empty[0], after[1] - empty[1]) == (2, 2), (empty, after)
    assert rich.made


@pytest.mark.parametrize("delay", [0, 0.02, 0.06, 0.15])
def test_it_goes_on_after_a_kill(vault, delay):
    acme, other = vault.new_tenant("acme"), vault.new_tenant("other")
    Rich(acme, secrets=3000).fill()
    rest = Rich(other, secrets=50).fill()
    erase(vault, "acme")
    for _ in range(3):
        time.sleep(delay)
        vault.kill()
        vault.start_again()
        assert vault.admin_call("tenant.list")["items"][0]["tenant"] == "other"
    wait_erased(vault)
    again = Rich(Tenant(vault, "other"), secrets=50)
    again.made = rest.made
    again.check()
    vault.verify_audit()


def test_others_hardly_notice(vault):
    acme, other = vault.new_tenant("acme"), vault.new_tenant("other")
    Rich(acme, secrets=5000).fill()
    erase(vault, "acme")
    slow = []
    while "background" in vault.status():
        began = time.monotonic()
        other.call("secret.put", name="n", value=hashlib.sha256(b"x").digest())
        slow.append(time.monotonic() - began)
    assert slow and sorted(slow)[len(slow) // 2] < 0.5
