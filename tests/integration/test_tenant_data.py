"""tenant.data: everything that is kept of a tenant, in plain form, and no value of it."""

import collections
import json

from lib import jose
from lib.rich import Rich


def items_of(conn, tenant):
    """Every page; none may be larger than a page may be."""
    items, cursor, pages = [], None, 0
    while True:
        fields = {"cursor": cursor} if cursor else {}
        answer = conn.call("tenant.data", tenant=tenant, **fields)
        assert set(answer) <= {"items", "cursor"} and len(answer["items"]) <= 500
        items += answer["items"]
        cursor, pages = answer.get("cursor"), pages + 1
        if cursor is None:
            return items
        assert pages < 1000


def named(items, type_, name):
    found = [i for i in items if i["type"] == type_ and i.get("name") == name]
    assert len(found) == 1, (type_, name, found)
    return found[0]


def test_everything_is_there(admin, tenant):
    rich = Rich(tenant).fill()
    admin.call("grant.put", principal="uid:777", role="signer", tenants=[tenant.name, "x*"])
    admin.call("grant.put", principal="uid:778", role="signer", tenants=["elsewhere"])
    tenant.call("profile.put", name="short", key="ed")
    tenant.call("profile.delete", name="short")
    items = items_of(admin, tenant.name)
    count = collections.Counter(i["type"] for i in items)
    assert count["tenant"] == 1 and items[0]["tenant"] == admin.call(
        "tenant.get", tenant=tenant.name
    )
    assert (count["key"], count["profile"], count["secret"]) == (5, 2, rich.secrets)
    assert count["apikey"] == rich.keys + 2
    assert (count["revocation"], count["uses"], count["use"]) == (2, 1, 1)
    assert count["deleted"] == 1 and count["grant"] == 1
    assert named(items, "key", "ed")["key"] == tenant.call("key.get", name="ed")
    assert json.loads(named(items, "key", "ed")["jwks"]) == json.loads(
        tenant.call("key.public", name="ed")["jwks"]
    )
    assert "jwks" not in named(items, "key", "hs")
    assert named(items, "profile", "p")["profile"] == tenant.call("profile.get", name="p")
    assert named(items, "secret", "s/000001")["secret"] == tenant.call(
        "secret.describe", name="s/000001"
    )
    key = rich.made["apikeys"][3]
    assert named(items, "apikey", key["name"])["apikey"]["id"] == key["id"]
    revoked = [i["token"] for i in items if i["type"] == "revocation"]
    assert {t.get("jti") or t.get("subject") for t in revoked} == {
        rich.made["revoked"]["jti"],
        "gone",
    }
    uses = next(i["token"] for i in items if i["type"] == "uses")
    assert (uses["jti"], uses["used"], uses["max"]) == (rich.made["token"]["jti"], 1, 3)
    assert next(i["token"]["use"] for i in items if i["type"] == "use") == "one"
    grant = next(i["grant"] for i in items if i["type"] == "grant")
    assert grant["principal"] == "uid:777"


def everything_in(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from everything_in(v)
    elif isinstance(value, list):
        for v in value:
            yield from everything_in(v)
    else:
        yield value


def test_no_value_is_in_it(admin, tenant):
    rich = Rich(tenant).fill()
    secret = [rich.value(n) for n in range(rich.secrets)] + [b"second"]
    for value in everything_in(items_of(admin, tenant.name)):
        assert not isinstance(value, bytes)
        if isinstance(value, str):
            assert all(v not in value.encode() for v in secret)
            assert all(k["key"] not in value for k in rich.made["apikeys"])
            assert rich.made["imported"] not in value
    assert jose.counter(rich.made["ed"]["jti"]) >= 0


def test_many(admin, tenant):
    Rich(tenant, secrets=1500, keys=600).fill()
    items = items_of(admin, tenant.name)
    names = [i["name"] for i in items if i["type"] == "secret"]
    assert len(names) == len(set(names)) == 1500
    ids = [i["apikey"]["id"] for i in items if i["type"] == "apikey"]
    assert len(ids) == len(set(ids)) == 602


def test_another_tenant_is_not_in_it(admin, tenant, shared):
    other = shared.new_tenant(tenant.name + "-other")
    Rich(other).fill()
    items = items_of(admin, tenant.name)
    assert [i["type"] for i in items] == ["tenant"]
    other.close()


def test_refused(admin, tenant):
    for cursor in ("A", "z", "a!", "~", "a" + "x" * 200):
        error = admin.error("tenant.data", tenant=tenant.name, cursor=cursor)
        assert (error.code, error.field) == ("invalid_params", "cursor")
    assert admin.error("tenant.data", tenant="nobody").code == "not_found"
