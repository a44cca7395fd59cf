"""API keys: rotated, changed, revoked by the thousand, listed, imported, audited, locked."""

import hashlib
import re
import time

import pytest

from lib.apikeys import HOUR, Keys, wait_until, with_crc

@pytest.fixture
def keys(vault):
    tenant = vault.new_tenant("acme")
    yield Keys(tenant)
    tenant.close()


@pytest.fixture
def other(vault):
    tenant = vault.new_tenant("globex")
    yield Keys(tenant)
    tenant.close()


def test_two_primary_keys(keys, other):
    one = keys.create(kind="primary", scopes=["admin"])
    two = keys.create(kind="primary", scopes=["admin"])
    shown = keys.get(one["id"])
    assert (shown["kind"], shown["scopes"], shown["role"]) == ("primary", ["admin"], "tenant-admin")
    assert keys.error("apikey.create", name="n", kind="primary", scopes=["admin"]).code == "conflict"
    other.create(kind="primary", scopes=["admin"])
    # The old one no longer counts, the new one does.
    new = keys.call("apikey.rotate", id=one["id"], grace=HOUR)
    assert keys.error("apikey.create", name="n", kind="primary", scopes=["admin"]).code == "conflict"
    assert keys.verify(one["key"])["valid"] and keys.verify(new["key"])["kind"] == "primary"
    keys.call("apikey.revoke", id=two["id"])
    three = keys.create(kind="primary", scopes=["admin"])
    assert keys.error("apikey.create", name="n", kind="primary", scopes=["admin"]).code == "conflict"
    keys.call("apikey.delete", id=three["id"])
    keys.create(kind="primary", scopes=["admin"])


def test_rotate_keeps_every_setting(keys):
    made = keys.create(
        name="a/b",
        scopes=["write", "x"],
        env="test",
        role="verifier",
        sources=["10.0.0.0/8"],
        uses=10,
        refill={"amount": 1, "period": HOUR},
        limit={"rate": 5, "burst": 9},
        owner="ann",
        metadata={"k": [1, None, True]},
        expires_at=int(time.time()) + HOUR,
    )
    keys.verify(made["key"], source="10.0.0.1")
    before = keys.get(made["id"])
    new = keys.call("apikey.rotate", id=made["id"], grace=2)
    assert new["replaces"] == made["id"] and new["key"].startswith("vk_test_")
    after = keys.get(new["id"])
    for field in set(before) | set(after):
        if field not in ("id", "hint", "created_at", "expires_at", "last_used_at", "replaces"):
            assert before.get(field) == after.get(field), field
    assert after["uses_left"] == 9
    assert after["expires_at"] - after["created_at"] == before["expires_at"] - before["created_at"]
    old = keys.get(made["id"])
    assert (old["state"], old["replaced_by"]) == ("grace", new["id"])
    assert keys.verify(made["key"], source="10.0.0.1")["expires_at"] == old["grace_until"]
    wait_until(old["grace_until"])
    assert keys.reason(made["key"], source="10.0.0.1") == "expired"
    assert keys.verify(new["key"], source="10.0.0.1")["valid"]


def test_rotate_without_grace(keys):
    made = keys.create()
    new = keys.call("apikey.rotate", id=made["id"])
    assert keys.reason(made["key"]) == "revoked" and keys.verify(new["key"])["valid"]
    assert keys.error("apikey.rotate", id=made["id"]).code == "conflict"


def test_rotate_twice_is_a_conflict(keys):
    made = keys.create()
    keys.call("apikey.rotate", id=made["id"], grace=HOUR)
    assert keys.error("apikey.rotate", id=made["id"]).code == "conflict"


def test_update_and_clear(keys):
    made = keys.create(owner="ann", metadata={"a": 1}, sources=["10.0.0.0/8"])
    keys.call(
        "apikey.update",
        id=made["id"],
        name="new",
        scopes=["x"],
        expires_at=made["created_at"] + HOUR,
        sources=["192.0.2.0/24"],
        limit={"rate": 1, "burst": 2},
        owner="bob",
        metadata={"b": 2},
    )
    shown = keys.get(made["id"])
    assert shown["name"] == "new" and shown["scopes"] == ["x"] and shown["owner"] == "bob"
    assert shown["sources"] == ["192.0.2.0/24"] and shown["metadata"] == {"b": 2}
    assert shown["limit"] == {"rate": 1, "burst": 2}
    optional = ["expires_at", "sources", "limit", "owner", "metadata"]
    keys.call("apikey.update", id=made["id"], clear=optional)
    shown = keys.get(made["id"])
    assert not set(optional) & set(shown)
    assert keys.verify(made["key"], scope=["x"])["name"] == "new"
    for clear in (["name"], ["scopes"], ["nothing"]):
        e = keys.error("apikey.update", id=made["id"], clear=clear)
        assert (e.code, e.field) == ("invalid_params", "clear")
    e = keys.error("apikey.update", id=made["id"], clear=["owner"], owner="x")
    assert (e.code, e.field) == ("invalid_params", "clear")


