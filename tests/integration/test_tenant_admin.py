"""tenant.update, tenant.settings, tenant.suspend and tenant.resume."""

import pytest

from lib.rpc import VaultError

HOT = {"hot": {"rate": 5, "burst": 7}}
SOURCE = {"failures": 3, "window": 60, "block": 30, "enabled": False}
SOURCE_DEFAULT = {"failures": 100, "window": 300, "block": 300, "enabled": True}
PLANS = """
plan small { hot_rate = 7 hot_burst = 3 write_rate = 2 }
plan large { hot_rate = 0 }
"""


def got(admin, tenant):
    return admin.call("tenant.get", tenant=tenant.name)


def test_what_a_new_tenant_has(admin, tenant):
    answer = got(admin, tenant)
    assert answer["source_limit"] == SOURCE_DEFAULT and answer["key_lockout"] == "pair"
    for name in ("plan", "limits", "retention", "allowed_origins", "display_name", "labels"):
        assert answer.get(name) is None, name


def test_update_changes_what_is_given(admin, tenant):
    before = got(admin, tenant)
    given = {
        "display_name": "Acme & Söhne",
        "labels": {"tier": "gold"},
        "limits": {**HOT, "admin": {"rate": 900, "burst": 901}},
        "source_limit": SOURCE,
        "key_lockout": "key",
        "retention": 86400,
    }
    for name, value in given.items():
        assert admin.call("tenant.update", tenant=tenant.name, **{name: value}) == {}
        before[name] = value
        assert got(admin, tenant) == before
    (item,) = [i for i in admin.pages("tenant.list", 1000) if i["tenant"] == tenant.name]
    assert item == before


def test_limits_and_source_limit_are_replaced_whole(admin, tenant):
    admin.call("tenant.update", tenant=tenant.name, limits=HOT, source_limit=SOURCE)
    admin.call(
        "tenant.update",
        tenant=tenant.name,
        limits={"read": {"rate": 9}},
        source_limit={"failures": 9},
    )
    assert got(admin, tenant)["limits"] == {"read": {"rate": 9, "burst": 9}}
    assert got(admin, tenant)["source_limit"] == {**SOURCE_DEFAULT, "failures": 9}


def test_clear(admin, tenant):
    new = got(admin, tenant)
    given = {
        "display_name": "x",
        "labels": {"a": 1},
        "limits": HOT,
        "source_limit": SOURCE,
        "key_lockout": "key",
        "retention": 1,
    }
    admin.call("tenant.update", tenant=tenant.name, **given)
    assert got(admin, tenant) != new
    admin.call("tenant.update", tenant=tenant.name, clear=list(given))
    assert got(admin, tenant) == new
    # What is given in the same request holds.
    admin.call("tenant.update", tenant=tenant.name, clear=["labels"], retention=5)
    assert got(admin, tenant) == {**new, "retention": 5}


@pytest.mark.parametrize("name", ["tenant", "state", "created_at", "nothing", "allowed_origins", "limits.hot"])
def test_what_cannot_be_cleared(admin, tenant, name):
    error = admin.error("tenant.update", tenant=tenant.name, retention=9, clear=[name])
    assert (error.code, error.field) == ("invalid_params", "clear")
    assert "retention" not in got(admin, tenant)


@pytest.mark.parametrize(
    "limits, field",
    [
        ({"hot": {"rate": 1, "burst": 1}, "cold": {"rate": 1}}, "limits.cold"),
        ({"hot": {"rate": 1, "burst": 1, "size": 1}}, "limits.hot.size"),
        ({"hot": {"burst": 1}}, "limits.hot.rate"),
        ({"hot": {"rate": -1}}, "limits.hot.rate"),
        ({"hot": {"rate": 10_000_001}}, "limits.hot.rate"),
        ({"hot": {"rate": 1, "burst": -1}}, "limits.hot.burst"),
        ({"hot": 5}, "limits.hot"),
        (5, "limits"),
    ],
)
def test_limits_that_are_none(admin, tenant, limits, field):
    for method, name in (("tenant.update", tenant.name), ("tenant.create", "never")):
        error = admin.error(method, tenant=name, limits=limits)
        assert (error.code, error.field) == ("invalid_params", field)
    assert "limits" not in got(admin, tenant)


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"source_limit": {"failures": 0}}, "source_limit.failures"),
        ({"source_limit": {"windows": 1}}, "source_limit.windows"),
        ({"source_limit": {"enabled": 1}}, "source_limit.enabled"),
        ({"key_lockout": "both"}, "key_lockout"),
        ({"retention": 0}, "retention"),
        ({"plan": "platinum"}, "plan"),
        ({"state": "suspended"}, "state"),
        ({"allowed_origins": ["https://a.example"]}, "allowed_origins"),
    ],
)
def test_other_values_that_are_none(admin, tenant, fields, field):
    before = got(admin, tenant)
    error = admin.error("tenant.update", tenant=tenant.name, **fields)
    assert (error.code, error.field) == ("invalid_params", field)
    assert got(admin, tenant) == before


def test_no_such_tenant(app, admin):
    for method in ("tenant.update", "tenant.suspend", "tenant.resume", "tenant.settings"):
        assert admin.error(method, tenant="nobody").code == "not_found"
    for method in ("tenant.update", "tenant.suspend", "tenant.resume"):
        assert app.error(method, tenant="nobody").code == "denied"


