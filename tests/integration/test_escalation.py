"""Ways to more than one was given, each tried by a real user who holds some grant and wants more.
Every test is named by what it tries."""

import time

import pytest

from lib.policy import ALL, SOCKETS_GROUP, code, give, security_admin, sign


# To himself


def test_a_grant_to_himself(stage):
    user, conn = security_admin(stage)
    assert give(conn, user) == "denied"
    assert give(conn, user, "owner", may_grant=ALL) == "denied"
    assert give(conn, stage.user()) == "ok"


def test_a_grant_to_his_own_group(stage):
    user, conn = security_admin(stage)
    assert give(conn, f"gid:{user.gid}") == "denied"


def test_a_grant_to_a_supplementary_group_of_his(stage):
    _, conn = security_admin(stage, groups=(777, 778))
    assert give(conn, "gid:777") == "denied"
    assert give(conn, "gid:778") == "denied"
    assert give(conn, f"gid:{SOCKETS_GROUP}") == "denied"
    assert give(conn, "gid:779") == "ok"


def test_a_grant_to_himself_in_another_spelling(stage):
    user, conn = security_admin(stage)
    for principal in (
        f"uid:0{user.uid}",
        f"uid:+{user.uid}",
        f" uid:{user.uid}",
        f"uid:{user.uid} ",
        f"UID:{user.uid}",
        f"uid:{user.uid + 2**32}",
        f"uid:{user.uid}\0",
        f"uid:{hex(user.uid)}",
    ):
        assert give(conn, principal) == "invalid_params", principal


def test_a_grant_to_a_key_that_he_can_make(stage):
    if not stage.has("apikey.create"):
        # No key can be made and none can log in: what decides is in tests/unit/test_grants.c.
        return
    tenant = stage.tenant()
    user, conn = security_admin(stage)
    assert give(conn, f"key:{tenant}/0123456789ab", tenants=[tenant]) == "ok"
    made = stage.grant(user, stage.role("apikey.create"), [tenant])
    assert give(conn, f"key:{tenant}/0123456789ab", tenants=[tenant]) == "denied"
    conn.call("auth.narrow", methods=["grant.put"])
    assert give(conn, f"key:{tenant}/0123456789ab", tenants=[tenant]) == "denied"
    stage.drop(made)


def test_a_grant_to_nobody(stage):
    """65534 gets nothing of a grant, so that an unmapped user cannot be let in by one."""
    tenant = stage.tenant()
    stage.grant("uid:65534", "signer", [tenant])
    stage.grant("gid:65534", "signer", [tenant])
    nobody = stage.user()
    nobody.uid = nobody.gid = 65534
    with nobody.app() as conn:
        assert sign(conn, tenant) == "denied"


# More than he may give


def test_a_role_outside_may_grant(stage):
    _, conn = security_admin(stage, may_grant=["signer", "verifier"])
    other = stage.user()
    assert give(conn, other, "signer") == "ok"
    for role in ("owner", "security-admin", "reader", "tenant-admin"):
        assert give(conn, other, role) == "denied", role


def test_a_role_that_is_none_is_denied_alike(stage):
    """Who may not give it does not learn which names of roles there are."""
    tenant = stage.tenant()
    role = stage.role("key.get")
    _, conn = security_admin(stage, [tenant], ["signer"])
    errors = [
        conn.error("grant.put", principal="uid:1", role=name, tenants=[tenant]).error
        for name in (role, "no-such-role")
    ]
    assert errors[0] == errors[1] and errors[0]["code"] == "denied"


def test_without_may_grant(stage):
    user = stage.user()
    stage.grant(user, "security-admin")
    with user.admin() as conn:
        assert give(conn, stage.user()) == "denied"
        assert give(conn, stage.user(), "verifier") == "denied"


def test_may_grant_wider_than_his_own(stage):
    _, conn = security_admin(stage, may_grant=["security-admin", "signer"])
    other = stage.user()
    for may in (["*"], ["owner"], ["signer", "reader"], ["security-admin", "*"]):
        assert give(conn, other, "security-admin", may_grant=may) == "denied", may
    assert give(conn, other, "security-admin", may_grant=["signer"]) == "ok"


@pytest.mark.parametrize(
    "own, wanted",
    [
        (["t1"], ["t1*"]),
        (["t1"], ["t10"]),
        (["t1"], ["*"]),
        (["t1"], ["t1", "t2"]),
        (["t1*"], ["t*"]),
        (["t1*"], ["*"]),
        (["t10"], ["t1"]),
        (["t10*"], ["t1*"]),
        (["t1", "t2"], ["t*"]),
        (["t1*", "t2*"], ["t1x", "t3"]),
    ],
)
def test_tenants_wider_than_his_own(stage, own, wanted):
    _, conn = security_admin(stage, own)
    assert give(conn, stage.user(), tenants=own) == "ok"
    assert give(conn, stage.user(), tenants=wanted) == "denied"


@pytest.mark.parametrize("wanted", [["T1"], ["t1\0"], ["t1 "], ["t**"], ["t*1"], ["t１"], ["т1"], [""]])
def test_tenants_that_only_look_like_his_own(stage, wanted):
    _, conn = security_admin(stage, ["t1"])
    assert give(conn, stage.user(), tenants=wanted) == "invalid_params"


def test_names_wider_than_his_own(stage):
    _, conn = security_admin(stage, names=["launch*"])
    other = stage.user()
    for names in (["*"], ["l*"], ["launch*", "x"], ["Launch"]):
        assert give(conn, other, names=names) == "denied", names
    assert give(conn, other) == "denied", "no names are all names"
    assert give(conn, other, names=["launch", "launch/x*"]) == "ok"


