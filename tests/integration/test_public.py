"""key.public, and keys of which only the public half is here."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lib import jose

SEED = bytes(range(32))
PUBLIC = jose.public_of(SEED)


def jwks(tenant, **fields):
    return json.loads(tenant.call("key.public", **fields)["jwks"])["keys"]


def test_the_set_is_a_jwks(tenant):
    tenant.call("key.import", name="k", algorithm="EdDSA", key=SEED)
    (key,) = jwks(tenant)
    assert (key["kty"], key["crv"], key["kid"], key["x"]) == (
        "OKP",
        "Ed25519",
        "k.1",
        jose.b64(PUBLIC),
    )
    assert key.get("alg", "EdDSA") == "EdDSA" and key.get("use", "sig") == "sig"
    assert "d" not in key and jwt.PyJWKSet.from_dict({"keys": [key]}).keys[0].key_id == "k.1"


def test_the_pem_is_of_the_current_version(tenant):
    tenant.call("key.import", name="k", algorithm="EdDSA", key=SEED)
    tenant.call("key.rotate", name="k")
    public = serialization.load_pem_public_key(tenant.call("key.public", name="k")["pem"].encode())
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert raw == PUBLIC
    assert "pem" not in tenant.call("key.public")


def test_secret_keys_are_not_in_it(tenant):
    tenant.key("hs", "HS256")
    tenant.key("hs5", "HS512", usage="raw")
    assert jwks(tenant) == []
    tenant.key("ed", "EdDSA")
    assert [k["kid"] for k in jwks(tenant)] == ["ed.1"]


def test_next_current_and_retiring_are_in_it(tenant):
    tenant.key("k", "EdDSA")
    tenant.call("key.rotate", name="k", now=True)
    tenant.call("key.rotate", name="k")
    assert sorted(k["kid"] for k in jwks(tenant, name="k")) == ["k.1", "k.2", "k.3"]
    tenant.call("key.revoke", name="k", version=1)
    assert sorted(k["kid"] for k in jwks(tenant, name="k")) == ["k.2", "k.3"]


def test_retired_is_not_in_it(tenant):
    tenant.key("k", "EdDSA", overlap=1)
    tenant.call("key.rotate", name="k", now=True)
    time.sleep(2.2)
    assert [k["kid"] for k in jwks(tenant)] == ["k.2"]


def test_one_key_or_all(tenant):
    for name in ("a", "b"):
        tenant.key(name, "EdDSA")
    assert sorted(k["kid"] for k in jwks(tenant)) == ["a.1", "b.1"]
    assert [k["kid"] for k in jwks(tenant, name="b")] == ["b.1"]


def test_max_age(tenant):
    tenant.key("k", "EdDSA")
    answer = tenant.call("key.public")
    assert 0 <= answer["max_age"] <= 86400, "a cache must see a version before it signs"


def test_an_imported_kid_is_kept(tenant):
    tenant.call("key.import", name="k", algorithm="EdDSA", key=SEED, kid="their kid/1")
    assert [k["kid"] for k in jwks(tenant)] == ["their kid/1"]
    tenant.profile()
    assert jose.decode(tenant.sign()["token"])[0]["kid"] == "their kid/1"


def pem_of(key):
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


FORMS = {
    "jwk": jose.jwk(PUBLIC),
    "jwk-with-members": jose.jwk(
        PUBLIC, use="sig", alg="EdDSA", key_ops=["verify"], x5t="x", other={"a": [1]}
    ),
    "jwks": json.dumps({"keys": [json.loads(jose.jwk(PUBLIC, kid="one"))]}),
    "pem": pem_of(Ed25519PrivateKey.from_private_bytes(SEED).public_key()),
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_import_a_public_key(tenant, form):
    assert (
        tenant.call("key.import", name="k", algorithm="EdDSA", usage="raw", public=FORMS[form])[
            "version"
        ]
        == 1
    )
    signature = jose.signature("EdDSA", SEED, b"m")
    assert tenant.call("key.verify", name="k", message=b"m", signature=signature) == {
        "valid": True,
        "version": 1,
    }
    assert tenant.call("key.verify", name="k", message=b"n", signature=signature)["valid"] is False
    assert tenant.error("key.sign", name="k", message=b"m").code == "conflict"


def test_a_peers_token_verifies_by_its_public_key(tenant):
    tenant.call("key.import", name="k", algorithm="EdDSA", public=jose.jwk(PUBLIC, kid="peer-1"))
    tenant.profile(issuer="iss", audience=["aud"])
    for header in ({"kid": "peer-1"}, {}):
        assert (
            tenant.verify(jose.token(SEED, jose.claims(tenant), algorithm="EdDSA", **header))[
                "valid"
            ]
            is True
        )
    assert (
        tenant.reason(jose.token(SEED, jose.claims(tenant), algorithm="EdDSA", kid="peer-2"))
        == "signature"
    )
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"


def other_jwk(**changes):
    base = {"kty": "OKP", "crv": "Ed25519", "x": jose.b64(PUBLIC)}
    base.update(changes)
    return json.dumps({k: v for k, v in base.items() if v is not None})


BAD = {
    "empty": "",
    "text": "hello",
    "not-json": "{",
    "empty-object": "{}",
    "empty-set": '{"keys": []}',
    "array": "[]",
    "private": other_jwk(d=jose.b64(SEED)),
    "no-x": other_jwk(x=None),
    "short-x": other_jwk(x=jose.b64(PUBLIC[:31])),
    "long-x": other_jwk(x=jose.b64(PUBLIC + b"x")),
    "padded-x": other_jwk(x=jose.b64(PUBLIC) + "="),
    "x-not-text": other_jwk(x=1),
    "x25519": other_jwk(crv="X25519"),
    "oct": json.dumps({"kty": "oct", "k": jose.b64(SEED)}),
    "use-enc": other_jwk(use="enc"),
    "alg-other": other_jwk(alg="ES256"),
    "small-order-0": other_jwk(x=jose.b64(bytes(32))),
    "small-order-1": other_jwk(x=jose.b64(b"\x01" + bytes(31))),
    "small-order-p-1": other_jwk(x=jose.b64(b"\xec" + b"\xff" * 30 + b"\x7f")),
    "twice-x": '{"kty":"OKP","crv":"Ed25519","x":"%s","x":"%s"}'
    % (jose.b64(PUBLIC), jose.b64(PUBLIC)),
    "pem-ec": pem_of(ec.generate_private_key(ec.SECP256R1()).public_key()),
    "pem-x25519": pem_of(x25519.X25519PrivateKey.generate().public_key()),
    "pem-cut": FORMS["pem"][:60],
    "pem-private": Ed25519PrivateKey.from_private_bytes(SEED)
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode(),
    "same-kid-twice": json.dumps(
        {"keys": [json.loads(jose.jwk(jose.public_of(bytes([i]) * 32), kid="one")) for i in (1, 2)]}
    ),
    "deep": "[" * 5000,
}


@pytest.mark.parametrize("form", sorted(BAD))
def test_what_is_no_public_key(tenant, form):
    error = tenant.error("key.import", name="k", algorithm="EdDSA", usage="raw", public=BAD[form])
    assert (error.code, error.field) == ("invalid_params", "public")
    assert tenant.error("key.get", name="k").code == "not_found"


def test_public_is_bounded(tenant):
    error = tenant.error(
        "key.import", name="k", algorithm="EdDSA", public=" " * 500000 + FORMS["jwk"]
    )
    assert error.code == "invalid_params"
