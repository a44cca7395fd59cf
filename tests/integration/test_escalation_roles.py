"""Ways to more than one was given: by roles, and by being the last who may grant."""

import threading
import time

import pytest

from lib.policy import ALL, Stage, code, security_admin


# Roles


def test_role_put_beyond_what_he_may_grant(stage):
    _, conn = security_admin(stage, may_grant=["signer", "verifier"])
    assert code(conn, "role.put", {"role": "n1", "methods": ["token.*"]}) == "denied"
    assert code(conn, "role.put", {"role": "n1", "methods": ["key.get"]}) == "denied"
    assert code(conn, "role.put", {"role": "n1", "methods": ["*"]}) == "denied"
    mine = ["token.sign", "token.verify"]
    assert code(conn, "role.put", {"role": "n1", "methods": mine}) == "ok"


def test_role_put_of_a_role_that_he_holds(stage):
    role = stage.role("role.put", "grant.put")
    direct, by_group = stage.user(), stage.user()
    stage.grant(direct, role, may_grant=ALL)
    stage.grant(by_group, "security-admin", may_grant=ALL)
    stage.grant(f"gid:{by_group.gid}", role, ["t1"])
    for user in (direct, by_group):
        with user.admin() as conn:
            fields = {"role": role, "methods": ["role.put", "grant.put", "key.sign"]}
            assert code(conn, "role.put", fields) == "denied"


def test_role_delete_and_put_again_of_a_role_that_he_holds(stage):
    role = stage.role("role.put", "role.delete")
    user = stage.user()
    stage.grant(user, role, may_grant=ALL)
    with user.admin() as conn:
        assert code(conn, "role.delete", {"role": role}) == "denied"


def test_role_put_by_who_may_grant_on_one_tenant(stage):
    """A role holds wherever it was granted."""
    _, conn = security_admin(stage, ["t1"])
    assert code(conn, "role.put", {"role": "n2", "methods": ["token.sign"]}) == "denied"


def test_role_put_that_takes_from_those_above(stage):
    """Without rights over what a role holds, he neither empties nor removes it."""
    role = stage.role("audit.query", "audit.verify")
    _, conn = security_admin(stage, may_grant=["signer"])
    assert code(conn, "role.put", {"role": role, "methods": ["token.sign"]}) == "denied"
    assert code(conn, "role.delete", {"role": role}) == "denied"
    assert "audit.verify" in stage.root.call("role.get", role=role)["methods"]


def test_role_put_of_a_built_in_name(stage):
    for conn in (stage.root, security_admin(stage)[1]):
        for role in ("owner", "signer", "tenant-admin", "auditor"):
            assert code(conn, "role.put", {"role": role, "methods": ["key.get"]}) == "conflict"
            assert code(conn, "role.delete", {"role": role}) == "conflict"


def test_role_put_of_what_exports_by_a_wildcard(stage):
    _, conn = security_admin(stage)
    assert code(conn, "role.put", {"role": "n3", "methods": ["slot.*", "*"]}) == "ok"
    assert "slot.list" in conn.call("role.get", role="n3")["methods"]
    assert "slot.add" not in conn.call("role.get", role="n3")["methods"]
    for pattern in ("slot.a*", "slot.add*"):
        assert code(conn, "role.put", {"role": "n4", "methods": [pattern]}) == "invalid_params"
    for role in conn.call("role.list", limit=1000)["items"]:
        if role["built_in"] and role["role"] != "owner":
            assert "slot.add" not in role["methods"], role["role"]


def test_role_put_of_what_exports_by_who_may_not_grant_owner(stage):
    most = [r["role"] for r in stage.root.call("role.list", limit=1000)["items"] if r["built_in"]]
    most.remove("owner")
    _, conn = security_admin(stage, may_grant=most)
    assert code(conn, "role.put", {"role": "n5", "methods": ["slot.add"]}) == "denied"


def test_role_delete_of_a_role_in_use(stage):
    role = stage.role("key.get")
    grant = stage.grant(stage.user(), role, ["t1"])
    _, conn = security_admin(stage)
    assert code(conn, "role.delete", {"role": role}) == "conflict"
    stage.drop(grant)
    assert code(conn, "role.delete", {"role": role}) == "ok"


