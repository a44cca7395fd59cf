"""Every request leaves its record; audit.query finds it, audit.verify proves that none is missing."""
import os
import time

import pytest

from lib import jose, other
from lib.vault import VaultError


def last(tenant, **filters):
    return tenant.call("audit.query", limit=1, **filters)["items"][0]


def test_what_a_record_holds(tenant):
    before = int(time.time())
    tenant.conn.call("key.create", tenant=tenant.name, name="launch/k", algorithm="HS256", actor="alice@example")
    record = last(tenant, method="key.create")
    assert record["method"] == "key.create" and record["outcome"] == "ok"
    assert (record["tenant"], record["name"], record["actor"]) == (tenant.name, "launch/k", "alice@example")
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
    assert [r["method"] for r in tenant.records(jti=answer["jti"])] == ["token.sign", "token.verify"]


def test_what_is_not_valid_is_recorded_with_its_reason(tenant):
    tenant.import_hs(b"k" * 32, "k")
    tenant.profile()
    for token, reason in ((jose.token(b"x" * 32, jose.claims(tenant)), "signature"), ("nonsense", "malformed")):
        assert tenant.reason(token) == reason
        record = last(tenant, method="token.verify")
        assert (record["outcome"], record["reason"]) == ("invalid", reason)
    tenant.key("r", usage="raw")
    tenant.call("key.verify", name="r", message=b"m", signature=b"s" * 32)
    assert last(tenant, method="key.verify")["outcome"] == "invalid"


def test_errors_are_recorded_with_their_code(tenant):
    tenant.key("k")
    cases = [("key.get", {"name": "none"}, "not_found"), ("key.create", {"name": "k", "algorithm": "HS256"}, "exists"),
             ("key.sign", {"name": "k", "message": b"m"}, "conflict"), ("key.rotate", {"name": "none"}, "not_found"),
             ("profile.put", {"name": "p", "key": "none"}, "not_found")]
    for method, fields, code in cases:
        assert tenant.error(method, **fields).code == code
        record = last(tenant, method=method)
        assert (record["outcome"], record["code"], record["name"]) == ("error", code, fields["name"])


def test_refusals_are_recorded(app, admin):
    assert app.error("tenant.create", tenant="refused").code == "denied"
    record = admin.call("audit.query", method="tenant.create", outcome="denied", limit=1)["items"][0]
    assert (record["outcome"], record["code"], record["uid"]) == ("denied", "denied", 0)


def test_every_method_leaves_a_record(shared, tenant):
    tenant.key("k")
    tenant.key("r", usage="raw")
    tenant.profile()
    token = tenant.sign()["token"]
    signature = tenant.call("key.sign", name="r", message=b"m")["signature"]
    tenant.verify(token)
    tenant.call("key.verify", name="r", message=b"m", signature=signature)
    for method, fields in (("key.get", {"name": "k"}), ("key.list", {}), ("key.public", {}), ("key.rotate", {"name": "k"}),
                           ("key.revoke", {"name": "k", "version": 1}), ("profile.get", {"name": "p"}), ("profile.list", {}),
                           ("profile.delete", {"name": "p"}), ("tenant.get", {}), ("audit.query", {})):
        tenant.call(method, **fields)
    tenant.import_hs(b"k" * 32, "i")
    seen = [r["method"] for r in tenant.records()]
    due = ["tenant.create", "key.create", "key.create", "profile.put", "token.sign", "key.sign", "token.verify", "key.verify", "key.get",
           "key.list", "key.public", "key.rotate", "key.revoke", "profile.get", "profile.list", "profile.delete", "tenant.get",
           "audit.query", "key.import"]
    assert seen[:len(due)] == due


def test_every_one_of_many_requests_leaves_its_record(tenant):
    tenant.key("k", usage="raw")
    tenant.conn.call_many([("key.sign", tenant.fields(name="k", message=b"m", actor=f"a{i}")) for i in range(3000)])
    actors = [r["actor"] for r in tenant.records(method="key.sign")]
    assert sorted(actors) == sorted(f"a{i}" for i in range(3000))


