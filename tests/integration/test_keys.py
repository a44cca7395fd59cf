"""Making, importing, showing and listing keys."""

import base64
import json
import time

import pytest

from lib import jose
from lib.encode import str32

SEED = bytes(range(32))


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA"])
def test_create(tenant, algorithm):
    made = tenant.key("k", algorithm)
    assert made == {"name": "k", "algorithm": algorithm, "usage": "token", "version": 1}
    got = tenant.call("key.get", name="k")
    assert (got["name"], got["algorithm"], got["usage"], got["state"], got["current"]) == (
        "k",
        algorithm,
        "token",
        "active",
        1,
    )
    (version,) = got["versions"]
    assert (version["version"], version["state"]) == (1, "current")
    assert abs(version["created_at"] - time.time()) < 5 and "retires_at" not in version
    assert "rotation_period" not in got and "next_rotation" not in got


@pytest.mark.parametrize("algorithm,ahead", [("HS256", 0), ("HS512", 0), ("EdDSA", 86400)])
def test_the_defaults_of_rotation(tenant, algorithm, ahead):
    tenant.key("k", algorithm)
    got = tenant.call("key.get", name="k")
    assert (got["overlap"], got["publish_ahead"]) == (604800, ahead)


@pytest.mark.parametrize("usage", ["token", "webhook", "raw"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA"])
def test_one_usage_a_key(tenant, algorithm, usage):
    tenant.key("k", algorithm, usage=usage)
    assert tenant.call("key.get", name="k")["usage"] == usage


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_usage_encrypt_is_for_other_algorithms(tenant, algorithm):
    assert tenant.error("key.create", name="k", algorithm=algorithm, usage="encrypt").code in (
        "invalid_params",
        "unsupported",
    )


def test_a_name_is_taken_once(tenant):
    tenant.key("k")
    assert tenant.error("key.create", name="k", algorithm="HS256").code == "exists"
    assert tenant.error("key.create", name="k", algorithm="EdDSA").code == "exists"
    assert tenant.call("key.get", name="k")["current"] == 1


def test_no_such_key(tenant):
    for method, fields in (
        ("key.get", {}),
        ("key.rotate", {}),
        ("key.revoke", {}),
        ("key.public", {}),
        ("key.sign", {"message": b"m"}),
        ("key.verify", {"message": b"m", "signature": b"s"}),
    ):
        assert tenant.error(method, name="none", **fields).code == "not_found", method


def test_rotation_is_planned(tenant):
    tenant.key("k", rotation_period=3600)
    got = tenant.call("key.get", name="k")
    assert got["rotation_period"] == 3600
    assert abs(got["next_rotation"] - got["versions"][0]["created_at"] - 3600) <= 1


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_shared_webhook_key_is_shown_once(tenant, algorithm):
    secret = tenant.key("k", algorithm, usage="webhook", shared=True)["secret"]
    assert (
        secret.startswith("whsec_") and 24 <= len(base64.b64decode(secret[6:], validate=True)) <= 64
    )
    got = tenant.call("key.get", name="k")
    assert secret not in json.dumps(got, default=str)
    second = tenant.call("key.rotate", name="k")["secret"]
    assert second.startswith("whsec_") and second != secret


def test_what_is_not_shared_is_not_shown(tenant):
    assert "secret" not in tenant.key("k", usage="webhook")
    assert "secret" not in tenant.call("key.rotate", name="k")


@pytest.mark.parametrize(
    "algorithm,usage",
    [("HS256", "token"), ("HS256", "raw"), ("EdDSA", "webhook"), ("EdDSA", "token")],
)
def test_only_hs_webhook_keys_are_shared(tenant, algorithm, usage):
    error = tenant.error("key.create", name="k", algorithm=algorithm, usage=usage, shared=True)
    assert (error.code, error.field) == ("invalid_params", "shared")


@pytest.mark.parametrize(
    "algorithm,size,good",
    [
        ("HS256", 31, False),
        ("HS256", 32, True),
        ("HS256", 1024, True),
        ("HS256", 1025, False),
        ("HS256", 1, False),
        ("HS512", 31, False),
        ("HS512", 32, True),
        ("HS512", 1024, True),
        ("HS512", 1025, False),
        ("EdDSA", 31, False),
        ("EdDSA", 32, True),
        ("EdDSA", 33, False),
        ("EdDSA", 64, False),
    ],
)
@pytest.mark.parametrize("usage", ["token", "raw", "webhook"])
def test_the_bounds_of_imported_keys(tenant, algorithm, size, good, usage):
    fields = {"name": "k", "algorithm": algorithm, "key": b"\xf0" * size, "usage": usage}
    if good:
        made = tenant.call("key.import", **fields)
        assert made == {"name": "k", "algorithm": algorithm, "usage": usage, "version": 1}
    else:
        error = tenant.error("key.import", **fields)
        assert (error.code, error.field) == ("invalid_params", "key")
        assert tenant.error("key.get", name="k").code == "not_found"


def whsec(size, pad=True):
    text = base64.b64encode(bytes(range(size))).decode()
    return "whsec_" + (text if pad else text.rstrip("="))


@pytest.mark.parametrize(
    "size,good", [(23, False), (24, True), (32, True), (64, True), (65, False)]
)
def test_the_bounds_of_imported_webhook_secrets(tenant, size, good):
    fields = {"name": "k", "algorithm": "HS256", "usage": "webhook", "secret": whsec(size)}
    if good:
        assert tenant.call("key.import", **fields)["version"] == 1
    else:
        assert tenant.error("key.import", **fields).field == "secret"


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        base64.b64encode(b"k" * 32).decode(),
        "whsec_!!!!",
        "WHSEC_" + "a" * 44,
        "whsec_" + "a" * 45,
        whsec(32) + "\n",
        " " + whsec(32),
    ],
)
def test_what_is_no_webhook_secret(tenant, secret):
    error = tenant.error("key.import", name="k", algorithm="HS256", usage="webhook", secret=secret)
    assert (error.code, error.field) == ("invalid_params", "secret")