# The last who may grant: a vault of one's own each, since everybody else has to go


@pytest.fixture
def alone():
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()


def test_deleting_the_last_holder(alone):
    assert code(alone.root, "grant.delete", {"grant": "uid:0"}) == "conflict"
    # None of these could take over: a group may be empty, a tenant is not all, a window ends, a
    # code may be lost, nobody is nobody, and who may grant nothing grants nothing.
    end = int(time.time()) + 3600
    for principal, role, tenants, conditions in (
        ("gid:50", "owner", ALL, {"may_grant": ALL}),
        ("uid:1", "owner", ["t*"], {"may_grant": ALL}),
        ("uid:1", "owner", ALL, {"may_grant": ALL, "names": ["a*"]}),
        ("uid:1", "owner", ALL, {"may_grant": ALL, "not_after": end}),
        ("uid:1", "owner", ALL, {"may_grant": ALL, "not_before": end}),
        ("uid:1", "owner", ALL, {"may_grant": ALL, "unit": "a.service"}),
        ("uid:1", "owner", ALL, {"may_grant": ALL, "mfa": True}),
        ("uid:65534", "owner", ALL, {"may_grant": ALL}),
        ("uid:1", "owner", ALL, {}),
        ("uid:1", "tenant-admin", ALL, {"may_grant": ALL}),
    ):
        alone.grant(principal, role, tenants, **conditions)
        refused = code(alone.root, "grant.delete", {"grant": "uid:0"})
        assert refused == "conflict", (principal, role, conditions)
    alone.grant("uid:1", "security-admin", may_grant=ALL)
    assert code(alone.root, "grant.delete", {"grant": "uid:0"}) == "ok"
    assert code(alone.root, "tenant.list", {}) == "denied"


def test_deleting_the_last_two_holders_at_once(alone):
    """Both go out in one write, so that one commit may hold both."""
    user = alone.user()
    roots, users = "uid:0", alone.grant(user, "owner", may_grant=ALL)
    with user.admin() as conn:
        for i in range(20):
            asks = [("grant.delete", {"grant": g}) for g in (roots, users)]
            codes = [getattr(r, "code", "ok") for r in conn.call_many(asks[:: 1 if i % 2 else -1])]
            assert codes in (["ok", "conflict"], ["ok", "denied"]), codes
            again = {"role": "owner", "tenants": ALL, "may_grant": ALL}
            if "denied" in codes:
                users = alone.root.call("grant.put", principal=str(user), **again)["grant"]
            else:
                roots = conn.call("grant.put", principal="uid:0", **again)["grant"]


def test_two_who_delete_each_other(alone):
    """Each takes the other's right at the same moment: one of them stays."""
    for _ in range(20):
        one, two = alone.user(), alone.user()
        role = alone.role("grant.put", "grant.delete", "grant.list")
        grants = [alone.grant(u, role, may_grant=ALL) for u in (one, two)]
        conns = [one.admin(), two.admin()]
        codes = [None, None]

        def take(i, conns=conns, grants=grants, codes=codes):
            codes[i] = code(conns[i], "grant.delete", {"grant": grants[1 - i]})

        threads = [threading.Thread(target=take, args=(i,)) for i in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == ["denied", "ok"]
        for grant in alone.root.pages("grant.list", 100, role=role):
            alone.drop(grant["grant"])


def test_role_put_that_drops_grant_put_from_the_last_holders_role(alone):
    keeper = alone.user()
    role = alone.role("grant.put", "grant.delete", "role.put")
    alone.grant(keeper, role, may_grant=ALL)
    other = alone.user()
    rest = alone.role("role.put", "key.get")
    alone.grant(other, rest, may_grant=ALL)
    with keeper.admin() as conn:
        assert code(conn, "grant.delete", {"grant": "uid:0"}) == "ok"
    with other.admin() as conn:
        assert code(conn, "role.put", {"role": role, "methods": ["role.put"]}) == "conflict"
        assert code(conn, "role.put", {"role": role, "methods": ["grant.put"]}) == "ok"
