"""API keys in secret.due: behind secrets and keys, tenant by tenant, the one due longest first."""

import time

DAY = 86400


def due(conn, **fields):
    """All items, page by page."""
    items, pages = [], 0
    while True:
        page = conn.call("secret.due", **fields)
        items += page["items"]
        pages += 1
        assert len(page["items"]) <= fields.get("limit", 100)
        if "cursor" not in page:
            return items, pages
        fields["cursor"] = page["cursor"]


def imported(conn, tenant, name, days, number):
    return conn.call(
        "apikey.import",
        tenant=tenant,
        name=name,
        scopes=["read"],
        sha256=number.to_bytes(32, "big"),
        created_at=int(time.time()) - days * DAY,
    )["id"]


def test_after_ninety_days(app, new_tenant):
    tenant = new_tenant()
    created = app.call("apikey.create", tenant=tenant.name, name="young", scopes=["read"])
    assert due(app, tenant=tenant.name)[0] == []
    (item,) = due(app, tenant=tenant.name, within=90 * DAY + 5)[0]
    assert (item["kind"], item["name"], item["id"]) == ("apikey", "young", created["id"])
    assert item["due_at"] == item["created_at"] + 90 * DAY and item["tenant"] == tenant.name
    app.call("apikey.revoke", tenant=tenant.name, id=created["id"])
    assert due(app, tenant=tenant.name, within=90 * DAY + 5)[0] == []


def test_pages_go_on_from_reminders_to_keys(app, new_tenant):
    tenant = new_tenant()
    for n in range(3):
        app.call("secret.put", tenant=tenant.name, name=f"s{n}", value=b"v")
        app.call("secret.policy", tenant=tenant.name, name=f"s{n}", rotation_period=DAY)
        imported(app, tenant.name, f"k{n}", 100 - n, 1000 + n)
    whole, pages = due(app, tenant=tenant.name, within=2 * DAY)
    assert [i["kind"] for i in whole] == ["secret"] * 3 + ["apikey"] * 3 and pages == 1
    assert [i["name"] for i in whole[3:]] == ["k0", "k1", "k2"]
    for limit in (1, 2, 3, 4, 5, 6):
        assert due(app, tenant=tenant.name, within=2 * DAY, limit=limit)[0] == whole


def test_of_all_tenants(app, new_tenant):
    tenants = [new_tenant() for _ in range(4)]
    ids = {
        imported(app, t.name, f"k{n}", 200, 5000 + 10 * i + n)
        for i, t in enumerate(tenants)
        for n in range(2)
    }
    for limit in (1, 3, 1000):
        found = [i for i in due(app, limit=limit)[0] if i.get("id") in ids]
        assert {i["id"] for i in found} == ids and len(found) == len(ids)
        names = [i["tenant"] for i in found]
        assert sorted(names) == sorted(t.name for t in tenants for _ in range(2))


def test_who_sees_one_tenant_sees_no_other(stage):
    mine, other = stage.tenant(), stage.tenant()
    for n, name in enumerate((mine, other)):
        imported(stage.root, name, "k", 100, 9000 + n)
    user = stage.user()
    stage.grant(user, "tenant-admin", [mine])
    with user.app() as conn:
        assert {i["tenant"] for i in due(conn)[0] if i["kind"] == "apikey"} == {mine}
        assert {i["tenant"] for i in due(conn, tenant=mine)[0]} == {mine}
        assert conn.error("secret.due", tenant=other).code == "denied"


def test_among_many_tenants_in_one_page(new_vault):
    """A page of a thousand took memory for as many of each tenant, and was busy for ever."""
    vault = new_vault().start()
    vault.init()
    with vault.admin() as admin:
        admin.call_many([("tenant.create", {"tenant": f"t{n}"}) for n in range(250)])
    with vault.app() as app:
        ids = {imported(app, f"t{n}", "k", 100, 1 + n) for n in range(0, 250, 7)}
        ids |= {imported(app, "t3", f"k{n}", 100, 1000 + n) for n in range(150)}
        for limit in (7, 1000):
            assert {i["id"] for i in due(app, limit=limit)[0]} == ids
