"""tenant.create, tenant.get and tenant.list."""

import time

import pytest


def test_create_and_get(admin):
    assert admin.call("tenant.create", tenant="plain") == {}
    got = admin.call("tenant.get", tenant="plain")
    assert got["tenant"] == "plain" and got["state"] == "active"
    assert abs(got["created_at"] - time.time()) < 5
    assert not got.get("labels") and not got.get("display_name")


def test_everything_given_is_told(admin):
    labels = {"tier": "gold", "n": 7, "nested": {"a": [1, None, True, 2.5]}, "ü": "ž"}
    admin.call("tenant.create", tenant="full", display_name="Ünïcode & Co", labels=labels)
    got = admin.call("tenant.get", tenant="full")
    assert (got["display_name"], got["labels"]) == ("Ünïcode & Co", labels)


def test_get_works_on_both_sockets(app, admin, tenant):
    assert app.call("tenant.get", tenant=tenant.name) == admin.call(
        "tenant.get", tenant=tenant.name
    )


def test_a_tenant_exists_once(admin, tenant):
    assert admin.error("tenant.create", tenant=tenant.name).code == "exists"


def test_no_such_tenant(app, admin):
    assert admin.error("tenant.get", tenant="nobody").code == "not_found"
    for method, fields in (
        ("key.get", {"name": "k"}),
        ("key.list", {}),
        ("key.create", {"name": "k", "algorithm": "HS256"}),
        ("profile.get", {"name": "p"}),
        ("profile.put", {"name": "p", "key": "k"}),
        ("token.sign", {"profile": "p", "subject": "s"}),
        ("token.verify", {"profile": "p", "token": "x.y.z"}),
        ("key.public", {}),
    ):
        assert app.error(method, tenant="nobody", **fields).code == "not_found", method


@pytest.fixture
def crowd(vault):
    with vault.admin() as admin:
        assert (
            admin.call_many([("tenant.create", {"tenant": f"c{i:03}"}) for i in range(230)])
            == [{}] * 230
        )
        yield admin


@pytest.mark.parametrize("limit", [7, 100, 1000])
def test_a_list_shows_each_once(crowd, limit):
    items = crowd.pages("tenant.list", limit)
    assert sorted(t["tenant"] for t in items) == [f"c{i:03}" for i in range(230)]
    assert items[0] == crowd.call("tenant.get", tenant=items[0]["tenant"])


def test_a_list_gives_a_hundred_unless_asked(crowd):
    page = crowd.call("tenant.list")
    assert len(page["items"]) <= 100 and page["cursor"]


def test_a_list_while_tenants_are_added(crowd):
    page = crowd.call("tenant.list", limit=50)
    seen = [t["tenant"] for t in page["items"]]
    crowd.call_many([("tenant.create", {"tenant": f"d{i:03}"}) for i in range(50)])
    while page.get("cursor"):
        page = crowd.call("tenant.list", limit=50, cursor=page["cursor"])
        seen += [t["tenant"] for t in page["items"]]
    assert len(seen) == len(set(seen))
    assert {f"c{i:03}" for i in range(230)} <= set(seen), "what was there all along is shown"


def test_status_counts_tenants(crowd):
    assert crowd.call("sys.status")["tenants"] == 230


def test_tenants_are_apart(new_tenant):
    one, two = new_tenant(), new_tenant()
    one.key("k")
    assert two.error("key.get", name="k").code == "not_found"
    assert two.call("key.list")["items"] == []
    two.key("k", algorithm="EdDSA")
    assert one.call("key.get", name="k")["algorithm"] == "HS256"
