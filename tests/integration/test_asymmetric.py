"""ES256 and RS256: made, imported, published; tokens that others' libraries take and make."""

import json
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric import utils as asymmetric_utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lib import jose

BOTH = ("ES256", "RS256")
ALL = ("EdDSA", *BOTH)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SIGNATURE_BYTES = {"ES256": 64, "RS256": 256}
# One of each is enough: making RSA keys is most of what these tests would do.
PRIVATE = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "EdDSA": Ed25519PrivateKey.generate(),
}


def pkcs8(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def import_private(tenant, algorithm, name="k", **fields):
    key = PRIVATE[algorithm]
    if algorithm == "EdDSA":
        material = key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
    else:
        material = pkcs8(key)
    return tenant.call("key.import", name=name, algorithm=algorithm, key=material, **fields)


def jwk_set(tenant, **fields):
    return json.loads(tenant.call("key.public", **fields)["jwks"])


def profile(tenant, **fields):
    return tenant.profile(**{"issuer": "https://lms.example", "audience": ["tool"], **fields})


def latchset(*args, text=""):
    """The jose command; what it printed, or None where it refused."""
    done = subprocess.run(["jose", *args], input=text.encode(), capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 else None


@pytest.mark.parametrize("algorithm", BOTH)
def test_created_keys_sign_tokens(tenant, algorithm):
    made = tenant.key("k", algorithm)
    assert (made["algorithm"], made["usage"], made["version"]) == (algorithm, "token", 1)
    profile(tenant)
    token = tenant.sign()["token"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": algorithm, "kid": "k.1", "typ": "JWT"}
    assert len(jose.unb64(token.split(".")[2])) == SIGNATURE_BYTES[algorithm]
    assert tenant.verify(token)["valid"] is True
    forged = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBA")
    assert tenant.reason(forged) in ("signature", "malformed")


@pytest.mark.parametrize("algorithm", ALL)
def test_pyjwt_takes_our_tokens_by_our_set(tenant, algorithm):
    tenant.key("other", algorithm if algorithm != "RS256" else "ES256")
    import_private(tenant, algorithm)
    profile(tenant)
    token = tenant.sign()["token"]
    keys = jwt.PyJWKSet.from_json(tenant.call("key.public")["jwks"])
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [k for k in keys.keys if k.key_id == kid]
    assert key.key_type == {"EdDSA": "OKP", "ES256": "EC", "RS256": "RSA"}[algorithm]
    claims = jwt.decode(token, key.key, algorithms=[algorithm], audience="tool")
    assert claims["sub"] == "learner-42" and claims["iss"] == "https://lms.example"


@pytest.mark.parametrize("algorithm", ALL)
def test_we_take_pyjwts_tokens(tenant, algorithm):
    import_private(tenant, algorithm)
    profile(tenant)
    now = int(time.time())
    claims = {
        "iss": "https://lms.example",
        "aud": "tool",
        "sub": "s",
        "tid": tenant.name,
        "iat": now,
        "exp": now + 60,
    }
    token = jwt.encode(claims, PRIVATE[algorithm], algorithm=algorithm, headers={"kid": "k.1"})
    assert tenant.verify(token)["valid"] is True
    bad = jwt.encode(
        {**claims, "aud": "x"}, PRIVATE[algorithm], algorithm=algorithm, headers={"kid": "k.1"}
    )
    assert tenant.reason(bad) == "audience"


@pytest.mark.parametrize("algorithm", BOTH)
def test_the_jose_command_both_ways(tenant, tmp_path, algorithm):
    generated = latchset("jwk", "gen", "-i", json.dumps({"alg": algorithm}))
    public = latchset("jwk", "pub", "-i-", text=generated)
    assert generated is not None and public is not None
    tenant.call("key.import", name="peer", algorithm=algorithm, public=public, kid="peer-1")
    tenant.profile("peers", key="peer", tenant_claim=False, subject="optional")
    now = int(time.time())
    payload = tmp_path / "payload"
    payload.write_text(json.dumps({"iat": now, "exp": now + 60}))
    key = tmp_path / "key.jwk"
    key.write_text(generated)
    template = json.dumps({"protected": {"alg": algorithm, "typ": "JWT", "kid": "peer-1"}})
    token = latchset("jws", "sig", "-c", "-I", str(payload), "-k", str(key), "-s", template)
    assert tenant.verify(token.strip(), "peers") == {
        "valid": True,
        "claims": {"iat": now, "exp": now + 60},
        "expires_at": now + 60,
    }

    tenant.key("k", algorithm)
    profile(tenant)
    ours = tenant.sign()["token"]
    keys = tmp_path / "set.jwks"
    keys.write_text(tenant.call("key.public", name="k")["jwks"])
    shown = latchset("jws", "ver", "-i-", "-k", str(keys), "-O-", text=ours)
    assert json.loads(shown)["sub"] == "learner-42"
    tampered = ours[:-8] + "AAAAAAAA"
    assert latchset("jws", "ver", "-i-", "-k", str(keys), text=tampered) is None


@pytest.mark.parametrize("algorithm", BOTH)
def test_raw_signatures(tenant, algorithm):
    import_private(tenant, algorithm, usage="raw")
    made = tenant.call("key.sign", name="k", message=b"message")["signature"]
    assert len(made) == SIGNATURE_BYTES[algorithm]
    public = PRIVATE[algorithm].public_key()
    if algorithm == "RS256":
        public.verify(made, b"message", padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big")
        public.verify(
            asymmetric_utils.encode_dss_signature(r, s), b"message", ec.ECDSA(hashes.SHA256())
        )
    check = {"name": "k", "message": b"message", "signature": made}
    assert tenant.call("key.verify", **check)["valid"] is True
    assert tenant.call("key.verify", **{**check, "message": b"x"})["valid"] is False
    for bad in (b"", made[:-1], made + b"\0", bytes(len(made)), b"\xff" * len(made)):
        assert tenant.call("key.verify", **{**check, "signature": bad})["valid"] is False


@pytest.mark.parametrize("bits", (2048, 3072, 4096))
def test_sizes(tenant, bits):
    tenant.key("k", "RS256", bits=bits, usage="raw")
    (key,) = jwk_set(tenant)["keys"]
    assert len(jose.unb64(key["n"])) * 8 == bits and jose.unb64(key["e"]) == b"\1\0\1"
    assert tenant.call("key.get", name="k")["bits"] == bits
    made = tenant.call("key.sign", name="k", message=b"m")["signature"]
    assert len(made) * 8 == bits
    assert tenant.call("key.verify", name="k", message=b"m", signature=made)["valid"] is True


def test_bits_are_of_rsa_only(tenant):
    for fields in (
        {"algorithm": "ES256", "bits": 2048},
        {"algorithm": "HS256", "bits": 2048},
        {"algorithm": "RS256", "bits": 2049},
        {"algorithm": "RS256", "bits": 1024},
        {"algorithm": "RS256", "bits": 8192},
    ):
        error = tenant.error("key.create", name="k", **fields)
        assert (error.code, error.field) == ("invalid_params", "bits"), fields
    assert tenant.key("k", "RS256")["version"] == 1
    assert tenant.call("key.get", name="k")["bits"] == 2048


@pytest.mark.parametrize("algorithm", BOTH)
def test_not_for_webhooks_and_not_shared(tenant, algorithm):
    error = tenant.error("key.create", name="k", algorithm=algorithm, usage="webhook")
    assert (error.code, error.field) == ("invalid_params", "usage")
    error = tenant.error("key.create", name="k", algorithm=algorithm, shared=True)
    assert error.code == "invalid_params"
    error = tenant.error("key.create", name="k", algorithm=algorithm, usage="encrypt")
    assert (error.code, error.field) == ("invalid_params", "usage")


def test_what_is_refused_early_makes_no_key(tenant):
    tenant.key("k", "HS256")
    assert tenant.error("key.create", name="k", algorithm="RS256").code == "exists"
    assert tenant.error("key.rotate", name="none").code == "not_found"
    with tenant.vault.app() as app:
        error = app.error_map(
            "key.create", {"tenant": "nobody", "name": "k", "algorithm": "RS256"}
        )
    assert error.code == "not_found"


def test_a_slow_key_does_not_hold_up_others(tenant):
    tenant.key("fast", "HS256")
    profile(tenant, key="fast")
    with tenant.vault.app() as other:
        waiting = other.start(
            "key.create", {"tenant": tenant.name, "name": "slow", "algorithm": "RS256", "bits": 4096}
        )
        begun = time.monotonic()
        for i in range(20):
            tenant.key(f"k{i}", "HS256")
            tenant.sign()
        took = time.monotonic() - begun
        assert other.wait(waiting)["version"] == 1
    assert took < 5


def test_request_ids_make_one_key(tenant):
    fields = {"name": "k", "algorithm": "RS256", "request_id": "once"}
    first = tenant.call("key.create", **fields)
    again = tenant.call("key.create", **fields)
    assert again == {**first, "replayed": True}
    assert len(tenant.call("key.get", name="k")["versions"]) == 1


@pytest.mark.parametrize("algorithm", ALL)
def test_rotation_publishes_ahead_and_keeps_the_old(tenant, algorithm):
    tenant.key("k", algorithm)
    profile(tenant)
    old = tenant.sign()["token"]
    rotated = tenant.call("key.rotate", name="k")
    assert rotated["version"] == 2 and rotated["signs_at"] >= int(time.time()) + 86400 - 5
    answer = tenant.call("key.public", name="k")
    assert [k["kid"] for k in json.loads(answer["jwks"])["keys"]] == ["k.2", "k.1"]
    assert answer["max_age"] <= 86400
    assert jwt.get_unverified_header(tenant.sign()["token"])["kid"] == "k.1"
    tenant.call("key.rotate", name="k", now=True)
    new = tenant.sign()["token"]
    assert jwt.get_unverified_header(new)["kid"] == "k.2"
    assert tenant.verify(old)["valid"] is True and tenant.verify(new)["valid"] is True
    kids = [k["kid"] for k in jwk_set(tenant)["keys"]]
    assert kids == ["k.2", "k.1"]
    tenant.call("key.revoke", name="k", version=1)
    assert tenant.reason(old) == "key_revoked"
    assert [k["kid"] for k in jwk_set(tenant)["keys"]] == ["k.2"]


@pytest.mark.parametrize("algorithm", ALL)
def test_pem_of_the_current_version(tenant, algorithm):
    import_private(tenant, algorithm)
    pem = tenant.call("key.public", name="k")["pem"]
    assert pem == public_pem(PRIVATE[algorithm])
    tenant.call("key.import", name="peer", algorithm=algorithm, public=pem)
    assert tenant.call("key.get", name="peer")["verify_only"] is True


@pytest.mark.parametrize("algorithm", BOTH)
def test_public_keys_of_peers(tenant, algorithm):
    number = json.loads(
        jwt.get_algorithm_by_name(algorithm).to_jwk(PRIVATE[algorithm].public_key())
    )
    number.pop("key_ops", None)
    other = {"kty": "OKP", "crv": "Ed25519", "x": jose.b64(bytes(32)), "kid": "of another kind"}
    for_encryption = {**number, "use": "enc", "kid": "for encryption"}
    peers = {"keys": [other, for_encryption, {**number, "kid": "peer", "use": "sig"}]}
    tenant.call("key.import", name="p", algorithm=algorithm, public=json.dumps(peers))
    assert [v.get("kid") for v in tenant.call("key.get", name="p")["versions"]] == ["peer"]
    tenant.profile("p", key="p", tenant_claim=False, subject="optional")
    now = int(time.time())
    token = jwt.encode(
        {"iat": now, "exp": now + 9},
        PRIVATE[algorithm],
        algorithm=algorithm,
        headers={"kid": "peer"},
    )
    assert tenant.verify(token, "p")["valid"] is True
    assert tenant.error("token.sign", profile="p").code == "conflict"
    # Theirs to publish.
    assert jwk_set(tenant)["keys"] == []


def test_algorithms_are_not_mixed_up(tenant):
    """CVE-2015-9235: a public key must not do as the secret of an HMAC."""
    import_private(tenant, "RS256")
    profile(tenant)
    pem = tenant.call("key.public", name="k")["pem"].encode()
    now = int(time.time())
    claims = {"aud": "tool", "sub": "s", "tid": tenant.name, "iat": now, "exp": now + 60}
    for header in ({"alg": "HS256"}, {"alg": "HS256", "kid": "k.1"}):
        token = jose.token(pem, claims, header)
        assert tenant.reason(token) == "algorithm"
    for algorithm in ("ES256", "EdDSA"):
        token = jwt.encode(claims, PRIVATE[algorithm], algorithm=algorithm)
        assert tenant.reason(token) == "algorithm"
    for algorithm in ("RS384", "RS512", "PS256"):
        token = jwt.encode(claims, PRIVATE["RS256"], algorithm=algorithm)
        assert tenant.reason(token) == "algorithm"


def test_es256_is_not_der(tenant):
    """RFC 7518 section 3.4: 64 bytes, and a DER signature is none."""
    import_private(tenant, "ES256", usage="raw")
    made = PRIVATE["ES256"].sign(b"m", ec.ECDSA(hashes.SHA256()))
    assert tenant.call("key.verify", name="k", message=b"m", signature=made)["valid"] is False
    r, s = asymmetric_utils.decode_dss_signature(made)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert tenant.call("key.verify", name="k", message=b"m", signature=raw)["valid"] is True


def test_psychic_signatures(tenant):
    """CVE-2022-21449: r and s of zero, or of the order, verify nothing."""
    import_private(tenant, "ES256", usage="raw")
    for number in (0, P256_ORDER):
        blank = number.to_bytes(32, "big") * 2
        check = tenant.call("key.verify", name="k", message=b"m", signature=blank)
        assert check["valid"] is False
