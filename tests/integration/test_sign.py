"""token.sign: what a token says, and what a caller cannot make it say."""

import time

import pytest

from lib import jose


@pytest.fixture(autouse=True)
def key(tenant):
    tenant.key("k")
    return tenant


def claims_of(tenant, profile="p", **fields):
    return jose.decode(tenant.sign(profile, **fields)["token"])[1]


def test_what_a_token_says(tenant):
    tenant.profile(issuer="iss", audience=["aud"], typ="launch+jwt")
    before = int(time.time())
    answer = tenant.sign(subject="learner-42")
    header, claims, _ = jose.decode(answer["token"])
    assert header == {"alg": "HS256", "kid": "k.1", "typ": "launch+jwt"}
    assert set(claims) == {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "tid", "prf"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("iss", "aud", "learner-42")
    assert (claims["tid"], claims["prf"], claims["jti"]) == (tenant.name, "p", answer["jti"])
    assert before <= claims["iat"] <= time.time() and claims["nbf"] <= claims["iat"]
    assert claims["exp"] == answer["expires_at"] == claims["iat"] + 300
    assert set(answer) == {"token", "jti", "expires_at"}


def test_the_least_a_token_says(tenant):
    tenant.profile(subject="optional", tenant_claim=False)
    token = tenant.call("token.sign", profile="p")["token"]
    assert set(jose.decode(token)[1]) == {"iat", "nbf", "exp", "jti", "prf"}


def test_the_parts_are_canonical_base64url(tenant):
    tenant.profile(subject="optional", claims=["c"])
    for n in range(40):
        token = tenant.call("token.sign", profile="p", claims={"c": "x" * n})["token"]
        for part in token.split("."):
            assert jose.b64(jose.unb64(part)) == part


@pytest.mark.parametrize("ttl", [1, 59, 600])
def test_ttl_is_asked_for(tenant, ttl):
    tenant.profile(ttl=60, max_ttl=600)
    claims = claims_of(tenant, ttl=ttl)
    assert claims["exp"] - claims["iat"] == ttl


def test_ttl_of_the_profile(tenant):
    tenant.profile(ttl=77, max_ttl=600)
    claims = claims_of(tenant)
    assert claims["exp"] - claims["iat"] == 77


@pytest.mark.parametrize("ttl", [0, -1, 601, 1 << 40])
def test_ttl_out_of_bounds(tenant, ttl):
    tenant.profile(ttl=60, max_ttl=600)
    error = tenant.error("token.sign", profile="p", subject="s", ttl=ttl)
    assert (error.code, error.field) == ("invalid_params", "ttl")


def test_subject_required(tenant):
    tenant.profile()
    error = tenant.error("token.sign", profile="p")
    assert (error.code, error.field) == ("invalid_params", "subject")


def test_subject_optional(tenant):
    tenant.profile(subject="optional")
    assert claims_of(tenant, subject="s")["sub"] == "s"
    assert "sub" not in claims_of(tenant, subject=None)


SUBJECTS = [
    "s",
    "ä ö ü – 漢字 😀",
    '"quotes" and \\backslashes\\ and /',
    "tab\tnewline\nreturn\r",
    "\x01\x1f\x7f",
    "</script>",
    "\u2028\u2029",
    "'; DROP TABLE t; --",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_of_any_text(tenant, subject):
    tenant.profile()
    answer = tenant.sign(subject=subject)
    assert jose.decode(answer["token"])[1]["sub"] == subject
    assert tenant.verify(answer["token"])["claims"]["sub"] == subject


def test_audience_absent_is_all_of_the_profiles(tenant):
    tenant.profile("one", audience=["a"])
    tenant.profile("two", audience=["a", "b"])
    tenant.profile("none")
    assert claims_of(tenant, "one")["aud"] == "a"
    assert claims_of(tenant, "two")["aud"] == ["a", "b"]
    assert "aud" not in claims_of(tenant, "none")


def test_audience_asked_for(tenant):
    tenant.profile(audience=["a", "b", "c"])
    assert claims_of(tenant, audience=["b"])["aud"] == "b", "a string if one"
    assert claims_of(tenant, audience=["c", "a"])["aud"] == ["c", "a"], "else an array"


@pytest.mark.parametrize("audience", [["x"], ["a", "x"], ["A"], [""], [1], "a"])
def test_audience_outside_the_profile(tenant, audience):
    tenant.profile(audience=["a", "b"])
    error = tenant.error("token.sign", profile="p", subject="s", audience=audience)
    assert (error.code, error.field) == ("invalid_params", "audience")


def test_no_audience_is_allowed_where_the_profile_has_none(tenant):
    tenant.profile()
    assert tenant.error("token.sign", profile="p", subject="s", audience=["a"]).field == "audience"


def test_scope_is_one_string(tenant):
    tenant.profile(scopes=["read", "write", "a:b.c"])
    assert claims_of(tenant, scope=["read"])["scope"] == "read"
    assert claims_of(tenant, scope=["write", "a:b.c"])["scope"] == "write a:b.c"
    assert "scope" not in claims_of(tenant)


@pytest.mark.parametrize("scope", [["x"], ["read", "x"], ["READ"], ["read write"], [""], [1]])
def test_scope_outside_the_profile(tenant, scope):
    tenant.profile(scopes=["read", "write"])
    error = tenant.error("token.sign", profile="p", subject="s", scope=scope)
    assert (error.code, error.field) == ("invalid_params", "scope")


def test_no_scope_is_allowed_where_the_profile_has_none(tenant):
    tenant.profile()
    assert tenant.error("token.sign", profile="p", subject="s", scope=["read"]).field == "scope"


def test_token_ids(tenant, new_tenant):
    tenant.profile()
    ids = [tenant.sign()["jti"] for _ in range(50)]
    counters = [jose.counter(jti) for jti in ids]
    assert counters == sorted(set(counters)), "strictly increasing"
    assert len({jose.unb64(jti)[8:] for jti in ids}) == 50, "and random behind that"
    other = new_tenant()
    other.key("k")
    other.profile()
    assert jose.unb64(other.sign()["jti"])[8:] != jose.unb64(ids[0])[8:]


def test_token_ids_of_many_connections_at_once(shared, tenant):
    tenant.profile()
    conns = [shared.app() for _ in range(8)]
    ids = [
        (conn, conn.start("token.sign", tenant.fields(profile="p", subject="s")))
        for _ in range(100)
        for conn in conns
    ]
    counters = [jose.counter(conn.wait(msgid)["jti"]) for conn, msgid in ids]
    assert len(set(counters)) == 800
    for conn in conns:
        conn.close()


def test_token_ids_increase_across_restart_and_kill(vault):
    acme = vault.new_tenant("acme")
    acme.key("k")
    acme.profile()
    last = -1
    for again in (
        lambda: None,
        lambda: (vault.seal(), vault.unseal()),
        vault.restart,
        lambda: (vault.kill(), vault.start_again()),
        lambda: (vault.kill(), vault.start_again()),
    ):
        again()
        acme.close()
        acme.conn = vault.app()
        for _ in range(20):
            counter = jose.counter(acme.sign()["jti"])
            assert counter > last
            last = counter
    acme.close()
