"""Published vectors through the running daemon, by key.import."""

import json
import pathlib

import pytest

from lib import jose

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"

# RFC 7515 appendix A.1
A1_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
A1_KEY = jose.unb64(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
)

# RFC 8037 appendix A.4
A4_SEED = jose.unb64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
A4_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
A4_TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def split(token):
    message, _, signature = token.rpartition(".")
    return message.encode(), jose.unb64(signature)


def test_wycheproof_hmac_sha256(tenant):
    count = 0
    for group in load("wycheproof/hmac_sha256_test.json")["testGroups"]:
        if group["tagSize"] != 256 or group["keySize"] < 256:
            continue
        for case in group["tests"]:
            name = f"k{case['tcId']}"
            tenant.import_hs(bytes.fromhex(case["key"]), name, usage="raw")
            message, tag = bytes.fromhex(case["msg"]), bytes.fromhex(case["tag"])
            valid = tenant.call("key.verify", name=name, message=message, signature=tag)["valid"]
            assert valid == (case["result"] == "valid"), case
            if valid:
                assert tenant.call("key.sign", name=name, message=message)["signature"] == tag
            count += 1
    assert count >= 50


def test_wycheproof_ed25519(tenant):
    count = 0
    for number, group in enumerate(load("wycheproof/ed25519_test.json")["testGroups"]):
        public = jose.jwk(bytes.fromhex(group["publicKey"]["pk"]))
        tenant.call("key.import", name=f"k{number}", algorithm="EdDSA", usage="raw", public=public)
        for case in group["tests"]:
            answer = tenant.call(
                "key.verify",
                name=f"k{number}",
                message=bytes.fromhex(case["msg"]),
                signature=bytes.fromhex(case["sig"]),
            )
            assert answer["valid"] == (case["result"] == "valid"), case
            count += 1
    assert count >= 140


def test_wycheproof_ed25519_by_jwk_and_pem(tenant):
    for number, group in enumerate(load("wycheproof/ed25519_test.json")["testGroups"]):
        forms = [group["publicKeyPem"]]
        # All have the kid "none", and a kid is unique in a tenant.
        forms.append(json.dumps({**group["publicKeyJwk"], "kid": f"kid-{number}"}))
        for form, public in enumerate(forms):
            name = f"k{number}-{form}"
            tenant.call("key.import", name=name, algorithm="EdDSA", usage="raw", public=public)
            case = group["tests"][0]
            answer = tenant.call(
                "key.verify",
                name=name,
                message=bytes.fromhex(case["msg"]),
                signature=bytes.fromhex(case["sig"]),
            )
            assert answer["valid"] == (case["result"] == "valid"), case


def test_rfc4231_hmac_sha256(tenant):
    count = 0
    for case in load("rfc/rfc4231_hmac_sha256.json")["tests"]:
        key = bytes.fromhex(case["key"])
        if len(key) < 32 or "mac" not in case:
            continue
        tenant.import_hs(key, f"k{case['tc']}", usage="raw")
        answer = tenant.call("key.sign", name=f"k{case['tc']}", message=bytes.fromhex(case["data"]))
        assert answer["signature"].hex() == case["mac"]
        count += 1
    assert count == 2, "cases 6 and 7 have keys of 131 bytes"


# RFC 4231 cases 6 and 7, the HMAC-SHA-512 column.
RFC4231_512 = [
    (
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    (
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
        b"before being used by the HMAC algorithm.",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
]


@pytest.mark.parametrize("message,mac", RFC4231_512, ids=["case-6", "case-7"])
def test_rfc4231_hmac_sha512(tenant, message, mac):
    tenant.import_hs(b"\xaa" * 131, "k", "HS512", usage="raw")
    assert tenant.call("key.sign", name="k", message=message)["signature"].hex() == mac


def test_rfc7515_a1_signature(tenant):
    tenant.import_hs(A1_KEY, "k", usage="raw")
    message, tag = split(A1_TOKEN)
    assert tenant.call("key.sign", name="k", message=message)["signature"] == tag
    assert tenant.call("key.verify", name="k", message=message, signature=tag)["valid"] is True


def test_rfc7515_a1_token(tenant):
    """Its line breaks and its lack of a kid are fine; it expired in 2011."""
    tenant.import_hs(A1_KEY, "k")
    profile = {
        "issuer": "joe",
        "tenant_claim": False,
        "subject": "optional",
        "claims": ["http://example.com/is_root"],
    }
    tenant.profile("legacy", legacy_until=4000000000, **profile)
    assert tenant.reason(A1_TOKEN, "legacy") == "expired"
    tenant.profile("strict", **profile)
    assert tenant.reason(A1_TOKEN, "strict") == "malformed", "iat is missing"
    tenant.profile("typed", typ="launch+jwt", legacy_until=4000000000, **profile)
    assert tenant.reason(A1_TOKEN, "typed") == "typ"
    assert tenant.reason(A1_TOKEN[:-1] + "l", "legacy") in ("signature", "malformed")


def test_rfc8037_a4_signature(tenant):
    message, signature = split(A4_TOKEN)
    tenant.call("key.import", name="k", algorithm="EdDSA", usage="raw", key=A4_SEED)
    assert tenant.call("key.sign", name="k", message=message)["signature"] == signature
    assert json.loads(tenant.call("key.public", name="k")["jwks"])["keys"][0]["x"] == A4_PUBLIC


def test_rfc8037_a5_verification(tenant):
    message, signature = split(A4_TOKEN)
    public = json.dumps({"kty": "OKP", "crv": "Ed25519", "x": A4_PUBLIC})
    tenant.call("key.import", name="k", algorithm="EdDSA", usage="raw", public=public)
    assert (
        tenant.call("key.verify", name="k", message=message, signature=signature)["valid"] is True
    )
    assert (
        tenant.call("key.verify", name="k", message=message + b"x", signature=signature)["valid"]
        is False
    )


def test_jose_cookbook_hmac(tenant):
    case = load("jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json")
    tenant.import_hs(jose.unb64(case["input"]["key"]["k"]), "k", usage="raw")
    answer = tenant.call("key.sign", name="k", message=case["signing"]["sig-input"].encode())
    assert jose.b64(answer["signature"]) == case["signing"]["sig"]


def test_jose_cookbook_payload_is_no_claims_set(tenant):
    case = load("jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json")
    tenant.import_hs(jose.unb64(case["input"]["key"]["k"]), "k", kid=case["input"]["key"]["kid"])
    tenant.profile(tenant_claim=False)
    assert tenant.reason(case["output"]["compact"]) in ("malformed", "typ")
