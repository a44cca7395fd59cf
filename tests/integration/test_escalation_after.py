"""Ways to keep what was taken away, to widen what was narrowed, and to see what is others'."""

import time

import pytest

from lib.policy import ALL, SOCKETS_GROUP, code, give, security_admin, sign
from lib.rpc import VaultError


# What was taken away


def test_a_removed_grant_bites_on_every_open_connection(stage):
    tenant = stage.tenant()
    user = stage.user()
    conns = [user.app() for _ in range(24)]
    ask = ("token.sign", {"tenant": tenant, "profile": "p", "subject": "s"})
    for _ in range(5):
        grant = stage.grant(user, "signer", [tenant])
        for conn in conns:
            assert not any(isinstance(r, VaultError) for r in conn.call_many([ask] * 20))
        stage.drop(grant)
        for conn in conns:
            replies = conn.call_many([ask] * 20)
            assert {getattr(r, "code", "ok") for r in replies} == {"denied"}


def test_a_removed_grant_bites_in_the_middle_of_a_stream(stage):
    """What is sent once the answer to grant.delete is there is denied, whatever is under way."""
    tenant = stage.tenant()
    user = stage.user()
    grant = stage.grant(user, "signer", [tenant])
    conns = [user.app() for _ in range(8)]
    fields = {"tenant": tenant, "profile": "p", "subject": "s"}
    before = [[conn.start("token.sign", fields) for _ in range(200)] for conn in conns]
    stage.drop(grant)
    after = [[conn.start("token.sign", fields) for _ in range(50)] for conn in conns]
    for conn, early, late in zip(conns, before, after, strict=True):
        codes = []
        for msgid in (*early, *late):
            try:
                conn.wait(msgid)
                codes.append("ok")
            except VaultError as e:
                codes.append(e.code)
        assert set(codes[len(early) :]) == {"denied"}
        # Once denied, never again allowed.
        assert codes == sorted(codes, reverse=True)


def test_a_removed_method_bites_on_an_open_connection(stage):
    tenant = stage.tenant()
    user = stage.user()
    role = stage.role("token.sign", "key.get")
    stage.grant(user, role, [tenant])
    with user.app() as conn:
        assert sign(conn, tenant) == "ok"
        stage.root.call("role.put", role=role, methods=["key.get"])
        assert sign(conn, tenant) == "denied"
        assert code(conn, "key.get", {"tenant": tenant, "name": "k"}) == "ok"
        stage.root.call("role.put", role=role, methods=["token.sign"])
        assert sign(conn, tenant) == "ok"


def test_a_window_that_ends_bites_on_an_open_connection(stage):
    tenant = stage.tenant()
    user = stage.user()
    end = int(time.time()) + 2
    stage.grant(user, "signer", [tenant], not_after=end)
    with user.app() as conn:
        assert sign(conn, tenant) == "ok"
        while time.time() < end:
            time.sleep(0.05)
        assert sign(conn, tenant) == "denied"


def test_a_deputy_takes_his_superiors_grant_away(stage):
    """He may give the role, but not what the other may grant."""
    tenant = stage.tenant()
    superior = stage.grant(stage.user(), "security-admin", [tenant], may_grant=ALL)
    _, conn = security_admin(stage, [tenant], ["security-admin", "signer"])
    assert code(conn, "grant.delete", {"grant": superior}) == "denied"
    equal = stage.grant(stage.user(), "security-admin", [tenant], may_grant=["signer"])
    assert code(conn, "grant.delete", {"grant": equal}) == "ok"


def test_grant_delete_on_others_tenants(stage):
    mine, theirs = stage.tenant(), stage.tenant()
    _, conn = security_admin(stage, [mine])
    foreign = stage.grant(stage.user(), "signer", [theirs])
    both = stage.grant(stage.user(), "signer", [mine, theirs])
    errors = [
        conn.error("grant.delete", grant=g).error for g in (foreign, both, "gdeadbeef", "uid:0")
    ]
    assert errors[0]["code"] == "denied"
    assert errors == [errors[0]] * len(errors), "what there is shows in no answer"


# Narrowed connections


def test_narrowing_and_then_widening(stage):
    one, two = stage.tenant(), stage.tenant()
    user = stage.user()
    stage.grant(user, "signer", [one, two])
    stage.grant(user, "tenant-admin", [one, two])
    with user.app() as conn:
        conn.call("auth.narrow", tenant=one)
        assert (sign(conn, one), sign(conn, two)) == ("ok", "denied")
        assert code(conn, "auth.narrow", {"tenant": two}) == "conflict"
        assert code(conn, "auth.narrow", {}) == "ok"
        assert (sign(conn, one), sign(conn, two)) == ("ok", "denied")
        conn.call("auth.narrow", methods=["token.*"])
        conn.call("auth.narrow", methods=["*"])
        conn.call("auth.narrow", methods=["key.*"])
        assert sign(conn, one) == "denied"
        assert code(conn, "key.get", {"tenant": one, "name": "k"}) == "denied"
        conn.call("auth.narrow", tenant=one, methods=["*"])
        assert sign(conn, one) == "denied"
        assert conn.call("auth.whoami")["narrowed_to"] == one
    with user.app() as conn:
        assert sign(conn, two) == "ok", "another connection is another"


