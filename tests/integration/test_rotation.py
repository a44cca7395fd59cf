"""Versions of a key: next, current, retiring, retired, revoked."""

import time

import pytest

DAY, WEEK = 86400, 604800


def states(tenant, name="k"):
    return {v["version"]: v["state"] for v in tenant.call("key.get", name=name)["versions"]}


def version(tenant, number, name="k"):
    return next(v for v in tenant.call("key.get", name=name)["versions"] if v["version"] == number)


def sleep_past(when):
    time.sleep(max(0, when - time.time()) + 0.05)


def test_a_secret_key_rotates_at_once(tenant):
    tenant.key("k", "HS256", usage="raw")
    answer = tenant.call("key.rotate", name="k")
    assert answer["version"] == 2 and abs(answer["signs_at"] - time.time()) <= 1
    assert tenant.call("key.sign", name="k", message=b"m")["version"] == 2


def test_a_public_key_is_published_first(tenant):
    tenant.key("k", "EdDSA")
    tenant.profile()
    answer = tenant.call("key.rotate", name="k")
    assert answer["version"] == 2 and abs(answer["signs_at"] - time.time() - DAY) <= 2
    assert states(tenant) == {1: "current", 2: "next"}
    assert tenant.call("key.get", name="k")["current"] == 1
    assert tenant.sign()["token"].count(".") == 2


def test_rotate_now(tenant):
    tenant.key("k", "EdDSA")
    answer = tenant.call("key.rotate", name="k", now=True)
    assert abs(answer["signs_at"] - time.time()) <= 1
    assert states(tenant) == {1: "retiring", 2: "current"}
    assert abs(version(tenant, 1)["retires_at"] - time.time() - WEEK) <= 2


def test_next_becomes_current_when_its_time_comes(tenant):
    tenant.key("k", "EdDSA", usage="token", publish_ahead=2, overlap=1000)
    signs_at = tenant.call("key.rotate", name="k")["signs_at"]
    assert states(tenant) == {1: "current", 2: "next"}
    sleep_past(signs_at)
    assert states(tenant) == {1: "retiring", 2: "current"}
    assert tenant.call("key.get", name="k")["current"] == 2
    assert abs(version(tenant, 1)["retires_at"] - signs_at - 1000) <= 1


def test_the_overlap_is_at_least_as_long_as_any_token_lives(tenant):
    tenant.key("k", overlap=10)
    tenant.profile("short", max_ttl=1000, leeway=20)
    tenant.profile("long", max_ttl=5000, leeway=100)
    tenant.call("key.rotate", name="k")
    assert abs(version(tenant, 1)["retires_at"] - time.time() - 5100) <= 2


def test_a_longer_overlap_counts(tenant):
    tenant.key("k", overlap=9000)
    tenant.profile(max_ttl=1000, leeway=20)
    tenant.call("key.rotate", name="k")
    assert abs(version(tenant, 1)["retires_at"] - time.time() - 9000) <= 2


def test_a_profile_of_another_key_does_not_count(tenant):
    tenant.key("k", overlap=10)
    tenant.key("other")
    tenant.profile("p", key="other", max_ttl=5000)
    tenant.call("key.rotate", name="k")
    assert abs(version(tenant, 1)["retires_at"] - time.time() - 10) <= 2


def test_a_retired_version_verifies_no_more(tenant):
    tenant.key("k", overlap=1)
    tenant.profile(ttl=1, max_ttl=1)
    token = tenant.sign()["token"]
    tenant.call("key.rotate", name="k")
    sleep_past(version(tenant, 1)["retires_at"] + 1)
    assert states(tenant) == {1: "retired", 2: "current"}
    assert tenant.reason(token) == "signature"


def test_tokens_of_a_retiring_version_verify(tenant):
    tenant.key("k")
    tenant.profile()
    tokens = [tenant.sign()["token"]]
    for number in (2, 3, 4):
        assert tenant.call("key.rotate", name="k")["version"] == number
        tokens.append(tenant.sign()["token"])
    assert states(tenant) == {1: "retiring", 2: "retiring", 3: "retiring", 4: "current"}
    for token in tokens:
        assert tenant.verify(token)["valid"] is True


def test_raw_versions_work_until_revoked(tenant):
    tenant.key("k", usage="raw", overlap=0)
    first = tenant.call("key.sign", name="k", message=b"m")["signature"]
    tenant.call("key.rotate", name="k")
    time.sleep(1.1)
    assert tenant.call("key.verify", name="k", message=b"m", signature=first) == {
        "valid": True,
        "version": 1,
    }
    assert tenant.call("key.sign", name="k", message=b"m", version=1)["signature"] == first
    tenant.call("key.revoke", name="k", version=1)
    answer = tenant.call("key.verify", name="k", message=b"m", signature=first, version=1)
    assert answer["valid"] is False and answer["reason"] == "key_revoked"
    assert tenant.error("key.sign", name="k", message=b"m", version=1).code == "conflict"


