"""API keys: their text, and verifying for every reason."""

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


def test_the_text(keys):
    made = keys.create(env="test")
    match = re.fullmatch(r"vk_test_([0-9A-Za-z]{12})([0-9A-Za-z]{43})([0-9A-Za-z]{6})", made["key"])
    assert match and match[1] == made["id"] and made["name"] == "gw"
    assert with_crc(made["key"][:-6]) == made["key"]
    assert abs(made["created_at"] - time.time()) < 5 and "expires_at" not in made


def test_env_is_live_by_default(keys):
    assert keys.create()["key"].startswith("vk_live_")


def test_good(keys):
    made = keys.create(
        scopes=["write", "billing:read"],
        role="verifier",
        expires_at=int(time.time()) + HOUR,
        metadata={"plan": "gold", "n": 1},
        owner="ann",
    )
    assert keys.verify(made["key"], scope=["read", "write", "billing:read"], env="live") == {
        "valid": True,
        "tenant": "acme",
        "id": made["id"],
        "name": "gw",
        "kind": "ancillary",
        "env": "live",
        "scopes": ["write", "billing:read"],
        "role": "verifier",
        "expires_at": made["expires_at"],
        "metadata": {"plan": "gold", "n": 1},
    }
    assert keys.verify(made["key"], tenant="acme")["valid"]


def test_it_is_shown_once(keys):
    made = keys.create()
    secret = made["key"][-49:-6]
    for answer in (keys.get(made["id"]), keys.call("apikey.list"), keys.verify(made["key"])):
        assert secret not in repr(answer)


def test_scopes(keys):
    gives = {
        "admin": {"admin", "write", "read"},
        "write": {"write", "read"},
        "read": {"read"},
        "x.y_z:1-2": {"x.y_z:1-2"},
    }
    asked = set(gives) | {"other", "READ", "read "}
    for scope, given in gives.items():
        key = keys.create(scopes=[scope])["key"]
        for one in asked:
            if one in given:
                assert keys.verify(key, scope=[one])["valid"], (scope, one)
            else:
                assert keys.reason(key, scope=[one]) == "scope", (scope, one)
    key = keys.create(scopes=["read", "x"])["key"]
    assert keys.verify(key, scope=["read", "x"])["valid"] and keys.verify(key)["valid"]
    assert keys.reason(key, scope=["read", "y"]) == "scope"


@pytest.mark.parametrize("scope", ["", "Read", "a b", "a" * 65, "a/b", "ä"])
def test_bad_scopes(keys, scope):
    e = keys.error("apikey.create", name="n", scopes=[scope])
    assert (e.code, e.field) == ("invalid_params", "scopes")


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"env": "l"}, "env"),
        ({"env": "Live"}, "env"),
        ({"env": "toolonger"}, "env"),
        ({"expires_at": 1}, "expires_at"),
        ({"sources": ["10.0.0.0/33"]}, "sources"),
        ({"sources": ["10.0.0.5/8"]}, "sources"),
        ({"sources": ["example.org"]}, "sources"),
        ({"role": "owner"}, "role"),
        ({"role": "operator"}, "role"),
        ({"role": "no-such"}, "role"),
        ({"refill": {"amount": 1, "period": 1}}, "refill"),
        ({"uses": 0}, "uses"),
        ({"kind": "secondary"}, "kind"),
        ({"kind": "primary"}, "scopes"),
        ({"metadata": {"a": "x" * 5000}}, "metadata"),
    ],
)
def test_bad_settings(keys, fields, field):
    e = keys.error("apikey.create", name="n", scopes=["read"], **fields)
    assert (e.code, e.field) == ("invalid_params", field)


def test_env(keys):
    key = keys.create(env="test")["key"]
    assert keys.reason(key, env="live") == "env" and keys.verify(key, env="test")["valid"]


@pytest.mark.parametrize(
    "sources, inside, outside",
    [
        (["10.1.0.0/16"], ["10.1.2.3", "::ffff:10.1.2.3"], ["10.2.0.1", "::1", "2001:db8::1"]),
        (["2001:db8::/32"], ["2001:db8:1::9"], ["2001:db9::1", "10.1.2.3"]),
        (["192.0.2.7", "::1"], ["192.0.2.7", "::1"], ["192.0.2.8", "::2"]),
        (["0.0.0.0/0"], ["1.2.3.4"], ["::1"]),
        (["::/0"], ["::1", "2001:db8::1"], ["1.2.3.4"]),
        (["::ffff:10.0.0.0/104"], ["10.9.9.9"], ["11.0.0.1"]),
    ],
)
def test_sources(keys, sources, inside, outside):
    made = keys.create(sources=sources)
    for source in inside:
        assert keys.verify(made["key"], source=source)["valid"], source
    for source in outside + ["example.org", "10.1.2.3:80", "10.1"]:
        assert keys.reason(made["key"], source=source) == "source", source
    assert keys.reason(made["key"]) == "source"


def test_expiry(keys):
    made = keys.create(expires_at=int(time.time()) + 2)
    assert keys.verify(made["key"])["valid"]
    wait_until(made["expires_at"])
    assert keys.reason(made["key"]) == "expired" and keys.state(made["id"]) == "expired"


def test_disabled(keys):
    made = keys.create()
    keys.call("apikey.update", id=made["id"], disabled=True)
    assert keys.reason(made["key"]) == "disabled" and keys.state(made["id"]) == "disabled"
    keys.call("apikey.update", id=made["id"], disabled=False)
    assert keys.verify(made["key"])["valid"] and keys.state(made["id"]) == "active"