def test_another_users_identity_is_recorded(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    other.call_as(12345, 100, vault.app_path, [("key.list", {"tenant": "acme"})] * 3)
    vault.restart()
    records = [r for r in vault.admin_call("audit.query", limit=1000)["items"] if r["uid"] == 12345]
    assert records and {(r["gid"], r["outcome"]) for r in records} == {(100, "denied")}


@pytest.fixture
def busy(vault):
    """A vault of whose history all is known: (tenant acme, tenant other)."""
    acme, also = vault.new_tenant("acme"), vault.new_tenant("also")
    for tenant in (acme, also):
        for i in range(20):
            tenant.conn.call("key.create", tenant=tenant.name, name=f"k{i}", algorithm="HS256", usage="raw", actor=f"actor-{i % 3}")
            tenant.call("key.sign", name=f"k{i}", message=b"m")
            tenant.error("key.get", name="none")
    yield acme, also
    acme.close()
    also.close()


def everything(vault, **filters):
    with vault.admin() as admin:
        return admin.pages("audit.query", 1000, order="oldest", **filters)


def test_the_sequence_has_no_gap(vault, busy):
    seqs = [r["seq"] for r in everything(vault)]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) and seqs[0] in (0, 1)


def test_the_sequence_goes_on_across_restart_and_kill(vault, busy):
    for again in (vault.restart, lambda: (vault.kill(), vault.start_again()), lambda: (vault.seal(), vault.unseal())):
        before = [r["seq"] for r in everything(vault)]
        again()
        after = [r["seq"] for r in everything(vault)]
        assert after[:len(before)] == before
        assert after == sorted(set(after)) and after[-1] > before[-1]
        vault.verify_audit()


@pytest.mark.parametrize("limit", [1, 3, 50, 1000])
@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages(vault, busy, limit, order):
    acme, _ = busy
    due = [r["seq"] for r in acme.records(method="key.*")]
    assert len(due) == 60
    if limit == 1:
        found = acme.pages("audit.query", 1, order=order, method="key.get")
        due = [r["seq"] for r in acme.records(method="key.get")]
    else:
        found = acme.pages("audit.query", limit, order=order, method="key.*")
    assert [r["seq"] for r in found] == (due if order == "oldest" else due[::-1])


def test_newest_first_unless_asked(busy):
    seqs = [r["seq"] for r in busy[0].call("audit.query")["items"]]
    assert seqs == sorted(seqs, reverse=True)


def test_filters(vault, busy):
    acme, _ = busy

    def count(**filters):
        return len(acme.records(**filters))

    assert count(method="key.create") == 20 and count(method="key.sign") == 20
    assert count(method="key.*", outcome="ok") == 40 and count(method="key.*", outcome="error") == 20
    assert count(method="key.*", outcome="denied") == 0 and count(method="key.*", outcome="invalid") == 0
    assert count(method="sys.*") == 0 and count(method="key.creat") == 0
    assert count(name="k3") == 2 and count(name="k3", method="key.sign") == 1 and count(name="k") == 0
    assert count(actor="actor-0") == 7 and count(actor="actor-2") == 6 and count(actor="actor") == 0
    assert count(principal="uid:0", method="key.*") == 60 and count(principal="uid:1") == 0
    assert {r["tenant"] for r in acme.records()} == {"acme"}
    assert len(everything(vault, method="key.create")) == 40, "without a tenant, all tenants'"