def test_no_tenants_or_no_names(stage):
    """An empty list is none, and never all."""
    _, conn = security_admin(stage)
    assert give(conn, stage.user(), tenants=[]) == "invalid_params"
    assert give(conn, stage.user(), names=[]) == "invalid_params"


def test_a_grant_that_outlasts_his_own(stage):
    end = int(time.time()) + 3600
    _, conn = security_admin(stage, not_after=end)
    other = stage.user()
    assert give(conn, other) == "denied"
    assert give(conn, other, not_after=end + 1) == "denied"
    assert give(conn, other, not_after=end) == "ok"


def test_grants_by_a_grant_whose_time_is_over(stage):
    now = int(time.time())
    for window in ({"not_after": now - 1}, {"not_before": now + 3600}):
        _, conn = security_admin(stage, **window)
        assert give(conn, stage.user(), not_after=now - 2) == "denied"


def test_grants_from_another_unit(stage):
    _, conn = security_admin(stage, unit="lms.service")
    assert give(conn, stage.user()) == "denied"


def test_grants_by_a_grant_that_needs_a_code(stage):
    _, conn = security_admin(stage, mfa=True)
    assert give(conn, stage.user()) == "mfa_required"


def test_conditions_of_two_grants_are_not_mixed(stage):
    """Each of his grants lacks something that another has."""
    one, two = stage.tenant(), stage.tenant()
    user = stage.user()
    stage.grant(user, "signer", [one], names=["other"])
    stage.grant(user, "signer", [two], names=["p"])
    stage.grant(user, "verifier", [one], names=["p"])
    with user.app() as conn:
        assert sign(conn, one) == "denied"
        assert sign(conn, two) == "ok"


def test_two_grants_mixed_for_grant_put(stage):
    """Roles of one, tenants of the other."""
    user = stage.user()
    stage.grant(user, "security-admin", ["t1"], may_grant=["owner"])
    stage.grant(user, "security-admin", ["*"], may_grant=["signer"])
    with user.admin() as conn:
        assert give(conn, stage.user(), "owner", ["t2"]) == "denied"
        assert give(conn, stage.user(), "owner", ["t1", "t2"]) == "denied"
        assert give(conn, stage.user(), "owner", ["t1"]) == "ok"
        assert give(conn, stage.user(), "signer", ["t2"]) == "ok"


def test_two_grants_mixed_for_role_put(stage):
    """The names of one, what the other may grant."""
    user = stage.user()
    stage.grant(user, "security-admin", may_grant=ALL, names=["team-*"])
    stage.grant(user, "security-admin", may_grant=["signer"])
    with user.admin() as conn:
        fields = {"methods": ["key.get"]}
        assert code(conn, "role.put", {"role": "else-where", **fields}) == "denied"
        assert code(conn, "role.put", {"role": "team-x", **fields}) == "ok"
        assert code(conn, "role.put", {"role": "else-where", "methods": ["token.sign"]}) == "ok"


def test_grant_put_on_the_other_socket(stage):
    user, admin = security_admin(stage)
    with user.app() as conn:
        assert give(conn, stage.user()) == "denied"
        assert code(conn, "grant.delete", {"grant": "uid:0"}) == "denied"
        assert code(conn, "role.put", {"role": "r", "methods": ["key.get"]}) == "denied"
    assert give(admin, stage.user()) == "ok"


# Keys behind profiles


def test_profile_put_on_a_key_without_the_right_to_it(stage):
    tenant = stage.tenant()
    stage.root.call("key.create", tenant=tenant, name="strong", algorithm="HS256")
    user = stage.user()
    stage.grant(user, stage.role("profile.*", "token.sign"), [tenant])
    with user.app() as conn:
        fields = {"tenant": tenant, "name": "p", "key": "strong"}
        assert code(conn, "profile.put", fields) == "denied"
        assert code(conn, "profile.put", {**fields, "name": "new"}) == "denied"
        assert code(conn, "profile.put", {**fields, "key": "none"}) == "not_found"
        assert stage.root.call("profile.get", tenant=tenant, name="p")["key"] == "k"
        stage.grant(user, stage.role("key.update"), [tenant], names=["k", "weak*"])
        assert code(conn, "profile.put", fields) == "denied"
        assert code(conn, "profile.put", {**fields, "key": "k"}) == "ok"


# Names that are nearly the tenant's


def test_a_tenant_whose_name_his_begins(stage):
    one, ten = stage.tenant("y1"), stage.tenant("y10")
    for name, other in ((one, ten), (ten, one)):
        user = stage.user()
        stage.grant(user, "signer", [name])
        with user.app() as conn:
            assert (sign(conn, name), sign(conn, other)) == ("ok", "denied")


@pytest.mark.parametrize(
    "spelling", ["Y2", "y2\0", "y2\0x", "y2 ", " y2", "y２", "у2", "y2​", "*", "y*", "y2/", ""]
)
def test_a_tenant_in_another_spelling(stage, spelling):
    if "y2" not in [t["tenant"] for t in stage.root.pages("tenant.list", 1000)]:
        stage.tenant("y2")
    user = stage.user()
    stage.grant(user, "signer", ["y2"])
    with user.app() as conn:
        assert sign(conn, "y2") == "ok"
        assert sign(conn, spelling) == "invalid_params"
