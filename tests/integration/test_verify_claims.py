"""token.verify: what a token has to say, and in which form."""

import json
import time

import pytest

from lib import jose, peer
from lib.peer import KEY, reason

NOW = int(time.time())


@pytest.fixture(autouse=True)
def profile(tenant):
    return peer.meet(tenant)


@pytest.mark.parametrize("without", ["exp", "iat"])
def test_a_date_missing(tenant, without):
    assert reason(tenant, [without]) == "malformed"


BAD_DATES = ["1", "", None, True, [], {}, [NOW + 100], str(NOW + 100)]


@pytest.mark.parametrize("date", BAD_DATES, ids=repr)
@pytest.mark.parametrize("claim", ["exp", "iat"])
def test_a_date_of_another_type(tenant, claim, date):
    assert reason(tenant, **{claim: date}) == "malformed"


@pytest.mark.parametrize("date", BAD_DATES, ids=repr)
def test_an_nbf_of_another_type(tenant, date):
    assert reason(tenant, nbf=date) in ("malformed", "not_yet")


def test_a_life_longer_than_the_profile_allows(tenant):
    now = int(time.time())
    assert reason(tenant, iat=now, exp=now + 3600) == "valid"
    assert reason(tenant, iat=now, exp=now + 3601) == "malformed"
    assert reason(tenant, iat=now - 10000, exp=now + 100) == "malformed"


def test_crit(tenant):
    for crit in (["exp"], ["b64"], [], "exp", None):
        assert reason(tenant, header={"crit": crit, "b64": False}) == "malformed", crit


def test_required_claims(tenant):
    tenant.profile("q", issuer="iss", audience=["aud"], claims=["role"], required=["role"])
    assert reason(tenant, profile="q") == "malformed"
    assert reason(tenant, profile="q", role="x") == "valid"


def test_fixed_claims(tenant):
    tenant.profile(
        "q", issuer="iss", audience=["aud"], fixed={"env": "prod", "n": 1, "deep": {"a": [1, 2]}}
    )
    good = {"env": "prod", "n": 1, "deep": {"a": [1, 2]}}
    assert reason(tenant, profile="q", **good) == "valid"
    for bad in (
        {"env": "dev"},
        {"env": None},
        {"n": "1"},
        {"n": 2},
        {"n": True},
        {"deep": {"a": [2, 1]}},
        {"deep": {}},
    ):
        assert reason(tenant, profile="q", **{**good, **bad}) == "malformed", bad
    assert reason(tenant, profile="q") == "malformed"


def test_values_of_claims(tenant):
    tenant.profile(
        "q",
        issuer="iss",
        audience=["aud"],
        claims=["role"],
        values={"role": ["learner", "teacher"]},
    )
    assert reason(tenant, profile="q", role="teacher") == "valid"
    for role in ("admin", "Learner", 1, None, ["learner"]):
        assert reason(tenant, profile="q", role=role) == "malformed", role


def test_legacy_until(tenant):
    tenant.profile("q", issuer="iss", audience=["aud"], legacy_until=NOW + 100000)
    assert reason(tenant, ["tid", "iat"], profile="q") == "valid"
    assert reason(tenant, ["tid"], profile="q") == "valid"
    assert reason(tenant, ["iat"], profile="q") == "valid"
    assert reason(tenant, ["exp"], profile="q") == "malformed"
    assert reason(tenant, ["iat"], profile="q", tid="other") == "tenant"
    assert reason(tenant, ["tid"], profile="q", iat="x") == "malformed"
    assert reason(tenant, ["iat"], profile="q", exp=NOW - 100) == "expired"


def test_legacy_that_is_over(tenant):
    tenant.profile("q", issuer="iss", audience=["aud"], legacy_until=NOW - 10)
    assert reason(tenant, ["tid"], profile="q") == "tenant"
    assert reason(tenant, ["iat"], profile="q") == "malformed"


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{",
        "{}x",
        "{'a':1}",
        '{"exp":1,}',
        "\ufeff{}",
        '{"a":NaN}',
        b"\xff\xfe",
        b'{"a":"\xff"}',
        "{" + '"a":' * 5000,
        "[" * 100000,
    ],
)
def test_a_payload_that_is_no_claims_set(tenant, payload):
    assert tenant.reason(jose.token(KEY, payload)) == "malformed"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "null",
        "[]",
        "{",
        b"\xff",
        '{"alg":"HS256","alg":"HS256","typ":"JWT"}',
        '{"alg":1,"typ":"JWT"}',
        '{"typ":"JWT"}',
        '{"alg":"HS256","typ":1}',
        '{"alg":"HS256","typ":"JWT","kid":1}',
        '{"alg":["HS256"],"typ":"JWT"}',
    ],
)
def test_a_header_that_is_none(tenant, header):
    text = jose.token(KEY, jose.claims(tenant), header=header)
    assert tenant.reason(text) in ("malformed", "algorithm", "typ")


def test_claims_come_back_as_they_were(tenant):
    odd = {
        "n": 9007199254740992,
        "f": 0.5,
        "big": 1e300,
        "t": "ä\u2028😀\u0001",
        "l": [1, None, True],
        "m": {"": {"x": []}},
    }
    claims = jose.claims(tenant, **odd)
    payload = json.dumps(claims, indent=2, ensure_ascii=True)
    assert tenant.verify(jose.token(KEY, payload))["claims"] == claims
