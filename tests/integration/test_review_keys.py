"""Bugs that a review found: which version of a key signs, verifies, and until when."""

import time

import pytest

from lib import jose

DAY = 86400
SEED = bytes(range(32))
ROTATIONS = 40  # more than a worker keeps open


def shown(tenant, name="k"):
    return {v["version"]: v for v in tenant.call("key.get", name=name)["versions"]}


def states(tenant, name="k"):
    return {number: v["state"] for number, v in shown(tenant, name).items()}


def signing_kid(tenant):
    return jose.decode(tenant.sign()["token"])[0]["kid"]


def sleep_past(when):
    time.sleep(max(0, when - time.time()) + 0.05)


@pytest.fixture
def acme(tenant):
    """A tenant whose key k signs and profile p names it."""
    tenant.key("k", "EdDSA", overlap=1000, publish_ahead=2)
    tenant.profile()
    return tenant


def test_revoking_the_version_that_waits_leaves_the_current_one_signing(acme):
    """Once the revoked version's time had come, nothing signed."""
    signs_at = acme.call("key.rotate", name="k")["signs_at"]
    assert acme.call("key.revoke", name="k", version=2) == {"revoked": [2]}
    assert signing_kid(acme) == "k.1"
    sleep_past(signs_at + 1)
    assert signing_kid(acme) == "k.1"
    assert states(acme) == {1: "current", 2: "revoked"}
    assert acme.call("key.get", name="k")["current"] == 1


def test_revoking_the_version_that_waits_takes_the_retirement_back(tenant):
    """The current version went on signing and retired all the same: its tokens did not verify."""
    tenant.key("k", "EdDSA", overlap=1, publish_ahead=1)
    tenant.profile(ttl=1, max_ttl=1)
    tenant.call("key.rotate", name="k")
    retires_at = shown(tenant)[1]["retires_at"]
    tenant.call("key.revoke", name="k", version=2)
    assert "retires_at" not in shown(tenant)[1]
    sleep_past(retires_at + 1)
    tenant.profile(ttl=60, max_ttl=60)
    token = tenant.sign()["token"]
    assert tenant.verify(token)["valid"] is True
    now = time.time()
    assert tenant.call("key.rotate", name="k", now=True)["version"] == 3
    assert tenant.verify(token)["valid"] is True
    assert abs(shown(tenant)[1]["retires_at"] - now - 60) <= 2


def test_an_import_while_a_version_waits(acme):
    """It stood before the version that waited, which then took over from it or never signed."""
    assert acme.call("key.rotate", name="k")["version"] == 2
    error = acme.error("key.import", name="k", algorithm="EdDSA", key=SEED)
    assert error.code == "conflict"
    assert states(acme) == {1: "current", 2: "next"}


def test_a_rotation_while_a_version_waits(tenant):
    tenant.key("k", "EdDSA")
    tenant.profile()
    assert tenant.call("key.rotate", name="k")["version"] == 2
    assert tenant.error("key.rotate", name="k").code == "conflict"
    assert states(tenant) == {1: "current", 2: "next"}
    answer = tenant.call("key.rotate", name="k", now=True)
    assert answer["version"] == 2 and abs(answer["signs_at"] - time.time()) <= 1
    assert signing_kid(tenant) == "k.2"
    assert states(tenant) == {1: "retiring", 2: "current"}


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA"])
def test_a_raw_version_from_forty_rotations_ago(tenant, algorithm):
    """Old versions work until revoked; those that the cache had no place for did not."""
    tenant.key("k", algorithm, usage="raw", publish_ahead=0)
    first = tenant.call("key.sign", name="k", message=b"m")["signature"]
    for _ in range(ROTATIONS):
        tenant.call("key.rotate", name="k")
    fields = {"name": "k", "message": b"m"}
    due = {"valid": True, "version": 1}
    assert tenant.call("key.verify", signature=first, version=1, **fields) == due
    assert tenant.call("key.sign", version=1, **fields) == {"signature": first, "version": 1}
    assert tenant.call("key.sign", **fields)["version"] == ROTATIONS + 1
    assert tenant.call("key.revoke", name="k", version=1) == {"revoked": [1]}
    answer = tenant.call("key.verify", signature=first, version=1, **fields)
    assert (answer["valid"], answer["reason"]) == (False, "key_revoked")


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_token_from_forty_rotations_ago(tenant, algorithm):
    tenant.key("k", algorithm, publish_ahead=0)
    tenant.profile()
    token = tenant.sign()["token"]
    for _ in range(ROTATIONS):
        tenant.call("key.rotate", name="k")
    assert tenant.verify(token)["valid"] is True
    got = states(tenant)
    assert sorted(got) == list(range(1, ROTATIONS + 2))
    assert got.pop(ROTATIONS + 1) == "current" and set(got.values()) == {"retiring"}
    tenant.call("key.revoke", name="k", version=1)
    assert tenant.reason(token) == "key_revoked"


def test_longer_tokens_after_a_rotation(tenant):
    """The version that signs until the next one does signs by the new profile: it must verify its
    tokens to their end."""
    tenant.key("k", "EdDSA", overlap=0)
    tenant.profile(ttl=60, max_ttl=60)
    signs_at = tenant.call("key.rotate", name="k")["signs_at"]
    assert abs(signs_at - time.time() - DAY) <= 2
    assert shown(tenant)[1]["retires_at"] == signs_at + 60
    tenant.profile(ttl=30 * DAY, max_ttl=30 * DAY, leeway=10)
    assert shown(tenant)[1]["retires_at"] == signs_at + 30 * DAY + 10
    assert tenant.sign()["expires_at"] <= shown(tenant)[1]["retires_at"]
    tenant.profile(ttl=60, max_ttl=60)
    assert shown(tenant)[1]["retires_at"] == signs_at + 30 * DAY + 10, "tokens are out already"


def test_a_rotation_after_the_current_version_was_revoked(tenant):
    """Nothing signs meanwhile: waiting for publish_ahead would leave the key without a signer for
    a day."""
    tenant.key("k", "EdDSA")
    tenant.profile()
    assert tenant.call("key.revoke", name="k", version=1) == {"revoked": [1]}
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"
    answer = tenant.call("key.rotate", name="k")
    assert answer["version"] == 2 and abs(answer["signs_at"] - time.time()) <= 1
    assert signing_kid(tenant) == "k.2"
    assert states(tenant) == {1: "revoked", 2: "current"}
