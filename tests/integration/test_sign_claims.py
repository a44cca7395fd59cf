"""token.sign: the claims that a caller may add, and their values."""

import math

import pytest

from lib import jose

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


def claims_of(tenant, profile="p", **fields):
    return jose.decode(tenant.sign(profile, **fields)["token"])[1]


VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    255,
    256,
    65536,
    -32769,
    (1 << 53) - 1,
    1 << 53,
    -(1 << 53),
    0.5,
    -2.25,
    0.1,
    1e300,
    5e-324,
    1.7976931348623157e308,
    123456789.125,
    "",
    "text",
    'ä😀"\\\n\x01',
    [],
    [1, [2, [3]]],
    {},
    {"a": {"b": [None, {"c": 1}]}},
    {"ä": 1, "": 2},
    [True, None, "x", 1.5],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_claim_values(tenant, value):
    tenant.profile(claims=["c"])
    token = tenant.sign(claims={"c": value})["token"]
    found = jose.decode(token)[1]["c"]
    assert found == value and type(found) is type(value)
    back = tenant.verify(token)["claims"]["c"]
    assert back == value and isinstance(back, bool) == isinstance(value, bool)


def test_a_claim_with_a_nul(tenant):
    tenant.profile(claims=["c"])
    token = tenant.sign(claims={"c": "a\0b"})["token"]
    assert jose.decode(token)[1]["c"] == "a\0b"
    assert tenant.verify(token)["claims"]["c"] == "a\0b"


def test_a_float_that_is_integral_stays_a_number(tenant):
    tenant.profile(claims=["c"])
    token = tenant.sign(claims={"c": 2.0})["token"]
    assert jose.decode(token)[1]["c"] == 2 and tenant.verify(token)["claims"]["c"] == 2
    assert math.copysign(1, jose.decode(tenant.sign(claims={"c": -0.0})["token"])[1]["c"]) in (
        1,
        -1,
    )


@pytest.mark.parametrize(
    "value",
    [
        b"bin",
        float("nan"),
        float("inf"),
        float("-inf"),
        (1 << 53) + 1,
        -(1 << 53) - 1,
        (1 << 64) - 1,
        [b"x"],
        {"a": b"x"},
        {1: "x"},
        {b"a": 1},
        [[float("nan")]],
    ],
    ids=repr,
)
def test_claim_values_that_json_does_not_have(tenant, value):
    tenant.profile(claims=["c"])
    error = tenant.error("token.sign", profile="p", subject="s", claims={"c": value})
    assert (error.code, error.field) == ("invalid_params", "claims")


def test_only_allowed_claims(tenant):
    tenant.profile("none")
    tenant.profile("some", claims=["a", "b"])
    assert claims_of(tenant, "some", claims={"a": 1})["a"] == 1
    for profile, claims in (
        ("none", {"a": 1}),
        ("some", {"c": 1}),
        ("some", {"a": 1, "c": 1}),
        ("some", {"A": 1}),
        ("some", {"": 1}),
    ):
        error = tenant.error("token.sign", profile=profile, subject="s", claims=claims)
        assert (error.code, error.field) == ("invalid_params", "claims"), (profile, claims)


@pytest.mark.parametrize("claim", RESERVED)
def test_reserved_claims_cannot_be_given(tenant, claim):
    tenant.profile(claims=["a"], audience=["aud"], scopes=["x"])
    error = tenant.error("token.sign", profile="p", subject="s", claims={claim: "x", "a": 1})
    assert (error.code, error.field) == ("invalid_params", "claims")


def test_required_claims(tenant):
    tenant.profile(claims=["a", "b"], required=["a"])
    error = tenant.error("token.sign", profile="p", subject="s", claims={"b": 1})
    assert error.code == "invalid_params" and error.field in ("claims", "a")
    assert tenant.error("token.sign", profile="p", subject="s").code == "invalid_params"
    assert claims_of(tenant, claims={"a": 1})["a"] == 1


def test_fixed_claims(tenant):
    fixed = {"env": "prod", "n": 3, "deep": {"a": [1, None, True, 2.5]}}
    tenant.profile(fixed=fixed, claims=["a"])
    claims = claims_of(tenant, claims={"a": 1})
    assert {name: claims[name] for name in fixed} == fixed and claims["a"] == 1
    error = tenant.error("token.sign", profile="p", subject="s", claims={"env": "dev"})
    assert (error.code, error.field) == ("invalid_params", "claims")


def test_values_of_claims(tenant):
    tenant.profile(claims=["role", "n"], values={"role": ["learner", "teacher"], "n": [1, 2]})
    claims = claims_of(tenant, claims={"role": "teacher", "n": 2})
    assert (claims["role"], claims["n"]) == ("teacher", 2)
    for bad in (
        {"role": "admin"},
        {"role": ["learner"]},
        {"n": 3},
        {"n": "1"},
        {"n": True},
        {"role": None},
    ):
        error = tenant.error("token.sign", profile="p", subject="s", claims=bad)
        assert (error.code, error.field) == ("invalid_params", "claims"), bad


def test_a_claim_given_twice(tenant):
    from lib.encode import Pairs

    tenant.profile(claims=["a"])
    error = tenant.error("token.sign", profile="p", subject="s", claims=Pairs([("a", 1), ("a", 2)]))
    assert (error.code, error.field) == ("invalid_params", "claims")


def test_claims_too_large(tenant):
    tenant.profile(claims=["a"])
    assert claims_of(tenant, claims={"a": "x" * 4000})["a"] == "x" * 4000
    error = tenant.error("token.sign", profile="p", subject="s", claims={"a": "x" * 70000})
    assert (error.code, error.field) == ("invalid_params", "claims")
