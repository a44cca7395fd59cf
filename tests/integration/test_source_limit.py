"""Per-source limits of token.verify: a source that sends too many tokens that never were the
tenant's is answered "limited" for a while."""

import time

import pytest


@pytest.fixture
def guarded(tenant, admin):
    tenant.key()
    tenant.profile()
    tenant.good = tenant.sign()["token"]
    limit(admin, tenant, failures=3, window=60, block=2)
    return tenant


def limit(admin, tenant, **fields):
    admin.call("tenant.update", tenant=tenant.name, source_limit=fields)


def broken(token):
    return token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")


def test_failures_block_their_source_and_no_other(guarded):
    bad = broken(guarded.good)
    assert [guarded.reason(bad, source="192.0.2.1") for _ in range(3)] == ["signature"] * 3
    for token in (bad, guarded.good, "no token"):
        assert guarded.verify(token, source="192.0.2.1") == {"valid": False, "reason": "limited"}
    assert guarded.verify(guarded.good, source="192.0.2.2")["valid"] is True
    assert guarded.verify(guarded.good)["valid"] is True
    time.sleep(2.1)
    assert guarded.verify(guarded.good, source="192.0.2.1")["valid"] is True


def test_which_reasons_count(guarded, admin, new_tenant):
    other = new_tenant()
    other.key()
    other.profile()
    foreign = other.sign()["token"]
    for source, token in (("a", "no token"), ("b", broken(guarded.good)), ("c", foreign)):
        for _ in range(3):
            assert guarded.reason(token, source=source) != "limited"
        assert guarded.reason(token, source=source) == "limited", token
    # An own token under another profile, or one that has expired, tells of no guessing.
    guarded.profile("q")
    for _ in range(10):
        assert guarded.reason(guarded.good, "q", source="d") != "limited"
    assert guarded.verify(guarded.good, source="d")["valid"] is True


def test_addresses_count_by_64_bits(guarded):
    bad = broken(guarded.good)
    for i in range(3):
        guarded.reason(bad, source=f"2001:db8::{i}")
    assert guarded.reason(bad, source="2001:db8::ffff") == "limited"
    assert guarded.reason(bad, source="2001:db8:0:1::1") == "signature"


def test_the_switch(guarded, admin):
    bad = broken(guarded.good)
    limit(admin, guarded, failures=3, enabled=False)
    assert {guarded.reason(bad, source="s") for _ in range(200)} == {"signature"}


def test_the_default_is_a_hundred(guarded, admin):
    admin.call("tenant.update", tenant=guarded.name, clear=["source_limit"])
    bad = broken(guarded.good)
    reasons = [guarded.reason(bad, source="s") for _ in range(103)]
    assert reasons == ["signature"] * 100 + ["limited"] * 3


def test_many_at_once_block_once(guarded):
    call = ("token.verify", guarded.fields(profile="p", token=broken(guarded.good), source="s"))
    reasons = [a["reason"] for a in guarded.conn.call_many([call] * 200)]
    assert reasons.count("signature") == 3 and reasons.count("limited") == 197


def test_a_block_survives_a_restart(vault):
    tenant = vault.new_tenant("a")
    tenant.key()
    tenant.profile()
    good = tenant.sign()["token"]
    vault.admin_call("tenant.update", tenant="a", source_limit={"failures": 2, "block": 600})
    for _ in range(2):
        tenant.reason("x", source="s")
    assert tenant.reason(good, source="s") == "limited"
    tenant.close()
    vault.seal()
    vault.unseal()
    tenant = type(tenant)(vault, "a")
    assert tenant.reason(good, source="s") == "limited"
    tenant.close()
    vault.restart()
    tenant = type(tenant)(vault, "a")
    assert tenant.reason(good, source="s") == "limited"
    assert tenant.verify(good, source="t")["valid"] is True
    tenant.close()
    vault.verify_audit()