def test_narrowing_to_no_method_at_all(stage):
    """An empty list is none, and never all."""
    tenant = stage.tenant()
    user = stage.user()
    stage.grant(user, "signer", [tenant])
    with user.app() as conn:
        conn.call("auth.narrow", methods=[])
        assert sign(conn, tenant) == "denied"
        assert code(conn, "auth.whoami", {}) == "ok"


def test_narrowed_in_one_write_with_what_it_forbids(stage):
    """auth.* runs alone: what stands behind it in the same packet is narrowed already."""
    tenant = stage.tenant()
    user = stage.user()
    stage.grant(user, "signer", [tenant])
    ask = ("token.sign", {"tenant": tenant, "profile": "p", "subject": "s"})
    with user.app() as conn:
        replies = conn.call_many(
            [ask] * 3 + [("auth.narrow", {"methods": ["key.get"]})] + [ask] * 3
        )
        assert [getattr(r, "code", "ok") for r in replies] == ["ok"] * 4 + ["denied"] * 3


def test_narrowed_to_a_tenant_and_granting_on_others(stage):
    one, two = stage.tenant(), stage.tenant()
    _, conn = security_admin(stage)
    theirs = stage.grant(stage.user(), "signer", [two])
    conn.call("auth.narrow", tenant=one)
    other = stage.user()
    for tenants in ([two], [one, two], ALL, [one + "*"]):
        assert give(conn, other, tenants=tenants) == "denied", tenants
    assert give(conn, other, tenants=[one]) == "ok"
    assert code(conn, "grant.delete", {"grant": theirs}) == "denied"
    assert code(conn, "role.put", {"role": "n6", "methods": ["key.get"]}) == "denied"
    for grant in conn.pages("grant.list", 100):
        assert grant["tenants"] == [one]


# What may be seen


def test_policy_explain_tells_of_other_tenants(stage):
    mine, theirs = stage.tenant(), stage.tenant()
    auditor = stage.user()
    stage.grant(auditor, "auditor", [mine])
    victim, unknown = stage.user(), stage.user()
    stage.grant(victim, "signer", [theirs])
    with auditor.app() as conn:
        ask = {"method": "token.sign", "tenant": mine, "name": "p"}
        answers = [
            conn.call("policy.explain", principal=str(u), **ask) for u in (victim, unknown)
        ]
        assert answers[0] == answers[1] and answers[0]["allowed"] is False
        for tenant in (theirs, "no-such-tenant", None):
            fields = {"method": "token.sign", "tenant": tenant, "principal": str(victim)}
            assert code(conn, "policy.explain", fields) == "denied"
        # His own grants he may know, and so may who sees all tenants.
        assert "other tenants" not in answers[0]["reason"]
    told = stage.root.call("policy.explain", principal=str(victim), **ask)
    assert "other tenants" in told["reason"] and told["role"] == "signer"


def test_policy_explain_of_what_has_no_tenant(stage):
    """It must not say "allowed" where the method itself is denied."""
    tenant = stage.tenant()
    user = stage.user()
    stage.grant(user, "security-admin", [tenant])
    with user.app() as conn:
        told = conn.call("policy.explain", method="role.list", tenant=tenant)
        assert told["allowed"] is False
        assert code(conn, "role.list", {}) == "denied"


def test_grant_list_of_others_tenants(stage):
    mine, theirs = stage.tenant(), stage.tenant()
    _, conn = security_admin(stage, [mine])
    seen = stage.grant(stage.user(), "signer", [mine])
    for tenants in ([theirs], [mine, theirs], [mine + "*"], ALL):
        stage.grant("uid:4", "signer", tenants)
    listed = conn.pages("grant.list", 100)
    assert seen in {g["grant"] for g in listed}
    assert all(g["tenants"] == [mine] for g in listed)
    assert conn.pages("grant.list", 100, principal="uid:4") == []


def test_whoami_tells_each_grant_once(stage):
    """Also one of a group that stands among the caller's groups twice, as most do."""
    user = stage.user()
    user.groups = (SOCKETS_GROUP, user.gid)
    grant = stage.grant(f"gid:{user.gid}", "signer", ["t1"])
    with user.app() as conn:
        assert [g["grant"] for g in conn.call("auth.whoami")["grants"]] == [grant]


@pytest.mark.parametrize(
    "method, more",
    [
        ("token.sign", {"profile": "p", "subject": "s"}),
        ("key.get", {"name": "k"}),
        ("key.rotate", {"name": "k"}),
        ("tenant.get", {}),
        ("audit.query", {}),
        ("profile.put", {"name": "p", "key": "k"}),
    ],
)
def test_whether_a_tenant_exists(stage, method, more):
    """No such tenant and not yours: the same bytes, also to who has rights elsewhere."""
    mine, theirs = stage.tenant(), stage.tenant()
    user = stage.user()
    stage.grant(user, "tenant-admin", [mine])
    stage.grant(user, "signer", [mine])
    with user.app() as conn:
        errors = [
            conn.error_map(method, {"tenant": t, **more}).error for t in (theirs, "no-such", "t0")
        ]
    assert errors == [errors[0]] * 3 and errors[0]["code"] == "denied"