def test_revoke_a_version(tenant):
    tenant.key("k")
    tenant.profile()
    old = tenant.sign()["token"]
    tenant.call("key.rotate", name="k")
    new = tenant.sign()["token"]
    assert tenant.call("key.revoke", name="k", version=1) == {"revoked": [1]}
    assert tenant.reason(old) == "key_revoked"
    assert tenant.verify(new)["valid"] is True
    assert states(tenant) == {1: "revoked", 2: "current"}


def test_revoke_the_current_version_makes_next_current(tenant):
    tenant.key("k", "EdDSA")
    tenant.profile()
    old = tenant.sign()["token"]
    tenant.call("key.rotate", name="k")
    assert tenant.call("key.revoke", name="k", version=1) == {"revoked": [1]}
    assert states(tenant) == {1: "revoked", 2: "current"}
    assert tenant.reason(old) == "key_revoked"
    assert tenant.verify(tenant.sign()["token"])["valid"] is True


def test_revoke_the_current_version_without_a_next(tenant):
    tenant.key("k")
    tenant.profile()
    tenant.call("key.rotate", name="k")
    tenant.call("key.revoke", name="k", version=2)
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"
    assert tenant.call("key.rotate", name="k")["version"] == 3
    assert tenant.verify(tenant.sign()["token"])["valid"] is True


def test_a_rotate_after_the_current_was_revoked_signs_at_once(tenant):
    tenant.key("k", "EdDSA")
    tenant.profile()
    tenant.call("key.revoke", name="k", version=1)
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"
    tenant.call("key.rotate", name="k", now=True)
    assert tenant.verify(tenant.sign()["token"])["valid"] is True


def test_revoke_the_whole_key(tenant):
    tenant.key("k", "EdDSA")
    tenant.profile()
    token = tenant.sign()["token"]
    tenant.call("key.rotate", name="k", now=True)
    tenant.call("key.rotate", name="k")
    assert sorted(tenant.call("key.revoke", name="k")["revoked"]) == [1, 2, 3]
    assert tenant.call("key.get", name="k")["state"] == "revoked"
    assert set(states(tenant).values()) == {"revoked"}
    assert tenant.reason(token) == "key_revoked"
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"


def test_revoke_twice(tenant):
    tenant.key("k")
    assert tenant.call("key.revoke", name="k", version=1) == {"revoked": [1]}
    assert tenant.call("key.revoke", name="k", version=1)["revoked"] in ([], [1])
    assert states(tenant) == {1: "revoked"}


def test_revoke_no_such_version(tenant):
    tenant.key("k")
    assert tenant.error("key.revoke", name="k", version=2).code == "not_found"
    assert states(tenant) == {1: "current"}


def test_sign_with_no_such_version(tenant):
    tenant.key("k", usage="raw")
    assert tenant.error("key.sign", name="k", message=b"m", version=2).code == "not_found"


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_revocation_counts_on_every_connection_at_once(shared, tenant, algorithm):
    tenant.key("k", algorithm)
    tenant.profile()
    conns = [shared.app() for _ in range(12)]
    try:
        for _ in range(5):
            token = tenant.sign()["token"]
            fields = tenant.fields(profile="p", token=token)
            for conn in conns:
                assert conn.call("token.verify", **fields)["valid"] is True
            current = tenant.call("key.get", name="k")["current"]
            tenant.call("key.rotate", name="k", now=True)
            tenant.call("key.revoke", name="k", version=current)
            ids = [(conn, conn.start("token.verify", fields)) for conn in conns]
            answers = [conn.wait(msgid) for conn, msgid in ids]
            assert [a.get("reason") for a in answers] == ["key_revoked"] * len(conns)
    finally:
        for conn in conns:
            conn.close()


def test_key_get_shows_the_newest_hundred_versions(tenant):
    tenant.key("k", usage="raw")
    rotated = tenant.conn.call_many([("key.rotate", tenant.fields(name="k"))] * 120)
    assert sorted(r["version"] for r in rotated) == list(range(2, 122))
    got = tenant.call("key.get", name="k")
    assert got["current"] == 121
    assert sorted(v["version"] for v in got["versions"]) == list(range(22, 122))


def test_versions_survive_kill(vault):
    acme = vault.new_tenant("acme")
    acme.key("k")
    acme.profile()
    token = acme.sign()["token"]
    acme.call("key.rotate", name="k")
    acme.call("key.revoke", name="k", version=1)
    vault.kill()
    vault.start_again()
    acme.close()
    acme.conn = vault.app()
    assert acme.reason(token) == "key_revoked"
    assert states(acme) == {1: "revoked", 2: "current"}
    assert acme.call("key.rotate", name="k")["version"] == 3
    acme.close()
