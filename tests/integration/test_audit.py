"""Every request leaves its record, with what was asked and how it ended, and no value."""

import os
import time

import msgpack

from lib import jose, other


def last(tenant, **filters):
    return tenant.call("audit.query", limit=1, **filters)["items"][0]


def test_what_a_record_holds(tenant):
    before = int(time.time())
    tenant.conn.call(
        "key.create", tenant=tenant.name, name="launch/k", algorithm="HS256", actor="alice@example"
    )
    record = last(tenant, method="key.create")
    assert record["method"] == "key.create" and record["outcome"] == "ok"
    assert (record["tenant"], record["name"], record["actor"]) == (
        tenant.name,
        "launch/k",
        "alice@example",
    )
    assert (record["uid"], record["gid"], record["pid"]) == (0, 0, os.getpid())
    assert before <= record["time"] <= time.time() and record["seq"] > 0
    assert "code" not in record and "reason" not in record and "login" not in record


def test_versions_are_recorded(tenant):
    tenant.key("k", usage="raw")
    tenant.call("key.rotate", name="k")
    assert last(tenant, method="key.rotate")["version"] == 2
    tenant.call("key.sign", name="k", message=b"m")
    assert last(tenant, method="key.sign")["version"] == 2
    tenant.call("key.revoke", name="k", version=1)
    assert last(tenant, method="key.revoke")["version"] == 1


def test_tokens_are_recorded_by_their_id(tenant):
    tenant.key("k")
    tenant.profile()
    answer = tenant.sign()
    signed = last(tenant, method="token.sign")
    assert (signed["jti"], signed["name"], signed["version"]) == (answer["jti"], "p", 1)
    tenant.verify(answer["token"], source="192.0.2.7")
    verified = last(tenant, method="token.verify")
    assert (verified["jti"], verified["name"], verified["outcome"]) == (answer["jti"], "p", "ok")
    assert verified["source"] == "192.0.2.7"
    assert [r["method"] for r in tenant.records(jti=answer["jti"])] == [
        "token.sign",
        "token.verify",
    ]


def test_what_is_not_valid_is_recorded_with_its_reason(tenant):
    tenant.import_hs(b"k" * 32, "k")
    tenant.profile()
    for token, reason in (
        (jose.token(b"x" * 32, jose.claims(tenant)), "signature"),
        ("nonsense", "malformed"),
    ):
        assert tenant.reason(token) == reason
        record = last(tenant, method="token.verify")
        assert (record["outcome"], record["reason"]) == ("invalid", reason)
    tenant.key("r", usage="raw")
    tenant.call("key.verify", name="r", message=b"m", signature=b"s" * 32)
    assert last(tenant, method="key.verify")["outcome"] == "invalid"


def test_errors_are_recorded_with_their_code(tenant):
    tenant.key("k")
    cases = [
        ("key.get", {"name": "none"}, "not_found"),
        ("key.create", {"name": "k", "algorithm": "HS256"}, "exists"),
        ("key.sign", {"name": "k", "message": b"m"}, "conflict"),
        ("key.rotate", {"name": "none"}, "not_found"),
        ("profile.put", {"name": "p", "key": "none"}, "not_found"),
    ]
    for method, fields, code in cases:
        assert tenant.error(method, **fields).code == code
        record = last(tenant, method=method)
        assert (record["outcome"], record["code"], record["name"]) == (
            "error",
            code,
            fields["name"],
        )


def test_refusals_are_recorded(app, admin):
    assert app.error("tenant.create", tenant="refused").code == "denied"
    record = admin.call("audit.query", method="tenant.create", outcome="denied", limit=1)["items"][
        0
    ]
    assert (record["outcome"], record["code"], record["uid"]) == ("denied", "denied", 0)


def test_every_method_leaves_a_record(shared, tenant):
    tenant.key("k")
    tenant.key("r", usage="raw")
    tenant.profile()
    token = tenant.sign()["token"]
    signature = tenant.call("key.sign", name="r", message=b"m")["signature"]
    tenant.verify(token)
    tenant.call("key.verify", name="r", message=b"m", signature=signature)
    for method, fields in (
        ("key.get", {"name": "k"}),
        ("key.list", {}),
        ("key.public", {}),
        ("key.rotate", {"name": "k"}),
        ("key.revoke", {"name": "k", "version": 1}),
        ("profile.get", {"name": "p"}),
        ("profile.list", {}),
        ("profile.delete", {"name": "p"}),
        ("tenant.get", {}),
        ("audit.query", {}),
    ):
        tenant.call(method, **fields)
    tenant.import_hs(b"k" * 32, "i")
    seen = [r["method"] for r in tenant.records()]
    due = [
        "tenant.create",
        "key.create",
        "key.create",
        "profile.put",
        "token.sign",
        "key.sign",
        "token.verify",
        "key.verify",
        "key.get",
        "key.list",
        "key.public",
        "key.rotate",
        "key.revoke",
        "profile.get",
        "profile.list",
        "profile.delete",
        "tenant.get",
        "audit.query",
        "key.import",
    ]
    assert seen[: len(due)] == due


def test_every_one_of_many_requests_leaves_its_record(tenant):
    tenant.key("k", usage="raw")
    tenant.conn.call_many(
        [("key.sign", tenant.fields(name="k", message=b"m", actor=f"a{i}")) for i in range(3000)]
    )
    actors = [r["actor"] for r in tenant.records(method="key.sign")]
    assert sorted(actors) == sorted(f"a{i}" for i in range(3000))


def test_another_users_identity_is_recorded(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    other.call_as(12345, 100, vault.app_path, [("key.list", {"tenant": "acme"})] * 3)
    vault.restart()
    records = [r for r in vault.admin_call("audit.query", limit=1000)["items"] if r["uid"] == 12345]
    assert records and {(r["gid"], r["outcome"]) for r in records} == {(100, "denied")}


def test_no_record_holds_a_value(tenant):
    tenant.import_hs(b"IMPORTEDSECRET01" * 2, "k")
    tenant.profile(claims=["c"], issuer="ISSUERTEXT")
    token = tenant.sign(subject="SUBJECTTEXT", claims={"c": "CLAIMTEXT"})["token"]
    tenant.verify(token)
    text = msgpack.packb(tenant.records())
    for value in (
        b"IMPORTEDSECRET01",
        b"SUBJECTTEXT",
        b"CLAIMTEXT",
        b"ISSUERTEXT",
        token.encode(),
        token.split(".")[2].encode(),
    ):
        assert value not in text