def test_bulk_revoke(keys, other):
    old = [keys.create(name=f"k{i}") for i in range(3)]
    primary = [keys.create(kind="primary", scopes=["admin"]) for _ in range(2)]
    foreign = other.create()
    wait_until(max(k["created_at"] for k in old + primary) + 1)
    now = int(time.time())
    keys.call("apikey.revoke", created_before=now, kind="ancillary", reason="spill")
    new = keys.create()
    assert [keys.reason(k["key"]) for k in old] == ["revoked"] * 3
    assert keys.verify(new["key"])["valid"] and keys.verify(primary[0]["key"])["valid"]
    assert keys.verify(foreign["key"])["valid"]
    assert [keys.state(k["id"]) for k in old] == ["revoked"] * 3
    assert len(keys.call("apikey.list", state="revoked")["items"]) == 3
    # Also of what was made in this second, but nothing that comes after.
    keys.call("apikey.revoke", created_before=now + HOUR)
    assert keys.reason(new["key"]) == "revoked" and keys.reason(primary[1]["key"]) == "revoked"
    assert keys.verify(keys.create()["key"])["valid"]
    for _ in range(2):
        assert keys.verify(keys.create(kind="primary", scopes=["admin"])["key"])["valid"]
    assert keys.error("apikey.rotate", id=new["id"]).code == "conflict"


def test_bulk_revoke_outlives_a_restart(vault, keys):
    made = keys.create()
    keys.call("apikey.revoke", created_before=int(time.time()) + HOUR)
    vault.restart()
    with vault.app() as conn:
        assert conn.call("apikey.verify", key=made["key"])["reason"] == "revoked"


def test_revoke_says_what(keys):
    made = keys.create()
    for fields in ({}, {"kind": "primary"}, {"id": made["id"], "created_before": 1}):
        e = keys.error("apikey.revoke", **fields)
        assert (e.code, e.field) == ("invalid_params", "id")


def test_list(keys):
    now = int(time.time())
    a = keys.create(name="a", env="test")
    b = keys.create(name="b", expires_at=now + HOUR)
    c = keys.create(name="c", kind="primary", scopes=["admin"])
    keys.verify(a["key"])

    def ids(**fields):
        return {item["id"] for item in keys.tenant.pages("apikey.list", 2, **fields)}

    assert ids() == {a["id"], b["id"], c["id"]}
    assert ids(env="test") == {a["id"]} and ids(kind="primary") == {c["id"]}
    assert ids(expires_within=2 * HOUR) == {b["id"]} and ids(expires_within=60) == set()
    assert ids(state="active") == ids() and ids(state="revoked") == set()
    assert ids(unused_for=HOUR) == set() and ids(unused_for=0) == ids()
    wait_until(now + 2.1)
    keys.verify(a["key"])
    assert a["id"] not in ids(unused_for=2)
    item = keys.call("apikey.list", env="test")["items"][0]
    assert item == keys.get(a["id"])
    assert item["hint"] == a["key"][-4:] and item["state"] == "active"


def test_list_is_in_the_order_of_creation(keys):
    made = []
    for i in range(4):
        made.append(keys.create(name=f"k{i}")["id"])
        wait_until(int(time.time()) + 1)
    assert [k["id"] for k in keys.tenant.pages("apikey.list", 3)] == made


def test_last_used(vault, keys):
    made = keys.create()
    assert "last_used_at" not in keys.get(made["id"])
    keys.reason(made["key"], env="test")
    assert "last_used_at" not in keys.get(made["id"])
    before = int(time.time())
    keys.verify(made["key"])
    used = keys.get(made["id"])["last_used_at"]
    assert before <= used <= time.time()
    # A clean stop writes it; so does sealing.
    vault.restart()
    with vault.app() as conn:
        assert conn.call("apikey.get", tenant="acme", id=made["id"])["last_used_at"] == used
        time.sleep(1.1)
        conn.call("apikey.verify", key=made["key"])
        vault.seal()
        vault.unseal()
        assert conn.call("apikey.get", tenant="acme", id=made["id"])["last_used_at"] > used


