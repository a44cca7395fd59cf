"""profile.put, get, list and delete."""

import time

import pytest

FULL = {
    "typ": "launch+jwt",
    "issuer": "https://vault.example",
    "audience": ["a", "b"],
    "ttl": 60,
    "max_ttl": 600,
    "leeway": 10,
    "scopes": ["read", "write"],
    "subject": "optional",
    "tenant_claim": False,
    "claims": ["course", "role"],
    "required": ["course"],
    "fixed": {"env": "prod", "n": 3, "deep": {"a": [1, None, True, 2.5]}},
    "values": {"role": ["learner", "teacher"]},
    "legacy_until": 2000000000,
}
DEFAULTS = {
    "typ": "JWT",
    "ttl": 300,
    "max_ttl": 3600,
    "leeway": 0,
    "subject": "required",
    "tenant_claim": True,
}
RESERVED = [
    "iss",
    "iat",
    "nbf",
    "exp",
    "jti",
    "tid",
    "prf",
    "sub",
    "aud",
    "scope",
    "domain",
    "uses",
]


@pytest.fixture(autouse=True)
def key(tenant):
    tenant.key("k")
    return tenant


def test_get_returns_what_was_put(tenant):
    assert tenant.call("profile.put", name="p", key="k", **FULL) == {}
    got = tenant.call("profile.get", name="p")
    assert {field: got[field] for field in FULL} == FULL
    assert (got["name"], got["key"]) == ("p", "k")


def test_the_defaults(tenant):
    tenant.profile()
    got = tenant.call("profile.get", name="p")
    assert {field: got[field] for field in DEFAULTS} == DEFAULTS
    for field in ("issuer", "legacy_until"):
        assert field not in got
    for field in ("audience", "scopes", "claims", "required", "fixed", "values", "domains"):
        assert not got.get(field)


def test_put_replaces_whole(tenant):
    tenant.profile(**FULL)
    tenant.profile(issuer="other")
    got = tenant.call("profile.get", name="p")
    assert got["issuer"] == "other" and got["ttl"] == 300
    for field in ("audience", "scopes", "claims", "required", "fixed", "values", "legacy_until"):
        assert not got.get(field)


def test_a_replaced_profile_counts_from_the_next_request_on_everywhere(shared, tenant):
    conns = [shared.app() for _ in range(8)]
    try:
        for n in range(10):
            tenant.profile(issuer=f"iss-{n}")
            token = tenant.sign()["token"]
            for conn in conns:
                answer = conn.call("token.verify", tenant=tenant.name, profile="p", token=token)
                assert answer["claims"]["iss"] == f"iss-{n}"
    finally:
        for conn in conns:
            conn.close()


def test_delete(tenant):
    tenant.profile()
    token = tenant.sign()["token"]
    assert tenant.call("profile.delete", name="p") == {}
    assert tenant.error("profile.get", name="p").code == "not_found"
    assert tenant.error("profile.delete", name="p").code == "not_found"
    assert tenant.error("token.sign", profile="p", subject="s").code == "not_found"
    assert tenant.error("token.verify", profile="p", token=token).code == "not_found"
    assert tenant.call("profile.list") == {"items": []}
    tenant.profile()
    assert tenant.call("profile.get", name="p")["name"] == "p"


def test_the_key_must_be_there(tenant):
    assert tenant.error("profile.put", name="p", key="none").code == "not_found"
    assert tenant.error("profile.get", name="p").code == "not_found"


def test_the_key_of_another_tenant_is_not(new_tenant):
    other = new_tenant()
    assert other.error("profile.put", name="p", key="k").code == "not_found"


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_list_shows_each_once(tenant, limit):
    names = [f"p{i:02}" for i in range(30)]
    tenant.conn.call_many(
        [("profile.put", tenant.fields(name=n, key="k", issuer=n)) for n in names]
    )
    items = tenant.pages("profile.list", limit)
    assert sorted(p["name"] for p in items) == names
    assert items[4] == tenant.call("profile.get", name=items[4]["name"])


@pytest.mark.parametrize("subject", ["", "maybe", "Required", 1, True])
def test_subject_is_required_or_optional(tenant, subject):
    error = tenant.error("profile.put", name="p", key="k", subject=subject)
    assert (error.code, error.field) == ("invalid_params", "subject")


def test_ttl_lies_within_max_ttl(tenant):
    tenant.profile(ttl=600, max_ttl=600)
    error = tenant.error("profile.put", name="p", key="k", ttl=601, max_ttl=600)
    assert error.code == "invalid_params" and error.field in ("ttl", "max_ttl")
    assert tenant.call("profile.get", name="p")["ttl"] == 600


@pytest.mark.parametrize("claim", RESERVED)
@pytest.mark.parametrize("field", ["claims", "fixed"])
def test_reserved_claims_stand_nowhere(tenant, field, claim):
    error = tenant.error(
        "profile.put", name="p", key="k", **{field: [claim] if field == "claims" else {claim: "x"}}
    )
    assert (error.code, error.field) == ("invalid_params", field)


@pytest.mark.parametrize("scope", ["", "a b", 'a"b', "a\\b", "ä", "a\tb", "a" * 257])
def test_what_is_no_scope(tenant, scope):
    error = tenant.error("profile.put", name="p", key="k", scopes=[scope])
    assert (error.code, error.field) == ("invalid_params", "scopes")


@pytest.mark.parametrize("field", ["audience", "scopes", "claims", "required"])
@pytest.mark.parametrize("value", [[1], [b"x"], [None], [["x"]], ["x", 1]])
def test_lists_are_of_text(tenant, field, value):
    error = tenant.error("profile.put", name="p", key="k", **{field: value})
    assert (error.code, error.field) == ("invalid_params", field)


@pytest.mark.parametrize(
    "value",
    [b"bytes", float("nan"), float("inf"), (1 << 53) + 1, -(1 << 53) - 1, [b"x"], {"a": {1: 2}}],
)
def test_fixed_values_are_of_json(tenant, value):
    error = tenant.error("profile.put", name="p", key="k", fixed={"c": value})
    assert (error.code, error.field) == ("invalid_params", "fixed")


@pytest.mark.parametrize(
    "values", [{"role": "learner"}, {"role": {"a": 1}}, {"role": None}, {"role": 1}]
)
def test_values_are_lists(tenant, values):
    error = tenant.error("profile.put", name="p", key="k", claims=["role"], values=values)
    assert (error.code, error.field) == ("invalid_params", "values")


def test_a_refused_put_changes_nothing(tenant):
    tenant.profile(issuer="good")
    before = tenant.call("profile.get", name="p")
    for bad in ({"ttl": 0}, {"fixed": {"iss": 1}}, {"domains": ["x_y.org"]}, {"nope": 1}):
        tenant.error("profile.put", name="p", key="k", issuer="bad", **bad)
    assert tenant.call("profile.get", name="p") == before


def test_times_are_told(tenant):
    tenant.profile()
    first = tenant.call("profile.get", name="p")
    time.sleep(1.1)
    tenant.profile(issuer="x")
    second = tenant.call("profile.get", name="p")
    if "created_at" in first:
        assert (
            abs(first["created_at"] - time.time()) < 5
            and second["created_at"] == first["created_at"]
        )
        assert second["updated_at"] > first["updated_at"]


def test_profiles_survive_kill(vault):
    acme = vault.new_tenant("acme")
    acme.key("k")
    acme.profile(**FULL)
    before = acme.call("profile.get", name="p")
    vault.kill()
    vault.start_again()
    acme.close()
    acme.conn = vault.app()
    assert acme.call("profile.get", name="p") == before
    acme.close()
