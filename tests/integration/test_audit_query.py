"""audit.query finds records by everything they hold; audit.verify proves that none is missing."""

import time

import pytest

from lib.vault import VaultError


def last(tenant, **filters):
    return tenant.call("audit.query", limit=1, **filters)["items"][0]


@pytest.fixture
def busy(vault):
    """A vault of whose history all is known: (tenant acme, tenant other)."""
    acme, also = vault.new_tenant("acme"), vault.new_tenant("also")
    for tenant in (acme, also):
        for i in range(20):
            tenant.conn.call(
                "key.create",
                tenant=tenant.name,
                name=f"k{i}",
                algorithm="HS256",
                usage="raw",
                actor=f"actor-{i % 3}",
            )
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
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert seqs[0] <= 2, "nothing but the segment's own opening comes before sys.init"


def test_the_sequence_goes_on_across_restart_and_kill(vault, busy):
    for again in (
        vault.restart,
        lambda: (vault.kill(), vault.start_again()),
        lambda: (vault.seal(), vault.unseal()),
    ):
        before = [r["seq"] for r in everything(vault)]
        again()
        after = [r["seq"] for r in everything(vault)]
        assert after[: len(before)] == before
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
    assert (
        count(method="key.*", outcome="ok") == 40 and count(method="key.*", outcome="error") == 20
    )
    assert (
        count(method="key.*", outcome="denied") == 0
        and count(method="key.*", outcome="invalid") == 0
    )
    assert count(method="sys.*") == 0 and count(method="key.creat") == 0
    assert (
        count(name="k3") == 2 and count(name="k3", method="key.sign") == 1 and count(name="k") == 0
    )
    assert count(actor="actor-0") == 7 and count(actor="actor-2") == 6 and count(actor="actor") == 0
    assert count(principal="uid:0", method="key.*") == 60 and count(principal="uid:1") == 0
    assert {r["tenant"] for r in acme.records()} == {"acme"}
    assert len(everything(vault, method="key.create")) == 40, "without a tenant, all tenants'"
    assert len(everything(vault, actor="actor-0", outcome="ok")) == 14


def test_a_name_without_a_tenant(vault, busy):
    assert len(everything(vault, name="k3")) == 4, "k3 of either tenant, made and used"
    assert len(everything(vault, name="none", method="key.get")) == 40, "and what was never there"


def test_until_the_beginning_of_time(busy):
    assert busy[0].records(method="key.*", until=0) == []


def test_since_is_inclusive_and_until_exclusive(busy):
    acme, _ = busy
    records = acme.records(method="key.*")
    time.sleep(1.1)
    acme.call("key.get", name="k1")
    new = last(acme, method="key.get", outcome="ok")
    first, at = records[0]["time"], new["time"]
    assert [r["seq"] for r in acme.records(method="key.*", since=at)] == [new["seq"]]
    assert [r["seq"] for r in acme.records(method="key.*", until=at)] == [
        r["seq"] for r in records if r["time"] < at
    ]
    assert len(acme.records(method="key.*", since=first, until=at + 1)) == 61
    assert (
        acme.records(method="key.*", until=first) == []
        and acme.records(method="key.*", since=at + 100) == []
    )
    assert acme.records(method="key.*", since=at, until=at) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"method": ""},
        {"principal": ""},
        {"name": ""},
        {"outcome": "good"},
        {"order": "random"},
        {"since": -1},
        {"until": "x"},
        {"nope": 1},
        {"principal": "root"},
        {"principal": "uid:x"},
        {"method": "key.*.x"},
    ],
)
def test_filters_out_of_bounds(tenant, bad):
    try:
        answer = tenant.call("audit.query", **bad)
    except VaultError as e:
        assert (e.code, e.field) == ("invalid_params", next(iter(bad)))
    else:
        assert (
            bad in ({"principal": "root"}, {"principal": "uid:x"}, {"method": "key.*.x"})
            and answer["items"] == []
        )


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
    assert (
        later["ok"] is True
        and later["last"] >= answer["last"]
        and later["blocks"] <= answer["blocks"] + 3
    )


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
    """Records of hot operations are written before their replies: a crash of the daemon loses
    none."""
    acme, _ = busy
    for round_ in range(3):
        acme.conn.call_many(
            [("key.sign", acme.fields(name="k1", message=b"m", actor=f"r{round_}"))] * 200
        )
        vault.kill()
        vault.start_again()
        acme.close()
        acme.conn = vault.app()
        assert len(acme.records(actor=f"r{round_}")) == 200
    vault.verify_audit()


def test_queries_while_the_tenant_changes(shared, tenant):
    """A commit between a query's lookup of its tenant and its lookup of the names must not matter
    (found as a use of freed memory: the second lookup renewed what the first had handed out)."""
    tenant.key("k", usage="raw")
    with shared.app() as writer, shared.app() as reader:
        for _ in range(3):
            # Few at a time, so that there are many commits.
            queries = [reader.start("audit.query", tenant.fields(limit=200)) for _ in range(200)]
            for _ in range(100):
                writer.call("key.rotate", **tenant.fields(name="k"))
            for msgid in queries:
                assert {r["tenant"] for r in reader.wait(msgid)["items"]} == {tenant.name}
    shared.assert_alive()
