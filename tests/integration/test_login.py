"""auth.login: an API key's role on its own tenant replaces what the connection may do."""

import pytest
from lib.policy import Stage


@pytest.fixture
def own():
    """A vault of the test's own, for it suspends and revokes."""
    stage = Stage()
    try:
        for tenant in ("acme", "beta"):
            stage.tenant(tenant)
        yield stage
        stage.vault.assert_alive()
    finally:
        stage.close()


@pytest.fixture
def acme(own):
    return own.vault


def make_key(vault, tenant="acme", name="ops", **fields):
    with vault.app() as app:
        fields = {"scopes": ["read"], "role": "tenant-admin", **fields}
        return app.call("apikey.create", tenant=tenant, name=name, **fields)


def test_the_key_s_role_replaces_the_caller_s_rights(acme):
    key = make_key(acme)
    with acme.app() as app:
        answer = app.call("auth.login", key=key["key"])
        assert answer["principal"] == f"key:acme/{key['id']}" and answer["role"] == "tenant-admin"
        assert app.call("sys.hello")["principal"] == answer["principal"]
        assert len(app.call("key.list", tenant="acme")["items"]) == 1
        assert app.error("key.list", tenant="beta").code == "denied"
        assert app.error("sys.status").code == "denied"
        # tenant-admin is R and W, not H.
        assert app.error("token.sign", tenant="acme", profile="p").code == "denied"
        app.call("auth.logout")
        assert len(app.call("key.list", tenant="beta")["items"]) == 1


def test_a_second_login_is_a_conflict(acme):
    key = make_key(acme)["key"]
    with acme.app() as app:
        app.call("auth.login", key=key)
        assert app.error("auth.login", key=key).code == "conflict"


def test_a_stranger_logs_in(acme, own):
    """Who has no grant at all acts as the key: a customer's tool behind another user."""
    key = make_key(acme)["key"]
    with own.user().app() as app:
        assert app.error("key.list", tenant="acme").code == "denied"
        app.call("auth.login", key=key)
        assert len(app.call("key.list", tenant="acme")["items"]) == 1


@pytest.mark.parametrize("change", ["last", "case", "space"])
def test_a_wrong_key_is_denied_and_then_locked(acme, change):
    text = make_key(acme)["key"]
    wrong = {"last": text[:-1] + ("A" if text[-1] != "A" else "B"), "case": text.swapcase(), "space": text + " "}
    with acme.app() as app:
        for _ in range(3):
            assert app.error("auth.login", key=wrong[change], source="192.0.2.1").code == "denied"
        # What is no key by its form counts as no failure.
        assert app.call("auth.login", key=text, source="192.0.2.1")["role"] == "tenant-admin"


def test_revoking_the_key_ends_the_login_at_the_next_request(acme):
    key = make_key(acme)
    with acme.app() as app, acme.app() as owner:
        app.call("auth.login", key=key["key"])
        app.call("key.list", tenant="acme")
        owner.call("apikey.revoke", tenant="acme", id=key["id"])
        assert app.error("key.list", tenant="acme").code == "denied"
        app.call("auth.logout")
        assert len(app.call("key.list", tenant="acme")["items"]) == 1


def test_a_suspended_tenant_s_login_is_refused(acme):
    key = make_key(acme)
    with acme.app() as app, acme.admin() as admin:
        app.call("auth.login", key=key["key"])
        admin.call("tenant.suspend", tenant="acme")
        assert app.error("key.list", tenant="acme").code == "suspended"


def test_a_key_without_a_role_logs_nobody_in(acme):
    with acme.app() as app:
        key = app.call("apikey.create", tenant="acme", name="plain", scopes=["read"])
        assert app.error("auth.login", key=key["key"]).code == "denied"


@pytest.mark.parametrize("by", ["user", "group"])
def test_the_maker_s_rights_bound_the_key(acme, own, by):
    """Made by who then loses his grant, the key can do nothing any more."""
    maker = own.user(groups=(4242,))
    principal = str(maker) if by == "user" else "gid:4242"
    grant = own.grant(principal, "tenant-admin", ["acme"])
    with maker.app() as app:
        key = app.call(
            "apikey.create", tenant="acme", name="k", scopes=["read"], role="tenant-admin"
        )["key"]
    with acme.app() as app:
        app.call("auth.login", key=key)
        app.call("key.list", tenant="acme")
        own.drop(grant)
        assert app.error("key.list", tenant="acme").code == "denied"


def test_a_key_makes_no_key_beyond_its_maker(acme):
    """What a key makes is bound to who made the key, not to the key."""
    key = make_key(acme)
    with acme.app() as app:
        app.call("auth.login", key=key["key"])
        child = app.call("apikey.create", tenant="acme", name="child", scopes=["read"], role="tenant-admin")
    with acme.app() as app:
        app.call("auth.login", key=child["key"])
        assert len(app.call("key.list", tenant="acme")["items"]) == 1
        assert app.error("tenant.list").code == "denied"


def test_the_audit_tells_the_login(acme):
    key = make_key(acme)
    with acme.app() as app:
        app.call("auth.login", key=key["key"])
        app.call("key.list", tenant="acme")
    with acme.app() as app:
        items = app.call("audit.query", tenant="acme", method="key.list")["items"]
        assert items[0]["login"] == f"key:acme/{key['id']}"


def test_grants_to_a_key_count_once_logged_in(acme):
    key = make_key(acme, role="verifier")
    with acme.admin() as admin:
        # Root can make keys of acme himself, so he may give them nothing.
        error = admin.error(
            "grant.put", principal=f"key:acme/{key['id']}", role="signer", tenants=["acme"]
        )
        assert (error.code, error.field) == ("denied", "principal")
