"""Ways to more than one was given, each tried by a real user who holds some grant and wants more.
Every test is named by what it tries."""

import threading
import time

import pytest

from lib.policy import SOCKETS_GROUP, Stage
from lib.rpc import VaultError

ALL = ["*"]


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    try:
        yield stage
        stage.vault.assert_alive()
        stage.vault.verify_audit()
    finally:
        stage.close()


def security_admin(stage, tenants=("*",), may_grant=("*",), groups=(), **conditions):
    """A user who may grant, and his connection to admin.sock."""
    user = stage.user(groups)
    stage.grant(user, "security-admin", tenants, may_grant=list(may_grant), **conditions)
    return user, user.admin()


def give(conn, principal, role="signer", tenants=("*",), **conditions):
    """The code that grant.put answers, or "ok"."""
    fields = {"principal": str(principal), "role": role, "tenants": list(tenants), **conditions}
    return code(conn, "grant.put", fields)


def code(conn, method, fields):
    try:
        conn.call_map(method, fields)
    except VaultError as e:
        return e.code
    return "ok"


def sign(conn, tenant, profile="p"):
    return code(conn, "token.sign", {"tenant": tenant, "profile": profile, "subject": "s"})


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
        ("key:acme/0123456789ab", "owner", ALL, {"may_grant": ALL}),
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
