"""Every bound of the contract from both sides: the last value that passes, the first that does
not."""

import pytest

from lib.vault import VaultError

T62 = "a" * 62
GOOD_TENANTS = ["a", "0", "a-b", "a_b", "9-_", "a" + T62]
BAD_TENANTS = [
    "",
    "-a",
    "_a",
    "A",
    "aB",
    "a.b",
    "a/b",
    "a b",
    "á",
    "a\0",
    "a\n",
    "a" + T62 + "a",
    "a*",
    "*",
    "..",
    " a",
]
GOOD_NAMES = [
    "a",
    "Z",
    "0",
    "a.b",
    "a..b",
    "a/b",
    "a/b/c",
    "a-_.b",
    "a/.b",
    "a/b.",
    "a...",
    "a/...",
    "a" * 128,
]
BAD_NAMES = [
    "",
    ".a",
    "-a",
    "_a",
    "/a",
    "a/",
    "a//b",
    "a/./b",
    "a/../b",
    "a/..",
    "a/.",
    "a b",
    "a\0b",
    "a\n",
    "ä",
    "a*",
    "a" * 129,
    "..",
    ".",
    "a:b",
    "a%2e",
]


@pytest.mark.parametrize("name", GOOD_TENANTS)
def test_a_good_tenant_name(app, name):
    assert app.error("key.list", tenant=name + "").code == "not_found"


@pytest.mark.parametrize("name", BAD_TENANTS)
def test_a_bad_tenant_name(app, admin, name):
    for conn, method in ((admin, "tenant.create"), (admin, "tenant.get"), (app, "key.list")):
        error = conn.error(method, tenant=name)
        assert (error.code, error.field) == ("invalid_params", "tenant"), method


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_good_name(tenant, name):
    tenant.key(name)
    assert tenant.call("key.get", name=name)["name"] == name
    tenant.profile(name, key=name)
    assert tenant.call("profile.get", name=name)["key"] == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name(tenant, name):
    tenant.key("k")
    for method, fields in (
        ("key.create", {"algorithm": "HS256"}),
        ("key.get", {}),
        ("profile.put", {"key": "k"}),
    ):
        error = tenant.error(method, name=name, **fields)
        assert (error.code, error.field) == ("invalid_params", "name"), method
    assert tenant.error("profile.put", name="p", key=name).field == "key"
    assert tenant.error("token.sign", profile=name, subject="s").field == "profile"


def test_names_are_compared_byte_by_byte(tenant):
    for name in ("key", "Key", "KEY", "key.", "key-", "key/1"):
        tenant.key(name)
    assert sorted(k["name"] for k in tenant.pages("key.list", 100)) == sorted(
        ["key", "Key", "KEY", "key.", "key-", "key/1"]
    )


KEY_FIELDS = [
    ("rotation_period", 1, 3153600000, int),
    ("overlap", 0, 3153600000, int),
    ("publish_ahead", 0, 3153600000, int),
]
PROFILE_FIELDS = [
    ("typ", 1, 64, str),
    ("issuer", 1, 512, str),
    ("ttl", 1, 63072000, int),
    ("max_ttl", 300, 63072000, int),
    ("leeway", 0, 300, int),
    ("legacy_until", 0, 253402300799, int),
]


def value_of(kind, size):
    return size if kind is int else "x" * size


@pytest.mark.parametrize("field,low,high,kind", KEY_FIELDS, ids=[f[0] for f in KEY_FIELDS])
def test_the_bounds_of_key_create(tenant, field, low, high, kind):
    for number, size in enumerate((low, high)):
        tenant.key(f"k{number}", algorithm="EdDSA", **{field: value_of(kind, size)})
        assert tenant.call("key.get", name=f"k{number}")[field] == size
    for size in (low - 1, high + 1):
        error = tenant.error(
            "key.create", name="no", algorithm="EdDSA", **{field: value_of(kind, size)}
        )
        assert (error.code, error.field) == ("invalid_params", field)
    assert tenant.error("key.get", name="no").code == "not_found"


