"""Tokens made here are accepted by PyJWT, and PyJWT's by the vault."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lib import jose

SECRET = bytes(range(1, 65))
MATERIAL = {"HS256": SECRET, "HS512": SECRET, "EdDSA": SECRET[:32]}
CLAIMS = {"course": "c-1", "n": [1, 2.5, None, True, {"a": "ü"}]}


@pytest.fixture(params=sorted(MATERIAL))
def algorithm(request, tenant):
    tenant.call("key.import", name="k", algorithm=request.param, key=MATERIAL[request.param])
    tenant.profile(
        issuer="https://vault.example",
        audience=["lms", "player"],
        scopes=["launch", "report"],
        claims=sorted(CLAIMS),
        leeway=5,
    )
    return request.param


def verification_key(tenant, algorithm, token):
    if algorithm != "EdDSA":
        return SECRET
    keys = jwt.PyJWKSet.from_dict(json.loads(tenant.call("key.public")["jwks"])).keys
    return {k.key_id: k.key for k in keys}[jwt.get_unverified_header(token)["kid"]]


def signing_key(algorithm):
    return Ed25519PrivateKey.from_private_bytes(SECRET[:32]) if algorithm == "EdDSA" else SECRET


def decode(tenant, algorithm, token, **options):
    asked = {"audience": "player", "issuer": "https://vault.example", **options}
    return jwt.decode(
        token,
        verification_key(tenant, algorithm, token),
        algorithms=[algorithm],
        options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
        **asked,
    )


def test_pyjwt_accepts_our_token(tenant, algorithm):
    token = tenant.sign(scope=["launch", "report"], claims=CLAIMS)["token"]
    claims = decode(tenant, algorithm, token)
    assert (
        claims["sub"] == "learner-42"
        and claims["scope"] == "launch report"
        and claims["aud"] == ["lms", "player"]
    )
    assert {name: claims[name] for name in CLAIMS} == CLAIMS


def test_pyjwt_refuses_our_token_where_it_should(tenant, algorithm):
    token = tenant.sign()["token"]
    for options, error in (
        ({"audience": "other"}, jwt.InvalidAudienceError),
        ({"issuer": "other"}, jwt.InvalidIssuerError),
    ):
        with pytest.raises(error):
            decode(tenant, algorithm, token, **options)
    head, body, signature = token.split(".")
    with pytest.raises(jwt.InvalidTokenError):
        decode(
            tenant, algorithm, f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        )


def test_pyjwt_accepts_tokens_of_every_version(tenant):
    tenant.key("made", "EdDSA")
    tenant.profile("q", key="made")
    tokens = [tenant.sign("q")["token"]]
    for _ in range(3):
        tenant.call("key.rotate", name="made", now=True)
        tokens.append(tenant.sign("q")["token"])
    for token in tokens:
        assert (
            jwt.decode(token, verification_key(tenant, "EdDSA", token), algorithms=["EdDSA"])["prf"]
            == "q"
        )
    assert len({jwt.get_unverified_header(t)["kid"] for t in tokens}) == 4


def test_a_key_made_here_verifies_by_its_jwks(tenant):
    tenant.key("made", "EdDSA")
    tenant.profile("q", key="made", issuer="iss", audience=["aud"])
    token = tenant.sign("q")["token"]
    keys = json.loads(tenant.call("key.public", name="made")["jwks"])["keys"]
    key = jwt.PyJWK.from_dict(keys[0]).key
    assert (
        jwt.decode(token, key, algorithms=["EdDSA"], audience="aud", issuer="iss")["tid"]
        == tenant.name
    )
    pem = tenant.call("key.public", name="made")["pem"]
    assert (
        jwt.decode(token, pem, algorithms=["EdDSA"], audience="aud", issuer="iss")["tid"]
        == tenant.name
    )


@pytest.mark.parametrize("kid", [None, "k.1"])
def test_the_vault_accepts_pyjwts_token(tenant, algorithm, kid):
    claims = jose.claims(
        tenant, iss="https://vault.example", aud=["player"], scope="launch", **CLAIMS
    )
    token = jwt.encode(
        claims, signing_key(algorithm), algorithm=algorithm, headers={"kid": kid} if kid else None
    )
    answer = tenant.verify(token, audience=["player"], scope=["launch"])
    assert answer["valid"] is True and answer["claims"] == claims


def test_the_vault_refuses_pyjwts_token_where_it_should(tenant, algorithm):
    good = jose.claims(tenant, iss="https://vault.example", aud=["player"])
    other = "HS512" if algorithm == "HS256" else "HS256"
    cases = [
        ("issuer", jwt.encode({**good, "iss": "x"}, signing_key(algorithm), algorithm)),
        ("audience", jwt.encode({**good, "aud": "x"}, signing_key(algorithm), algorithm)),
        (
            "expired",
            jwt.encode(
                {**good, "iat": good["iat"] - 500, "exp": good["iat"] - 60},
                signing_key(algorithm),
                algorithm,
            ),
        ),
        (
            "not_yet",
            jwt.encode({**good, "nbf": good["iat"] + 60}, signing_key(algorithm), algorithm),
        ),
        ("typ", jwt.encode(good, signing_key(algorithm), algorithm, headers={"typ": "at+jwt"})),
        ("algorithm", jwt.encode(good, SECRET, other)),
        ("algorithm", jwt.encode(good, None, "none")),
    ]
    for reason, token in cases:
        assert tenant.reason(token) == reason
