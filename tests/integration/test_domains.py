"""Tokens that are bound to a host name."""

import pytest

from lib import jose

KEY = b"\x42" * 48
DOMAINS = ["LMS.example.org", "*.play.example.org", "xn--mnchen-3ya.example"]


@pytest.fixture
def bound(tenant):
    tenant.import_hs(KEY, "k")
    tenant.profile(domains=DOMAINS)
    return tenant


def claims_of(tenant, **fields):
    return jose.decode(tenant.sign(**fields)["token"])[1]


def test_the_profile_tells_them_in_lower_case(bound):
    told = bound.call("profile.get", name="p")["domains"]
    assert told == [d.lower() for d in DOMAINS]


@pytest.mark.parametrize(
    "domain",
    [
        "lms.example.org",
        "LMS.EXAMPLE.ORG",
        "a.play.example.org",
        "a.b.c.Play.example.org",
        "xn--mnchen-3ya.example",
    ],
)
def test_a_domain_that_the_profile_allows(bound, domain):
    made = bound.sign(domain=domain)
    assert jose.decode(made["token"])[1]["domain"] == domain.lower()
    for asked in (domain, domain.lower(), domain.upper()):
        answer = bound.verify(made["token"], domain=asked)
        assert answer["valid"] is True and answer["claims"]["domain"] == domain.lower()


@pytest.mark.parametrize(
    "domain",
    [
        "example.org",
        "play.example.org",
        "evilplay.example.org",
        "a.lms.example.org",
        "lms.example.org.evil.example",
        "lms.example",
        "lms.example.org.",
        "lms.example.org:443",
        "https://lms.example.org",
        "münchen.example",
        "*.play.example.org",
        ".play.example.org",
        "a..play.example.org",
        "a_b.play.example.org",
        "127.0.0.1",
        "a" * 64 + ".play.example.org",
        "",
        "x" * 254,
    ],
)
def test_a_domain_that_it_does_not(bound, domain):
    error = bound.error("token.sign", profile="p", subject="s", domain=domain)
    assert (error.code, error.field) == ("invalid_params", "domain")


def test_a_domain_is_asked_for(bound):
    error = bound.error("token.sign", profile="p", subject="s")
    assert (error.code, error.field) == ("invalid_params", "domain")


def test_no_domain_where_the_profile_has_none(bound):
    bound.profile("free")
    error = bound.error("token.sign", profile="free", subject="s", domain="lms.example.org")
    assert (error.code, error.field) == ("invalid_params", "domain")
    assert "domain" not in claims_of(bound, profile="free")


def test_another_domain_or_none(bound):
    token = bound.sign(domain="a.play.example.org")["token"]
    assert bound.reason(token) == "domain"
    for other in ("b.play.example.org", "lms.example.org", "example.org", "evil.example"):
        assert bound.reason(token, domain=other) == "domain"
    for bad in ("a.play.example.org.", "a.play.example.org:80", "[::1]", "*.play.example.org"):
        error = bound.error("token.verify", profile="p", token=token, domain=bad)
        assert (error.code, error.field) == ("invalid_params", "domain")


def test_a_domain_that_the_profile_no_longer_allows(bound):
    token = bound.sign(domain="a.play.example.org")["token"]
    bound.profile(domains=["lms.example.org"])
    assert bound.reason(token, domain="a.play.example.org") == "domain"
    bound.profile()
    assert bound.verify(token, domain="a.play.example.org")["valid"] is True
    assert bound.reason(token) == "domain"


def test_a_token_that_is_bound_to_none(bound):
    """A peer's, or one made before the profile had domains: good nowhere in particular."""
    bound.profile("free")
    token = jose.token(KEY, jose.claims(bound))
    assert bound.reason(token) == "domain"
    assert bound.reason(token, domain="lms.example.org") == "domain"
    assert bound.verify(token, "free")["valid"] is True
    assert bound.reason(token, "free", domain="lms.example.org") == "domain"


@pytest.mark.parametrize(
    "domain, reason",
    [
        ("LMS.example.ORG", None),
        ("lms.example.org.", "domain"),
        ("*.play.example.org", "domain"),
        ("", "domain"),
        (1, "malformed"),
        (["lms.example.org"], "malformed"),
        (None, "malformed"),
    ],
)
def test_a_peers_domain(bound, domain, reason):
    token = jose.token(KEY, jose.claims(bound, domain=domain))
    answer = bound.verify(token, domain="lms.example.org")
    assert answer.get("reason") == reason and answer["valid"] is (reason is None)


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.",
        "**.example.org",
        "*.*.example.org",
        "a.*.example.org",
        "*a.example.org",
        "example.org.",
        "*.example.org.",
        "münchen.example",
        "example.org:443",
        "10.0.0.1",
        "0x7f.1",
        "::1",
        "a b.org",
        "-a.org",
        "a-.org",
        "a_b.org",
        "",
        "a\0.org",
        "a" * 64 + ".org",
        ".".join(["a" * 63] * 4),
    ],
)
def test_what_is_no_domain(tenant, entry):
    tenant.key()
    error = tenant.error("profile.put", name="p", key="k", domains=["example.org", entry])
    assert (error.code, error.field.split("[")[0].split(".")[0]) == ("invalid_params", "domains")


def test_bounds_of_the_list(tenant):
    tenant.key()
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    tenant.profile(domains=[longest, "*." + longest] + [f"d{i}.example" for i in range(62)])
    assert tenant.verify(tenant.sign(domain=longest)["token"], domain=longest)["valid"] is True
    error = tenant.error("profile.put", name="p", key="k", domains=["a.example"] * 65)
    assert error.code == "invalid_params" and error.field.startswith("domains")