@pytest.mark.parametrize("field,low,high,kind", PROFILE_FIELDS, ids=[f[0] for f in PROFILE_FIELDS])
def test_the_bounds_of_profile_put(tenant, field, low, high, kind):
    tenant.key()
    base = {"max_ttl": 63072000} if field == "ttl" else {}
    for size in (low, high):
        tenant.profile(**base, **{field: value_of(kind, size)})
        assert tenant.call("profile.get", name="p")[field] == value_of(kind, size)
    for size in (0 if field == "max_ttl" else low - 1, high + 1):
        error = tenant.error(
            "profile.put", name="no", key="k", **base, **{field: value_of(kind, size)}
        )
        assert (error.code, error.field) == ("invalid_params", field)
    assert tenant.error("profile.get", name="no").code == "not_found"


@pytest.mark.parametrize("field", ["claims", "required"])
def test_the_bounds_of_claim_names(tenant, field):
    tenant.key()
    names = ["x", "é" * 128, "a b", "https://example.org/claim", "0", "😀", "n" * 256]
    tenant.profile(claims=names, **({"required": names} if field == "required" else {}))
    assert tenant.call("profile.get", name="p")[field] == names
    for bad in ("", "n" * 257, "é" * 128 + "x"):
        error = tenant.error("profile.put", name="q", key="k", **{field: [bad]})
        assert (error.code, error.field) == ("invalid_params", field)


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_page_of_limit(tenant, limit):
    tenant.key()
    assert len(tenant.call("key.list", limit=limit)["items"]) == 1


@pytest.mark.parametrize("limit", [0, -1, 1001, 1 << 40])
def test_a_limit_out_of_bounds(tenant, admin, limit):
    for conn, method in (
        (tenant.conn, "key.list"),
        (tenant.conn, "profile.list"),
        (tenant.conn, "audit.query"),
        (admin, "tenant.list"),
    ):
        fields = {} if method == "tenant.list" else {"tenant": tenant.name}
        error = conn.error(method, limit=limit, **fields)
        assert (error.code, error.field) == ("invalid_params", "limit"), method


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "0", "é", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz", "A" * 250, 7, b"c"]
)
@pytest.mark.parametrize("method", ["key.list", "profile.list", "audit.query"])
def test_a_cursor_that_is_none(tenant, method, cursor):
    tenant.key()
    try:
        answer = tenant.call(method, cursor=cursor)
    except VaultError as e:
        assert (e.code, e.field) == ("invalid_params", "cursor")
    else:
        assert isinstance(answer["items"], list)


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA", "ES256", "RS256", "XC20P"])
def test_algorithms_of_this_build(tenant, algorithm):
    assert tenant.key("k", algorithm)["algorithm"] == algorithm



@pytest.mark.parametrize(
    "algorithm", ["", "none", "hs256", "HS384", "EDDSA", "Ed25519", "HS256 ", 1, b"HS256"]
)
def test_algorithms_of_no_build(tenant, algorithm):
    error = tenant.error("key.create", name="k", algorithm=algorithm)
    assert (error.code, error.field) == ("invalid_params", "algorithm")


@pytest.mark.parametrize("usage", ["", "sign", "Token", 1])
def test_usages_of_no_build(tenant, usage):
    error = tenant.error("key.create", name="k", algorithm="HS256", usage=usage)
    assert (error.code, error.field) == ("invalid_params", "usage")


@pytest.mark.parametrize("version", [0, -1, 1 << 32])
@pytest.mark.parametrize("method", ["key.sign", "key.verify", "key.revoke"])
def test_versions_out_of_bounds(tenant, method, version):
    tenant.key("k", usage="raw")
    fields = {
        "key.sign": {"message": b"m"},
        "key.verify": {"message": b"m", "signature": b"s"},
    }.get(method, {})
    error = tenant.error(method, name="k", version=version, **fields)
    assert (error.code, error.field) == ("invalid_params", "version")


@pytest.mark.parametrize("size,good", [(1, True), (512, True), (0, False)])
def test_the_bounds_of_a_subject(tenant, size, good):
    tenant.key()
    tenant.profile()
    if good:
        assert (
            tenant.verify(tenant.sign(subject="s" * size)["token"])["claims"]["sub"] == "s" * size
        )
    else:
        assert tenant.error("token.sign", profile="p", subject="s" * size).field == "subject"
