"""The drill of docs/OPERATIONS.md: a customer's key is found in public. What is done, in order, and
how long the leaked key goes on being good."""

import time

CONNECTIONS = 16
CUSTOMER, THIEF = "198.51.100.7", "203.0.113.66"


def test_a_leaked_key(vault):
    tenant = vault.new_tenant("acme")
    leaked = tenant.call("apikey.create", name="portal", scopes=["write"], owner="ann")
    other = tenant.call("apikey.create", name="other", scopes=["read"])
    gateways = [vault.app() for _ in range(CONNECTIONS)]

    # Yesterday: the customer uses it, then somebody else does, with another scope.
    for gateway in gateways:
        assert ask(gateway, leaked, CUSTOMER)["valid"]
    before_theft = int(time.time())
    time.sleep(1.1)
    for gateway in gateways[:3]:
        assert ask(gateway, leaked, THIEF)["valid"]
    assert ask(gateways[3], leaked, THIEF, scope=["admin"])["reason"] == "scope"
    ask(gateways[4], other, CUSTOMER)

    # 1. A key's text tells its id, so the leak needs no search; the CRC tells that it is whole.
    id = leaked["key"].split("_")[2][:12]
    assert id == leaked["id"]

    # 2. Revoke. Questions are under way on every connection while it happens; from the moment of the
    # answer on no question gets a yes, on any of them.
    under_way = [(g, g.start("apikey.verify", {"key": leaked["key"]})) for g in gateways]
    started = time.monotonic()
    tenant.call("apikey.revoke", id=id, reason="found on a paste site")
    revoked = time.monotonic()
    first = [ask(gateway, leaked, THIEF) for gateway in gateways]
    took_ms = (revoked - started) * 1000
    for gateway, msgid in under_way:
        gateway.wait(msgid)
    assert all(answer == {"valid": False, "reason": "revoked"} for answer in first)
    assert took_ms < 1000, took_ms
    print(f"revoked in {took_ms:.1f} ms, refused by the next request on {CONNECTIONS} connections")

    # 3. A new key of the same rights; the old one cannot be rotated into it.
    assert tenant.error("apikey.rotate", id=id).code == "conflict"
    new = tenant.call("apikey.create", name="portal", scopes=["write"], owner="ann")
    for gateway in gateways:
        assert ask(gateway, new, CUSTOMER)["valid"]
    assert ask(gateways[0], other, CUSTOMER)["valid"]

    # 4. Who used it, from where, since when.
    uses = tenant.records(id=id, method="apikey.verify")
    assert all(r["uid"] == 0 and r["name"] == "portal" for r in uses)
    sources = {r.get("source") for r in uses if r["outcome"] == "ok"}
    assert {CUSTOMER, THIEF} <= sources
    theft = tenant.records(id=id, source=THIEF, method="apikey.verify")
    assert len(theft) == 4 + CONNECTIONS
    assert theft[0]["time"] > before_theft and theft[0]["outcome"] == "ok"
    assert [r["reason"] for r in theft if r["outcome"] == "invalid"] == ["scope"] + [
        "revoked"
    ] * CONNECTIONS
    # What else that source tried: nothing but this key.
    assert {r["id"] for r in tenant.records(source=THIEF)} == {id}
    assert not [r for r in tenant.records(id=id, since=before_theft + 1) if r["outcome"] == "ok"
                and r.get("source") == CUSTOMER]
    shown = tenant.call("apikey.get", id=id)
    assert (shown["state"], shown["revoke_reason"]) == ("revoked", "found on a paste site")

    # 5. Where it is not known how many leaked: all made until now, at once.
    tenant.call("apikey.revoke", created_before=int(time.time()) + 1, reason="the whole export")
    for key in (new, other):
        assert ask(gateways[0], key, CUSTOMER)["reason"] == "revoked"
    for gateway in gateways:
        gateway.close()
    tenant.close()
    vault.verify_audit()


def ask(gateway, key, source, **fields):
    return gateway.call("apikey.verify", key=key["key"], source=source, **fields)