def sha(text):
    return hashlib.sha256(text.encode()).digest()


def test_import(keys, other):
    text = "sk_live_9f8a7s6d5f"
    made = keys.call(
        "apikey.import",
        name="old",
        sha256=sha(text),
        scopes=["read"],
        id="cust-17",
        created_at=1600000000,
        hint="6d5f",
        metadata={"a": 1},
    )
    assert made == {"id": "cust-17"}
    answer = keys.verify(text, tenant="acme", scope=["read"])
    assert answer["valid"] and answer["id"] == "cust-17" and answer["metadata"] == {"a": 1}
    assert keys.reason(text) == "malformed"
    assert keys.reason(text, tenant="globex") == "invalid"
    for wrong in (text + " ", text.upper(), text[:-1], ""):
        assert keys.reason(wrong, tenant="acme") == "invalid"
    shown = keys.get("cust-17")
    assert shown["imported"] is True and shown["hint"] == "6d5f"
    assert shown["created_at"] == 1600000000
    assert keys.error("apikey.import", name="x", sha256=sha(text), scopes=[]).code == "exists"
    e = keys.error("apikey.import", name="x", sha256=sha("y"), scopes=[], id="cust-17")
    assert (e.code, e.field) == ("exists", "id")
    # Ids are a tenant's own, and so are the texts.
    other.call("apikey.import", name="x", sha256=sha(text), scopes=[], id="cust-17")
    assert other.verify(text, tenant="globex")["tenant"] == "globex"


def test_imported_keys_live_like_others(keys):
    made = keys.call("apikey.import", name="old", sha256=sha("t"), scopes=["read"], uses=5)
    assert re.fullmatch("[0-9A-Za-z]{12}", made["id"])
    assert keys.verify("t", tenant="acme")["uses_left"] == 4
    new = keys.call("apikey.rotate", id=made["id"], grace=HOUR)
    assert keys.verify("t", tenant="acme")["uses_left"] == 3
    assert keys.verify(new["key"])["valid"] and keys.get(new["id"])["imported"] is False
    keys.call("apikey.revoke", id=made["id"])
    assert keys.reason("t", tenant="acme") == "revoked"
    keys.call("apikey.delete", id=made["id"])
    assert keys.reason("t", tenant="acme") == "invalid"
    keys.call("apikey.import", name="again", sha256=sha("t"), scopes=[])
    assert keys.verify("t", tenant="acme")["name"] == "again"


def test_a_bulk_revoke_spares_what_is_imported_later(keys):
    keys.call("apikey.revoke", created_before=int(time.time()) + 1)
    keys.call("apikey.import", name="old", sha256=sha("t"), scopes=[], created_at=1)
    assert keys.verify("t", tenant="acme")["valid"]


def test_the_audit_tells(keys):
    made = keys.create(name="portal")
    keys.verify(made["key"], source="192.0.2.1")
    keys.reason(made["key"], source="192.0.2.2", env="test")
    keys.call("apikey.revoke", id=made["id"])
    records = keys.tenant.records(id=made["id"])
    assert [(r["method"], r["outcome"], r.get("reason"), r.get("source")) for r in records] == [
        ("apikey.create", "ok", None, None),
        ("apikey.verify", "ok", None, "192.0.2.1"),
        ("apikey.verify", "invalid", "env", "192.0.2.2"),
        ("apikey.revoke", "ok", None, None),
    ]
    assert all(r["name"] == "portal" for r in records)
    assert len(keys.tenant.records(name="portal")) == 4
    assert len(keys.tenant.records(source="192.0.2.2")) == 1
    keys.call("apikey.delete", id=made["id"])
    assert keys.tenant.records(id=made["id"])[-1]["name"] == "portal"
    assert made["key"][-49:-6] not in repr(records)


def test_after_a_restart(vault, keys):
    made = keys.create()
    vault.restart()
    with vault.app() as conn:
        assert conn.call("apikey.verify", key=made["key"])["tenant"] == "acme"


def wrong(key, digit="0"):
    return with_crc(key[:20] + digit * 43)


