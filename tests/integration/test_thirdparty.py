"""Tokens in both directions with the jose command of Debian and the jose library of npm, for each
algorithm that both know; PyJWT has a file of its own."""

import json
import time

import pytest

from lib import jose, thirdparty

SECRET = bytes(range(1, 65))
HMAC = ["HS256", "HS512"]
ALGORITHMS = [*HMAC, "EdDSA"]
ISSUER = "https://vault.example"
CLAIMS = {"course": "c-1", "n": [1, 2.5, None, True, {"a": "ü"}], "big": 1 << 53}


@pytest.fixture(scope="module")
def npm():
    node = thirdparty.Node("jose.mjs")
    yield node
    node.close()


def prepare(tenant, algorithm):
    key = SECRET[:32] if algorithm == "EdDSA" else SECRET
    tenant.call("key.import", name="k", algorithm=algorithm, key=key)
    tenant.profile(
        issuer=ISSUER,
        audience=["lms", "player"],
        scopes=["launch"],
        claims=sorted(CLAIMS),
        domains=["*.example.org"],
        max_uses=2,
        leeway=5,
    )


def private_jwk(algorithm):
    if algorithm == "EdDSA":
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": jose.b64(jose.public_of(SECRET[:32])),
            "d": jose.b64(SECRET[:32]),
        }
    return {"kty": "oct", "k": jose.b64(SECRET), "alg": algorithm}


def peers_claims(tenant, **changes):
    return {
        **jose.claims(tenant, iss=ISSUER, aud="player", jti="peer-1", uses=2),
        "domain": "a.example.org",
        "scope": "launch",
        **CLAIMS,
        **changes,
    }


def our_token(tenant):
    return tenant.sign(domain="A.example.org", scope=["launch"], claims=CLAIMS)["token"]


def assert_ours(payload):
    assert (payload["sub"], payload["aud"]) == ("learner-42", ["lms", "player"])
    assert (payload["domain"], payload["uses"]) == ("a.example.org", 2)
    assert {name: payload[name] for name in CLAIMS} == CLAIMS


def assert_taken(tenant, token):
    answer = tenant.verify(token, domain="a.example.org", scope=["launch"], consume=True)
    assert answer["valid"] is True and answer["uses_left"] == 1
    assert {name: answer["claims"][name] for name in CLAIMS} == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_npm_accepts_our_token(tenant, npm, algorithm):
    prepare(tenant, algorithm)
    options = {"algorithms": [algorithm], "issuer": ISSUER, "audience": "player", "typ": "JWT"}
    if algorithm in HMAC:
        key = {"key": private_jwk(algorithm)}
    else:
        key = {"jwks": json.loads(tenant.call("key.public")["jwks"])}
    token = our_token(tenant)
    answer = npm.ask("verify", token=token, options=options, **key)
    assert answer["header"] == {"alg": algorithm, "kid": "k.1", "typ": "JWT"}
    assert_ours(answer["payload"])
    head, body, signature = token.split(".")
    broken = f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    answer = npm.ask("verify", token=broken, options=options, **key)
    assert answer == {"error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kid", [{}, {"kid": "k.1"}])
def test_we_accept_npms_token(tenant, npm, algorithm, kid):
    prepare(tenant, algorithm)
    header = {"alg": algorithm, "typ": "JWT", **kid}
    sign = dict(key=private_jwk(algorithm), header=header)
    assert_taken(tenant, npm.ask("sign", payload=peers_claims(tenant), **sign)["token"])
    late = npm.ask("sign", payload=peers_claims(tenant, exp=int(time.time()) - 60), **sign)
    assert tenant.reason(late["token"], domain="a.example.org") == "expired"


def write_jwk(tmp_path, algorithm):
    path = tmp_path / "jwk"
    path.write_text(json.dumps(private_jwk(algorithm)))
    return str(path)


@pytest.mark.parametrize("algorithm", HMAC)
def test_the_jose_command_accepts_our_token(tenant, tmp_path, algorithm):
    """It knows no EdDSA."""
    prepare(tenant, algorithm)
    key = write_jwk(tmp_path, algorithm)
    token = our_token(tenant)
    verify = ("jws", "ver", "-i", "-", "-k", key, "-O", "-")
    code, payload = thirdparty.jose_command(*verify, stdin=token)
    assert code == 0
    assert_ours(json.loads(payload))
    code, _ = thirdparty.jose_command(*verify, stdin=token[:-6] + "AAAAAA")
    assert code != 0


@pytest.mark.parametrize("algorithm", HMAC)
def test_we_accept_the_jose_commands_token(tenant, tmp_path, algorithm):
    prepare(tenant, algorithm)
    header = json.dumps({"protected": {"alg": algorithm, "typ": "JWT"}})
    code, token = thirdparty.jose_command(
        *("jws", "sig", "-I", "-", "-k", write_jwk(tmp_path, algorithm), "-s", header, "-c"),
        stdin=json.dumps(peers_claims(tenant)),
    )
    assert code == 0
    assert_taken(tenant, token.strip())