def test_a_token_key_has_at_least_32_bytes(tenant):
    error = tenant.error("key.import", name="k", algorithm="HS256", usage="token", secret=whsec(24))
    assert error.code == "invalid_params"


def test_exactly_one_kind_of_material(tenant):
    public = jose.jwk(jose.public_of(SEED))
    for fields in (
        {},
        {"key": SEED, "public": public},
        {"key": SEED, "secret": whsec(32)},
        {"secret": whsec(32), "public": public},
    ):
        for algorithm in ("HS256", "EdDSA"):
            assert (
                tenant.error("key.import", name="k", algorithm=algorithm, **fields).code
                == "invalid_params"
            )


def test_material_of_another_algorithm(tenant):
    public = jose.jwk(jose.public_of(SEED))
    assert (
        tenant.error("key.import", name="k", algorithm="HS256", public=public).code
        == "invalid_params"
    )
    assert (
        tenant.error("key.import", name="k", algorithm="EdDSA", secret=whsec(32)).code
        == "invalid_params"
    )


def test_key_bytes_may_come_as_str(tenant):
    tenant.import_hs(str32(b"\xff" * 32), "a", usage="raw")
    tenant.import_hs(b"\xff" * 32, "b", usage="raw")
    signatures = [tenant.call("key.sign", name=n, message=b"m")["signature"] for n in "ab"]
    assert signatures[0] == signatures[1] == jose.signature("HS256", b"\xff" * 32, b"m")


def test_an_existing_name_gains_a_version(tenant):
    tenant.import_hs(b"1" * 32, "k", usage="raw")
    first = tenant.call("key.sign", name="k", message=b"m")
    assert tenant.import_hs(b"2" * 32, "k", usage="raw")["version"] == 2
    second = tenant.call("key.sign", name="k", message=b"m")
    assert (first["version"], second["version"]) == (1, 2)
    assert second["signature"] == jose.signature("HS256", b"2" * 32, b"m")
    assert tenant.call("key.verify", name="k", message=b"m", signature=first["signature"]) == {
        "valid": True,
        "version": 1,
    }