def test_since_is_inclusive_and_until_exclusive(busy):
    acme, _ = busy
    records = acme.records(method="key.*")
    time.sleep(1.1)
    acme.call("key.get", name="k1")
    new = last(acme, method="key.get", outcome="ok")
    first, at = records[0]["time"], new["time"]
    assert [r["seq"] for r in acme.records(method="key.*", since=at)] == [new["seq"]]
    assert [r["seq"] for r in acme.records(method="key.*", until=at)] == [r["seq"] for r in records if r["time"] < at]
    assert len(acme.records(method="key.*", since=first, until=at + 1)) == 61
    assert acme.records(method="key.*", until=first) == [] and acme.records(method="key.*", since=at + 100) == []
    assert acme.records(method="key.*", since=at, until=at) == []


@pytest.mark.parametrize("bad", [{"method": ""}, {"principal": ""}, {"name": ""}, {"outcome": "good"}, {"order": "random"}, {"since": -1},
                                 {"until": "x"}, {"nope": 1}, {"principal": "root"}, {"principal": "uid:x"}, {"method": "key.*.x"}])
def test_filters_out_of_bounds(tenant, bad):
    try:
        answer = tenant.call("audit.query", **bad)
    except VaultError as e:
        assert (e.code, e.field) == ("invalid_params", next(iter(bad)))
    else:
        assert bad in ({"principal": "root"}, {"principal": "uid:x"}, {"method": "key.*.x"}) and answer["items"] == []


def test_a_tenant_that_is_not_there(app):
    try:
        assert app.call("audit.query", tenant="nobody")["items"] == []
    except VaultError as e:
        assert e.code == "not_found"


def test_verify(vault, busy):
    answer = vault.admin_call("audit.verify")
    assert answer["ok"] is True and "broken" not in answer
    assert answer["first"] in (0, 1) and answer["last"] > 120 and answer["blocks"] > 0
    later = vault.admin_call("audit.verify", since_seq=answer["last"])
    assert later["ok"] is True and later["last"] >= answer["last"] and later["blocks"] <= answer["blocks"] + 3


def test_verify_beyond_the_end(vault, busy):
    try:
        answer = vault.admin_call("audit.verify", since_seq=1 << 50)
        assert answer["ok"] is True
    except VaultError as e:
        assert (e.code, e.field) == ("invalid_params", "since_seq")


def test_status_tells_the_sequence(vault, busy):
    seq = vault.status()["audit"]["seq"]
    busy[0].call("key.get", name="k1")
    assert vault.status()["audit"]["seq"] > seq


def test_queries_while_records_are_written(shared, tenant):
    tenant.key("k", usage="raw")
    with shared.app() as writer:
        ids = [writer.start("key.sign", tenant.fields(name="k", message=b"m")) for _ in range(500)]
        for _ in range(20):
            found = tenant.pages("audit.query", 100, method="key.sign", order="oldest")
            seqs = [r["seq"] for r in found]
            assert seqs == sorted(set(seqs))
        for msgid in ids:
            writer.wait(msgid)
    assert len(tenant.records(method="key.sign")) == 500


def test_records_survive_kill(vault, busy):
    """Records of hot operations are written before their replies: a crash of the daemon loses none."""
    acme, _ = busy
    for round_ in range(3):
        acme.conn.call_many([("key.sign", acme.fields(name="k1", message=b"m", actor=f"r{round_}"))] * 200)
        vault.kill()
        vault.start_again()
        acme.close()
        acme.conn = vault.app()
        assert len(acme.records(actor=f"r{round_}")) == 200
    vault.verify_audit()


def test_no_record_holds_a_value(tenant):
    import msgpack
    tenant.import_hs(b"IMPORTEDSECRET01" * 2, "k")
    tenant.profile(claims=["c"], issuer="ISSUERTEXT")
    token = tenant.sign(subject="SUBJECTTEXT", claims={"c": "CLAIMTEXT"})["token"]
    tenant.verify(token)
    text = msgpack.packb(tenant.records())
    for value in (b"IMPORTEDSECRET01", b"SUBJECTTEXT", b"CLAIMTEXT", b"ISSUERTEXT", token.encode(), token.split(".")[2].encode()):
        assert value not in text
