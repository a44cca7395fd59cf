"""token.verify: every reason of the contract, by a token that is good but for one thing."""

import time

import pytest

from lib import jose, peer
from lib.peer import KEY, reason

NOW = int(time.time())


@pytest.fixture(autouse=True)
def profile(tenant):
    return peer.meet(tenant)


def test_a_good_token(tenant):
    answer = tenant.sign(scope=["read"])
    verified = tenant.verify(answer["token"])
    assert verified["valid"] is True and "reason" not in verified
    assert verified["jti"] == answer["jti"] and verified["expires_at"] == answer["expires_at"]
    assert verified["claims"] == jose.decode(answer["token"])[1]
    assert "uses_left" not in verified


def test_a_peers_good_token_lacks_prf_and_jti(tenant):
    claims = jose.claims(tenant)
    answer = tenant.verify(jose.token(KEY, claims))
    assert (
        answer["valid"] is True
        and answer["claims"] == claims
        and answer["expires_at"] == claims["exp"]
    )
    assert "jti" not in answer


def test_a_refused_token_tells_nothing_but_why(tenant):
    answer = tenant.verify(jose.token(KEY, jose.claims(tenant, iss="other")))
    assert set(answer) == {"valid", "reason"}


def test_a_jti_of_the_peers_own_form(tenant):
    answer = tenant.verify(jose.token(KEY, jose.claims(tenant, jti="their-own-id")))
    assert answer["valid"] is True and answer["jti"] == "their-own-id"


def test_no_kid_tries_the_live_versions(tenant):
    tenant.import_hs(b"\x43" * 48, "k")
    assert reason(tenant) == "valid"
    assert reason(tenant, header={"kid": "k.1"}) == "valid"
    assert reason(tenant, header={"kid": "k.2"}) == "signature"


@pytest.mark.parametrize(
    "kid", ["k.3", "k", "K.1", "k.01", "k.1 ", "", "other.1", "k.4294967297", "k.-1"]
)
def test_an_unknown_kid(tenant, kid):
    assert reason(tenant, header={"kid": kid}) == "signature"


def test_a_revoked_kid(tenant):
    tenant.call("key.rotate", name="k")
    tenant.call("key.revoke", name="k", version=1)
    assert reason(tenant, header={"kid": "k.1"}) == "key_revoked"
    assert reason(tenant) in ("signature", "key_revoked")


def test_another_algorithm(tenant):
    claims = jose.claims(tenant)
    assert tenant.reason(jose.token(KEY, claims, algorithm="HS512")) == "algorithm"
    assert tenant.reason(jose.token(KEY, claims, algorithm="HS512", kid="k.1")) == "algorithm"


@pytest.mark.parametrize(
    "algorithm",
    [
        "none",
        "None",
        "NONE",
        "hs256",
        "HS384",
        "RS256",
        "ES256",
        "EdDSA",
        "PS256",
        "",
        "HS256 ",
        "A128KW",
    ],
)
def test_the_algorithm_is_the_keys(tenant, algorithm):
    text = jose.signing_input({"alg": algorithm, "typ": "JWT", "kid": "k.1"}, jose.claims(tenant))
    for signature in ("", jose.b64(jose.signature("HS256", KEY, text.encode()))):
        assert tenant.reason(f"{text}.{signature}") in ("algorithm", "malformed")
    assert (
        tenant.reason(f"{text}.{jose.b64(jose.signature('HS256', KEY, text.encode()))}")
        == "algorithm"
    )


def test_another_keys_signature(tenant):
    assert tenant.reason(jose.token(b"\x43" * 48, jose.claims(tenant))) == "signature"


@pytest.mark.parametrize("typ", ["at+jwt", "JWT2", "", "launch+jwt"])
def test_another_typ(tenant, typ):
    assert reason(tenant, header={"typ": typ}) == "typ"


def test_the_typ_of_the_profile(tenant):
    tenant.profile("q", typ="launch+jwt", issuer="iss", audience=["aud"])
    assert reason(tenant, profile="q", header={"typ": "launch+jwt"}) == "valid"
    assert reason(tenant, profile="q") == "typ"


def test_another_profiles_token(tenant):
    tenant.profile("q", issuer="iss", audience=["aud", "aud2"], scopes=["read", "write"])
    assert tenant.reason(tenant.sign("p")["token"], "q") == "typ"
    assert tenant.reason(tenant.sign("q")["token"], "p") == "typ"
    assert reason(tenant, prf="q") == "typ"
    assert reason(tenant, prf="p") == "valid"


@pytest.mark.parametrize("prf", [1, None, ["p"], True])
def test_a_prf_that_is_no_text(tenant, prf):
    assert reason(tenant, prf=prf) in ("typ", "malformed")


@pytest.mark.parametrize("iss", ["other", "ISS", "iss ", ""])
def test_another_issuer(tenant, iss):
    assert reason(tenant, iss=iss) == "issuer"