@pytest.mark.parametrize(
    "changes", [{"algorithm": "HS512"}, {"algorithm": "EdDSA"}, {"usage": "token"}]
)
def test_a_new_version_is_of_the_same_kind(tenant, changes):
    tenant.import_hs(b"1" * 32, "k", usage="raw")
    fields = {"name": "k", "algorithm": "HS256", "usage": "raw", "key": b"2" * 32, **changes}
    assert tenant.error("key.import", **fields).code == "conflict"
    assert tenant.call("key.get", name="k")["current"] == 1


def test_a_kid_is_unique_in_a_tenant(new_tenant):
    one, two = new_tenant(), new_tenant()
    one.import_hs(b"1" * 32, "a", kid="the-kid")
    for name in ("a", "b"):
        error = one.error("key.import", name=name, algorithm="HS256", key=b"2" * 32, kid="the-kid")
        assert error.code in ("conflict", "exists")
    assert one.error("key.get", name="b").code == "not_found"
    two.import_hs(b"2" * 32, "a", kid="the-kid")


def test_an_imported_kid_cannot_be_one_that_the_vault_gives(tenant):
    tenant.key("a")
    error = tenant.error("key.import", name="b", algorithm="HS256", key=b"2" * 32, kid="a.1")
    assert error.code in ("conflict", "exists", "invalid_params")


@pytest.mark.parametrize("kid", ["", "x" * 257, b"kid", 1])
def test_a_kid_out_of_bounds(tenant, kid):
    error = tenant.error("key.import", name="k", algorithm="HS256", key=b"k" * 32, kid=kid)
    assert (error.code, error.field) == ("invalid_params", "kid")


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_a_list_shows_each_once(tenant, limit):
    names = [f"k/{i:03}" for i in range(40)]
    tenant.conn.call_many([("key.create", tenant.fields(name=n, algorithm="HS256")) for n in names])
    items = tenant.pages("key.list", limit)
    assert sorted(k["name"] for k in items) == names
    assert items[3] == tenant.call("key.get", name=items[3]["name"])


def test_an_empty_list(tenant):
    assert tenant.call("key.list") == {"items": []}


def test_a_cursor_is_of_its_tenant(new_tenant):
    one, two = new_tenant(), new_tenant()
    for i in range(5):
        one.key(f"one{i}")
        two.key(f"two{i}")
    cursor = one.call("key.list", limit=2)["cursor"]
    try:
        items = two.call("key.list", limit=100, cursor=cursor)["items"]
    except Exception as e:  # noqa: BLE001 - a refusal is as good
        assert e.code == "invalid_params"
    else:
        assert all(k["name"].startswith("two") for k in items)


def test_a_list_while_keys_are_added(tenant):
    tenant.conn.call_many(
        [("key.create", tenant.fields(name=f"a{i:02}", algorithm="HS256")) for i in range(30)]
    )
    page = tenant.call("key.list", limit=10)
    seen = [k["name"] for k in page["items"]]
    tenant.conn.call_many(
        [("key.create", tenant.fields(name=f"b{i:02}", algorithm="HS256")) for i in range(30)]
    )
    while page.get("cursor"):
        page = tenant.call("key.list", limit=10, cursor=page["cursor"])
        seen += [k["name"] for k in page["items"]]
    assert len(seen) == len(set(seen)) and {f"a{i:02}" for i in range(30)} <= set(seen)


def test_key_get_never_shows_material(tenant):
    tenant.import_hs(b"\xabSECRETSECRET" * 4, "k")
    import msgpack

    assert b"SECRETSECRET" not in msgpack.packb(tenant.call("key.get", name="k"))


def test_keys_survive_a_restart(vault):
    acme = vault.new_tenant("acme")
    acme.key("a", "EdDSA", rotation_period=1000, overlap=5, publish_ahead=6)
    acme.import_hs(b"k" * 32, "b", kid="kid-b", usage="raw")
    acme.call("key.rotate", name="a")
    before = [acme.call("key.get", name=n) for n in "ab"]
    public = acme.call("key.public")
    vault.restart()
    acme.close()
    acme.conn = vault.app()
    assert [acme.call("key.get", name=n) for n in "ab"] == before
    assert acme.call("key.public") == public
    acme.close()