def test_plans(new_vault):
    vault = new_vault(PLANS).start()
    vault.init()
    with vault.admin() as admin:
        error = admin.error("tenant.create", tenant="a", plan="medium")
        assert (error.code, error.field) == ("invalid_params", "plan")
        admin.call("tenant.create", tenant="a", plan="small")
        assert admin.call("tenant.get", tenant="a")["plan"] == "small"
        assert [r.code for r in reads(admin, "key.verify", 10) if isinstance(r, VaultError)].count("limited") == 7
        # The tenant's own limit comes before its plan's.
        admin.call("tenant.update", tenant="a", limits={"hot": {"rate": 0}})
        assert "limited" not in codes(reads(admin, "key.verify", 50))
        admin.call("tenant.update", tenant="a", plan="large", clear=["limits"])
        assert "limited" not in codes(reads(admin, "key.verify", 50))
    vault.stop()
    # A plan that is gone from the configuration leaves the defaults.
    vault.write_config("")
    vault.start_again()
    with vault.admin() as admin:
        assert admin.call("tenant.get", tenant="a")["plan"] == "large"
        assert "limited" not in codes(reads(admin, "key.verify", 50))


def reads(conn, method, n):
    fields = {"tenant": "a", "name": "k", "message": b"", "signature": b"s"}
    return conn.call_many([(method, fields)] * n)


def codes(answers):
    return [a.code for a in answers if isinstance(a, VaultError)]


ORIGINS = [
    "https://a.example",
    "https://a-b.example.org:8443",
    "https://localhost",
    "http://localhost",
    "http://localhost:3000",
    "https://192.0.2.1",
    "https://x:65535",
]


def test_settings(tenant, admin):
    assert tenant.call("tenant.settings", display_name="Acme", allowed_origins=ORIGINS) == {}
    answer = got(admin, tenant)
    assert answer["display_name"] == "Acme" and answer["allowed_origins"] == ORIGINS
    tenant.call("tenant.settings", display_name="Acme 2")
    assert got(admin, tenant)["allowed_origins"] == ORIGINS
    tenant.call("tenant.settings", clear=["allowed_origins"])
    assert "allowed_origins" not in got(admin, tenant)
    assert tenant.error("tenant.settings", clear=["limits"]).field == "clear"
    assert tenant.error("tenant.settings", limits=HOT).field == "limits"


@pytest.mark.parametrize(
    "origin",
    [
        "http://a.example",
        "http://localhost.example",
        "https://",
        "https://a.example/",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:080",
        "https://a.example:65536",
        "https://a.example:80:80",
        "https://A.example",
        "https://a..example",
        "https://.a",
        "https://a.",
        "https://-a.example",
        "https://a-.example",
        "https://u@a.example",
        "https://a.example?x",
        "https://a\n",
        "https://ä.example",
        "https://*.example",
        "https://" + "a" * 64,
        "ftp://a.example",
        "*",
        "null",
    ],
)
def test_origins_of_another_form(tenant, origin):
    error = tenant.error("tenant.settings", allowed_origins=["https://a.example", origin])
    assert (error.code, error.field) == ("invalid_params", "allowed_origins")


def test_a_suspended_tenant_is_refused_at_once_and_keeps_its_data(tenant, admin):
    tenant.key()
    tenant.profile()
    token = tenant.sign()["token"]
    requests = [
        ("token.sign", {"profile": "p", "subject": "s"}),
        ("token.verify", {"profile": "p", "token": token}),
        ("key.get", {"name": "k"}),
        ("key.create", {"name": "new", "algorithm": "HS256"}),
        ("tenant.settings", {"display_name": "x"}),
        ("tenant.get", {}),
    ]
    for _ in range(2):
        admin.call("tenant.suspend", tenant=tenant.name)
        for method, fields in requests:
            assert tenant.error(method, **fields).code == "suspended", method
    # Class A goes on.
    admin.call("tenant.update", tenant=tenant.name, retention=77)
    (item,) = [i for i in admin.pages("tenant.list", 1000) if i["tenant"] == tenant.name]
    assert item["state"] == "suspended" and item["retention"] == 77
    for _ in range(2):
        admin.call("tenant.resume", tenant=tenant.name)
        assert tenant.verify(token)["valid"] is True
    assert got(admin, tenant)["state"] == "active" and len(tenant.pages("key.list", 10)) == 1


def test_what_was_changed_survives_a_restart(vault):
    tenant = vault.new_tenant("a")
    vault.admin_call("tenant.update", tenant="a", limits=HOT, source_limit=SOURCE, key_lockout="key")
    tenant.call("tenant.settings", allowed_origins=ORIGINS)
    vault.admin_call("tenant.suspend", tenant="a")
    (before,) = vault.admin_call("tenant.list")["items"]
    tenant.close()
    vault.restart()
    (after,) = vault.admin_call("tenant.list")["items"]
    assert after == before and after["state"] == "suspended"
    vault.verify_audit()


def test_every_change_is_in_the_audit(tenant, admin):
    admin.call("tenant.update", tenant=tenant.name, limits=HOT)
    admin.call("tenant.suspend", tenant=tenant.name)
    assert tenant.error("key.list").code == "suspended"
    admin.call("tenant.resume", tenant=tenant.name)
    tenant.call("tenant.settings", display_name="x")
    told = [(r["method"], r["outcome"]) for r in tenant.records()]
    assert told[:6] == [
        ("tenant.create", "ok"),
        ("tenant.update", "ok"),
        ("tenant.suspend", "ok"),
        ("key.list", "denied"),
        ("tenant.resume", "ok"),
        ("tenant.settings", "ok"),
    ]