def test_locked_by_key_and_source(keys):
    made = keys.create()
    for _ in range(5):
        assert keys.reason(wrong(made["key"]), source="192.0.2.1") == "invalid"
    answer = keys.verify(made["key"], source="192.0.2.1")
    assert answer["reason"] == "locked" and 0 < answer["retry_after_ms"] <= 30 * 60 * 1000
    # The pair is locked, neither the key nor the source.
    assert keys.verify(made["key"], source="192.0.2.2")["valid"]
    other = keys.create()
    assert keys.verify(other["key"], source="192.0.2.1")["valid"]
    # Unknown ids alike.
    unknown = with_crc("vk_live_" + "Z" * 55)
    reasons = [keys.reason(unknown, source="192.0.2.9") for _ in range(6)]
    assert reasons == ["invalid"] * 5 + ["locked"]


def test_a_lock_outlives_a_restart(vault, keys):
    made = keys.create()
    for _ in range(5):
        keys.reason(wrong(made["key"]), source="192.0.2.1")
    vault.restart()
    with vault.app() as conn:
        answer = conn.call("apikey.verify", key=made["key"], source="192.0.2.1")
        assert answer["reason"] == "locked"


def test_a_right_secret_starts_the_count_anew(keys):
    made = keys.create()
    for _ in range(3):
        for _ in range(4):
            assert keys.reason(wrong(made["key"]), source="192.0.2.1") == "invalid"
        assert keys.verify(made["key"], source="192.0.2.1")["valid"]


def test_malformed_is_no_failure(keys):
    made = keys.create()
    for _ in range(20):
        assert keys.reason(made["key"][:-1] + "!", source="192.0.2.1") == "malformed"
    assert keys.verify(made["key"], source="192.0.2.1")["valid"]


def test_without_a_source_the_caller_is_limited(keys):
    made = keys.create()
    calls = [("apikey.verify", {"key": wrong(made["key"])})] * 300
    reasons = {a["reason"] for a in keys.tenant.conn.call_many(calls)}
    assert reasons == {"invalid", "limited"}
    answer = keys.verify(made["key"])
    assert answer["valid"] or answer["reason"] == "limited" and answer["retry_after_ms"] > 0
    # Soon, and nobody's key was locked.
    time.sleep(0.5)
    assert keys.verify(made["key"])["valid"]
    assert keys.verify(made["key"], source="192.0.2.1")["valid"]


def test_a_source_that_tries_many_keys_is_limited(keys):
    made = keys.create()
    texts = [with_crc(f"vk_live_{i:012d}" + "x" * 43) for i in range(101)]
    calls = [("apikey.verify", {"key": t, "source": "192.0.2.5"}) for t in texts]
    reasons = [a["reason"] for a in keys.tenant.conn.call_many(calls)]
    assert reasons[:90] == ["invalid"] * 90 and reasons[-1] == "limited"
    assert keys.reason(made["key"], source="192.0.2.5") == "limited"
    assert keys.verify(made["key"], source="192.0.2.6")["valid"]


def test_a_keys_own_limit(keys):
    made = keys.create(limit={"rate": 1, "burst": 3})
    answers = [keys.verify(made["key"]) for _ in range(5)]
    assert [a["valid"] for a in answers] == [True] * 3 + [False] * 2
    assert answers[-1]["reason"] == "limited" and 0 < answers[-1]["retry_after_ms"] <= 1000
    time.sleep(answers[-1]["retry_after_ms"] / 1000 + 0.01)
    assert keys.verify(made["key"])["valid"]
    free = keys.create(limit={"rate": 0, "burst": 0})
    assert all(keys.verify(free["key"])["valid"] for _ in range(20))


def test_a_limited_answer_counts_no_use(keys):
    made = keys.create(uses=10, limit={"rate": 1, "burst": 2})
    answers = [keys.verify(made["key"]) for _ in range(4)]
    assert [a["valid"] for a in answers] == [True, True, False, False]
    assert keys.get(made["id"])["uses_left"] == 8


def test_asked_for_again_by_request_id(keys):
    fields = {"name": "n", "scopes": ["read"], "request_id": "r1"}
    made = keys.call("apikey.create", **fields)
    again = keys.call("apikey.create", **fields)
    assert again.pop("replayed") is True and "key" not in again
    assert again == {k: v for k, v in made.items() if k != "key"}
    new = keys.call("apikey.rotate", id=made["id"], request_id="r2")
    again = keys.call("apikey.rotate", id=made["id"], request_id="r2")
    assert again["id"] == new["id"] and "key" not in again
    assert len(keys.call("apikey.list")["items"]) == 2
