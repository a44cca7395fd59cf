"""key.sign and key.verify, and what keys of another usage answer to them."""

import pytest

from lib import jose

SIZES = {"HS256": 32, "HS512": 64, "EdDSA": 64}
KEY = bytes(range(100, 132))


@pytest.mark.parametrize("algorithm", sorted(SIZES))
def test_sign_and_verify(tenant, algorithm):
    tenant.call("key.import", name="k", algorithm=algorithm, usage="raw", key=KEY)
    for message in (b"", b"m", bytes(range(256)) * 1000):
        signed = tenant.call("key.sign", name="k", message=message)
        assert signed == {"signature": jose.signature(algorithm, KEY, message), "version": 1}
        answer = tenant.call("key.verify", name="k", message=message, signature=signed["signature"])
        assert answer == {"valid": True, "version": 1}


@pytest.mark.parametrize("algorithm", sorted(SIZES))
def test_every_flipped_bit_of_a_signature(tenant, algorithm):
    tenant.call("key.import", name="k", algorithm=algorithm, usage="raw", key=KEY)
    good = tenant.call("key.sign", name="k", message=b"message")["signature"]
    calls = []
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        calls.append(
            ("key.verify", tenant.fields(name="k", message=b"message", signature=bytes(bad)))
        )
    for answer in tenant.conn.call_many(calls):
        assert answer["valid"] is False and answer["reason"] == "signature"


@pytest.mark.parametrize("algorithm", sorted(SIZES))
def test_signatures_of_another_length(tenant, algorithm):
    tenant.call("key.import", name="k", algorithm=algorithm, usage="raw", key=KEY)
    good = tenant.call("key.sign", name="k", message=b"m")["signature"]
    for bad in [good[:n] for n in range(len(good))] + [good + b"\0", good + good, b"\0" * 100000]:
        answer = tenant.call("key.verify", name="k", message=b"m", signature=bad)
        assert answer["valid"] is False, len(bad)


def test_another_message_does_not_verify(tenant):
    tenant.key("k", usage="raw")
    signature = tenant.call("key.sign", name="k", message=b"m")["signature"]
    for message in (b"", b"M", b"m\0", b"mm"):
        assert (
            tenant.call("key.verify", name="k", message=message, signature=signature)["valid"]
            is False
        )


def test_the_version_of_the_signature_is_asked_for(tenant):
    tenant.import_hs(b"1" * 32, "k", usage="raw")
    first = tenant.call("key.sign", name="k", message=b"m")["signature"]
    tenant.import_hs(b"2" * 32, "k", usage="raw")
    ask = {"name": "k", "message": b"m", "signature": first}
    assert tenant.call("key.verify", **ask)["version"] == 1
    assert tenant.call("key.verify", version=1, **ask)["valid"] is True
    assert tenant.call("key.verify", version=2, **ask)["valid"] is False
    assert tenant.error("key.verify", version=3, **ask).code == "not_found"


@pytest.mark.parametrize("usage", ["token", "webhook"])
@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_keys_of_another_usage(tenant, algorithm, usage):
    tenant.key("k", algorithm, usage=usage)
    assert tenant.error("key.sign", name="k", message=b"m").code == "conflict"
    assert (
        tenant.error("key.verify", name="k", message=b"m", signature=b"s" * 32).code == "conflict"
    )


@pytest.mark.parametrize("usage", ["raw", "webhook"])
def test_a_profile_needs_a_token_key(tenant, usage):
    tenant.key("k", usage=usage)
    assert tenant.error("profile.put", name="p", key="k").code == "conflict"
    assert tenant.error("profile.get", name="p").code == "not_found"


def test_a_raw_key_cannot_forge_a_token(tenant):
    """Domain separation: the signature of a raw key over a token's bytes verifies under no
    profile."""
    tenant.key("t")
    tenant.key("r", usage="raw")
    tenant.profile(key="t")
    head, body, _ = tenant.sign()["token"].split(".")
    signature = tenant.call("key.sign", name="r", message=f"{head}.{body}".encode())["signature"]
    assert tenant.reason(f"{head}.{body}.{jose.b64(signature)}") == "signature"