def test_no_issuer(tenant):
    assert reason(tenant, ["iss"]) == "issuer"
    tenant.profile("q", audience=["aud"])
    assert reason(tenant, ["iss"], profile="q") == "valid"


@pytest.mark.parametrize("iss", [1, None, ["iss"], {}])
def test_an_issuer_that_is_no_text(tenant, iss):
    assert reason(tenant, iss=iss) in ("issuer", "malformed")


@pytest.mark.parametrize("aud", ["other", ["other"], ["other", "another"], "AUD", "", []])
def test_another_audience(tenant, aud):
    assert reason(tenant, aud=aud) == "audience"


def test_no_audience(tenant):
    assert reason(tenant, ["aud"]) == "audience"


@pytest.mark.parametrize("aud", ["aud", "aud2", ["aud"], ["aud2", "aud"], ["other", "aud2"]])
def test_any_of_the_profiles_audience(tenant, aud):
    assert reason(tenant, aud=aud) == "valid"


def test_the_audience_asked_for(tenant):
    assert reason(tenant, aud="aud", ask={"audience": ["aud"]}) == "valid"
    assert reason(tenant, aud="aud2", ask={"audience": ["aud"]}) == "audience"
    assert reason(tenant, aud=["aud", "aud2"], ask={"audience": ["aud2"]}) == "valid"


@pytest.mark.parametrize(
    "ask,field", [({"audience": ["other"]}, "audience"), ({"scope": ["other"]}, "scope")]
)
def test_asking_for_what_is_outside_the_profile(tenant, ask, field):
    error = tenant.error(
        "token.verify", profile="p", token=jose.token(KEY, jose.claims(tenant)), **ask
    )
    assert (error.code, error.field) == ("invalid_params", field)


def test_expired(tenant):
    assert reason(tenant, iat=NOW - 700, exp=NOW - 100) == "expired"
    assert reason(tenant, iat=NOW - 3000, exp=NOW - 1) == "expired"


def test_expired_in_time(tenant):
    token = tenant.sign(ttl=1)["token"]
    assert tenant.verify(token)["valid"] is True
    time.sleep(2.05)
    assert tenant.reason(token) == "expired"


def test_not_yet(tenant):
    now = int(time.time())
    assert reason(tenant, nbf=now + 100) == "not_yet"
    assert reason(tenant, nbf=now - 1) == "valid"


def test_leeway(tenant):
    tenant.profile("q", issuer="iss", audience=["aud"], leeway=60)
    now = int(time.time())
    assert reason(tenant, profile="q", iat=now - 300, exp=now - 30) == "valid"
    assert reason(tenant, profile="q", iat=now - 300, exp=now - 90) == "expired"
    assert reason(tenant, profile="q", nbf=now + 30) == "valid"
    assert reason(tenant, profile="q", nbf=now + 120) == "not_yet"


def test_scope(tenant):
    ask = {"scope": ["read"]}
    assert reason(tenant, ask=ask) == "scope"
    assert reason(tenant, scope="write", ask=ask) == "scope"
    assert reason(tenant, scope="reader", ask=ask) == "scope"
    assert reason(tenant, scope="read write", ask=ask) == "valid"
    assert reason(tenant, scope="read", ask={"scope": ["read", "write"]}) == "scope"
    assert reason(tenant, scope="write read", ask={"scope": ["read", "write"]}) == "valid"


@pytest.mark.parametrize("scope", [1, ["read"], None, {"read": 1}])
def test_a_scope_that_is_no_text(tenant, scope):
    assert reason(tenant, scope=scope, ask={"scope": ["read"]}) in ("scope", "malformed")


@pytest.mark.parametrize("tid", ["other", "", "TENANT"])
def test_another_tenants_token(tenant, tid):
    assert reason(tenant, tid=tid) == "tenant"


def test_no_tenant(tenant):
    assert reason(tenant, ["tid"]) == "tenant"
    tenant.profile("q", issuer="iss", audience=["aud"], tenant_claim=False)
    assert reason(tenant, ["tid"], profile="q") == "valid"


@pytest.mark.parametrize("tid", [1, None, True, ["x"]])
def test_a_tenant_that_is_no_text(tenant, tid):
    assert reason(tenant, tid=tid) in ("tenant", "malformed")


def test_the_same_key_in_two_tenants(new_tenant):
    one, two = new_tenant(), new_tenant()
    for t in (one, two):
        t.import_hs(KEY, "k")
        t.profile(issuer="iss", audience=["aud"])
    token = one.sign()["token"]
    assert one.verify(token)["valid"] is True
    assert two.reason(token) == "tenant"


def test_two_keys_in_a_tenant(tenant):
    tenant.import_hs(b"\x44" * 32, "other")
    tenant.profile("q", key="other", issuer="iss", audience=["aud"])
    token = tenant.sign("p")["token"]
    assert tenant.reason(token, "q") == "signature"


def test_consume_false_is_the_default(tenant):
    token = tenant.sign()["token"]
    assert tenant.verify(token, consume=False, source="192.0.2.1")["valid"] is True