def test_revoked_on_every_connection(vault, keys):
    made = keys.create()
    conns = [vault.app() for _ in range(8)]
    for conn in conns:
        assert keys.verify(made["key"], conn)["valid"]
    keys.call("apikey.revoke", id=made["id"], reason="leaked")
    for conn in conns:
        assert keys.verify(made["key"], conn) == {"valid": False, "reason": "revoked"}
        conn.close()
    shown = keys.get(made["id"])
    assert (shown["state"], shown["revoke_reason"]) == ("revoked", "leaked")
    keys.call("apikey.revoke", id=made["id"])
    assert keys.get(made["id"])["revoke_reason"] == "leaked"


def test_deleted(keys):
    made = keys.create()
    keys.call("apikey.delete", id=made["id"])
    assert keys.reason(made["key"]) == "invalid"
    assert keys.call("apikey.list")["items"] == []
    for method in ("get", "update", "rotate", "revoke", "delete"):
        e = keys.error(f"apikey.{method}", id=made["id"])
        assert (e.code, e.field) == ("not_found", "id")
    e = keys.error("apikey.import", name="n", scopes=[], sha256=b"h" * 32, id=made["id"])
    assert (e.code, e.field) == ("exists", "id")


def test_another_tenants_key(keys, other):
    made = keys.create()
    assert keys.reason(made["key"], tenant="globex") == "tenant"
    changed = with_crc(made["key"][:20] + "0" * 43)
    assert keys.reason(changed, tenant="globex") == "invalid"
    e = other.error("apikey.get", id=made["id"])
    assert e.code == "not_found"
    assert other.call("apikey.list")["items"] == []


def test_every_byte_flipped(keys):
    key = keys.create()["key"]
    calls = []
    for at in range(len(key)):
        for bit in range(7):
            wrong = key[:at] + chr(ord(key[at]) ^ 1 << bit) + key[at + 1 :]
            calls.append(("apikey.verify", {"key": wrong}))
    for answer in keys.tenant.conn.call_many(calls):
        assert answer == {"valid": False, "reason": "malformed"}


def test_every_digit_changed_with_a_right_crc(keys):
    key = keys.create()["key"]
    body = key[:-6]
    for at in range(8, len(body)):
        wrong = with_crc(body[:at] + ("0" if body[at] != "0" else "1") + body[at + 1 :])
        source = f"10.0.{at}.1"
        assert keys.reason(wrong, source=source) == "invalid"
    assert keys.verify(key)["valid"]


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_bad_input(keys, tenant):
    key = keys.create()["key"]
    bad = ["", " ", "vk_", "vk__", "vk_live_", "x" * 4096, "\0", key * 2, key + "0"]
    bad += [" " + key, key + " ", key + "\n", "\t" + key, "\ufeff" + key]
    bad += [key.lower(), key.upper(), key.swapcase(), key.title()]
    bad += [key[:n] for n in range(len(key))] + [key[n:] for n in range(1, len(key))]
    bad += [key.replace("vk_", "vk-"), key.replace("live", "liv\u0435"), "Vk" + key[2:]]
    for text in bad:
        assert keys.reason(text, tenant=tenant) in ("malformed", "invalid"), text
    e = keys.tenant.conn.error("apikey.verify", key="x" * 4097)
    assert (e.code, e.field) == ("invalid_params", "key")
    assert keys.verify(key)["valid"]


def test_uses(keys):
    made = keys.create(uses=3)
    assert [keys.verify(made["key"])["uses_left"] for _ in range(3)] == [2, 1, 0]
    assert keys.reason(made["key"]) == "used_up"
    assert keys.get(made["id"])["uses_left"] == 0


def test_a_refusal_counts_no_use(keys):
    made = keys.create(uses=1, env="test")
    assert keys.reason(made["key"], env="live") == "env"
    assert keys.verify(made["key"])["uses_left"] == 0


def test_the_same_use_counts_once(keys):
    made = keys.create(uses=2)
    assert [keys.verify(made["key"], use="r1")["uses_left"] for _ in range(3)] == [1, 1, 1]
    assert keys.verify(made["key"], use="r2")["uses_left"] == 0
    assert keys.verify(made["key"], use="r1")["valid"]
    assert keys.reason(made["key"], use="r3") == "used_up"


def test_uses_last_through_a_crash(vault, keys):
    made = keys.create(uses=5)
    keys.verify(made["key"])
    vault.kill()
    vault.start_again()
    with vault.app() as conn:
        assert conn.call("apikey.verify", key=made["key"])["uses_left"] == 3


def test_uses_race(vault, keys):
    made = keys.create(uses=50)
    conns = [vault.app() for _ in range(8)]
    sent = [(c, c.start("apikey.verify", {"key": made["key"]})) for c in conns for _ in range(10)]
    answers = [c.wait(msgid) for c, msgid in sent]
    assert sum(a["valid"] for a in answers) == 50
    assert sorted(a["uses_left"] for a in answers if a["valid"]) == list(range(50))
    for conn in conns:
        conn.close()


def test_refill(keys):
    made = keys.create(uses=2, refill={"amount": 1, "period": 2})
    assert [keys.verify(made["key"])["valid"] for _ in range(2)] == [True, True]
    assert keys.reason(made["key"]) == "used_up"
    wait_until(made["created_at"] + 2.1)
    assert keys.verify(made["key"])["uses_left"] == 0
    assert keys.reason(made["key"]) == "used_up"
    assert keys.get(made["id"])["refill"] == {"amount": 1, "period": 2}


def test_no_refill_unless_asked_for(keys):
    made = keys.create(uses=1)
    assert keys.verify(made["key"])["valid"] and keys.reason(made["key"]) == "used_up"
    assert "refill" not in keys.get(made["id"])
