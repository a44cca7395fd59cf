"""audit.checkpoint, audit.prove and audit.note, against an independent reader of RFC 6962 and C2SP's
notes; audit.report."""

import random
import struct
import time

import pytest

from lib import tlog
from lib.rpc import VaultError

CHUNK = 16384  # leaves that the vault keeps one hash for


@pytest.fixture
def acme(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    yield acme
    acme.close()


def checkpoint(vault, **fields):
    answer = vault.admin_call("audit.checkpoint", **fields)
    verifier = tlog.Verifier(answer["key"])
    return verifier, *verifier.open(answer["checkpoint"])


def flushed(vault, seq):
    """What was just recorded is flushed within 50 ms, and only then in a tree."""
    end = time.monotonic() + 5
    while checkpoint(vault)[1] < seq:
        assert time.monotonic() < end
        time.sleep(0.02)


def newest(acme, **filters):
    record = acme.vault.admin_call("audit.query", tenant="acme", limit=1, **filters)["items"][0]
    flushed(acme.vault, record["seq"])
    return record


def test_a_checkpoint_is_a_signed_note(vault):
    verifier, size, root = checkpoint(vault)
    assert verifier.name == "vaultd/" + vault.status()["store_id"]
    assert size > 0 and len(root) == 32
    assert checkpoint(vault, size=size)[1:] == (size, root), "the same again"
    vault.restart()
    later, size_later, _ = checkpoint(vault)
    assert later.id == verifier.id and size_later > size
    assert checkpoint(vault, size=size)[1:] == (size, root), "the log only grew"
    with vault.admin() as admin:
        assert admin.error("audit.checkpoint", size=10**9).code == "not_found"


def record_of(leaf):
    """The fixed part of the record in a leaf (docs/STORAGE.md)."""
    data = leaf[16:]
    length, event, outcome = struct.unpack_from("<HBB", data)
    time_ns, uid, _, pid, method = struct.unpack_from("<qIIIH", data, 4)
    assert length == len(data)
    return {"event": event, "outcome": outcome, "time": time_ns // 10**9, "uid": uid, "pid": pid}


def test_a_record_is_proved(acme, vault):
    acme.call("key.sign", name="k", message=b"m")
    record = newest(acme, method="key.sign")
    answer = acme.call("audit.prove", seq=record["seq"])
    verifier = checkpoint(vault)[0]
    assert tlog.check_proof(verifier, record["seq"], answer) >= record["seq"]
    assert answer["record"] == record
    fixed = record_of(answer["leaf"])
    assert fixed["event"] == 0 and fixed["outcome"] == 1
    assert all(fixed[k] == record[k] for k in ("time", "uid", "pid"))


def test_what_is_no_proof_is_found_out(acme, vault):
    acme.call("key.sign", name="k", message=b"m")
    seq = newest(acme, method="key.sign")["seq"]
    verifier, good = checkpoint(vault)[0], acme.call("audit.prove", seq=seq)
    size = tlog.check_proof(verifier, seq, good)
    for wrong in (
        {**good, "leaf": good["leaf"][:-1] + bytes([good["leaf"][-1] ^ 1])},
        {**good, "proof": good["proof"][::-1]},
        {**good, "proof": good["proof"][:-1]},
        {**good, "checkpoint": good["checkpoint"].replace(f"\n{size}\n", f"\n{size + 1}\n")},
    ):
        with pytest.raises(Exception):
            tlog.check_proof(verifier, seq, wrong)
    with pytest.raises(AssertionError):
        tlog.check_proof(verifier, seq - 1, good)


def own_proof(tenant, seq):
    """Of the tenant's last record up to seq: some are a checkpoint's or the daemon's own, a few in a row."""
    for seq in range(seq, seq - 8, -1):
        try:
            return seq, tenant.call("audit.prove", seq=seq)
        except VaultError as e:
            assert e.code == "not_found"
    raise AssertionError("eight records in a row are not the tenant's")


@pytest.mark.no_deadline
def test_proofs_in_a_large_tree(acme, vault):
    """Over whole chunks and a tail, from the first record to the last."""
    requests = [("key.sign", acme.fields(name="k", message=b"m"))] * 500
    while checkpoint(vault)[1] <= 2 * CHUNK + 100:
        acme.conn.call_many(requests)
    verifier, size, _ = checkpoint(vault)
    first = vault.admin_call("audit.query", tenant="acme", order="oldest", limit=2)["items"][1]["seq"]
    dice = random.Random(3)
    seqs = [first, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, size]
    for seq in seqs + [dice.randint(first, size) for _ in range(20)]:
        seq, answer = own_proof(acme, seq)
        assert tlog.check_proof(verifier, seq, answer) >= size
        assert answer["record"]["seq"] == seq
    # Roots of smaller trees, whole chunks and not, do not depend on what was asked before.
    sizes = [1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, size]
    roots = [checkpoint(vault, size=n)[2] for n in sizes]
    vault.restart()
    assert roots == [checkpoint(vault, size=n)[2] for n in sizes]


def test_every_small_tree(acme, vault):
    """Each proof of the tenant's records, in trees of each size that grew meanwhile."""
    verifier = checkpoint(vault)[0]
    for _ in range(40):
        acme.call("key.sign", name="k", message=b"m")
        record = newest(acme, method="key.sign")
        tlog.check_proof(verifier, record["seq"], acme.call("audit.prove", seq=record["seq"]))


def test_only_ones_own_records(acme, vault):
    other = vault.new_tenant("other")
    other.key("k", usage="raw")
    seq = vault.admin_call("audit.query", tenant="other", limit=1)["items"][0]["seq"]
    flushed(vault, seq)
    other.call("audit.prove", seq=seq)
    assert acme.error("audit.prove", seq=seq).code == "not_found"
    assert acme.error("audit.prove", seq=1).code == "not_found", "the audit's own"
    assert acme.error("audit.prove", seq=10**12).code == "not_found"
    assert acme.error("audit.prove", seq=0).code == "invalid_params"
    other.close()


def test_a_leaf_does_not_tell_of_its_neighbours(acme, vault):
    """Two leaves of the same record would differ: what is in front of it is the place's own."""
    acme.conn.call_many([("key.sign", acme.fields(name="k", message=b"m"))] * 2)
    seq = newest(acme, method="key.sign")["seq"]
    salts = {acme.call("audit.prove", seq=s)["leaf"][:16] for s in (seq - 1, seq)}
    assert len(salts) == 2
    assert acme.call("audit.prove", seq=seq)["leaf"][:16] in salts


def test_a_damaged_audit_has_no_checkpoint(acme, vault):
    acme.call("key.rotate", name="k")
    vault.restart()
    (vault.state / "audit" / "00000001.seg").unlink()
    with vault.admin() as admin:
        error = admin.error("audit.checkpoint")
    assert error.code == "integrity" and "audit.verify" in error.message


def test_a_note_is_in_the_audit(acme, vault):
    text = "Consent of 42 to analytics, form 7: " + "ä" * 400
    acme.call("audit.note", kind="consent", text=text, actor="dpo@acme.example")
    vault.kill()
    vault.start_again()
    record = vault.admin_call("audit.query", tenant="acme", method="audit.note")["items"][0]
    assert (record["kind"], record["text"]) == ("consent", text)
    assert record["outcome"] == "ok" and record["actor"] == "dpo@acme.example"
    acme.conn = vault.app()
    assert acme.error("audit.note", kind="incident", text="x" * 1025).code == "invalid_params"
    assert acme.error("audit.note", kind="", text="x").code == "invalid_params"
    acme.call("audit.note", kind="incident", text="x" * 1024)
    newest(acme, method="audit.note")
    flat = vault.admin_call("audit.query", tenant="acme", method="audit.note", limit=1)["items"]
    assert flat[0]["text"] == "x" * 1024
    vault.verify_audit()


def test_many_notes_at_once(acme, vault):
    """A group of the largest records there are fits a block."""
    acme.conn.call_many([("audit.note", acme.fields(kind="k" * 64, text="x" * 1024, actor="a" * 128))] * 600)
    vault.verify_audit()
    assert len(acme.records(method="audit.note")) == 600


def test_unused_api_keys(acme, vault):
    never = acme.call("apikey.create", name="never", scopes=[])
    used = acme.call("apikey.create", name="used", scopes=[])
    gone = acme.call("apikey.create", name="gone", scopes=[])
    assert acme.call("apikey.verify", key=used["key"])["valid"]
    acme.call("apikey.revoke", id=gone["id"])
    vault.restart()  # last uses are written once a minute, and at the end
    acme.conn = vault.app()
    for items in (
        acme.call("audit.report", kind="unused_keys")["items"],
        vault.admin_call("audit.report", kind="unused_keys")["items"],
    ):
        assert [(i["tenant"], i["name"], i["id"]) for i in items] == [("acme", "never", never["id"])]
        assert "last_used_at" not in items[0] and items[0]["created_at"] > 0


def test_broad_grants(stage):
    auditor, narrow = stage.user(), stage.user()
    stage.grant(auditor, "auditor", ["*"])
    stage.grant(narrow, "signer", ["t-1"])
    with auditor.app() as conn:
        items = conn.call("audit.report", kind="broad_grants")["items"]
    found = {(i["principal"], i["role"]): i["reason"] for i in items}
    assert found[("uid:0", "owner")] == "owner"
    assert found[(str(auditor), "auditor")] == "all tenants"
    assert not any(p == str(narrow) for p, _ in found)


def test_who_may_not_list_grants_gets_no_report_of_them(stage):
    stage.vault.admin_call("tenant.create", tenant="of-report")
    admin = stage.user()
    stage.grant(admin, "tenant-admin", ["of-report"])
    with admin.app() as conn:
        assert conn.call("audit.report", tenant="of-report", kind="failures")["items"] == []
        error = conn.error("audit.report", tenant="of-report", kind="broad_grants")
        assert error.code == "denied"
        assert conn.error("audit.report", kind="failures").code == "denied", "of all tenants"


def test_failures(acme, vault):
    for _ in range(3):
        assert acme.error("key.get", name="nobody").code == "not_found"
    assert acme.error("key.create", name="k", algorithm="HS256").code == "exists"
    items = acme.call("audit.report", kind="failures")["items"]
    found = {(i["method"], i["code"]): i for i in items}
    assert found[("key.get", "not_found")]["count"] == 3
    assert found[("key.create", "exists")]["count"] == 1
    assert found[("key.get", "not_found")]["principal"] == "uid:0"
    assert found[("key.get", "not_found")]["tenant"] == "acme"
    assert acme.error("audit.report", kind="everything").code == "invalid_params"


