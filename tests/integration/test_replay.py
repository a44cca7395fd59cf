"""request_id: the same request under the same id is done once, and answered as it was."""

import threading
import time

import pytest

from lib import methods
from lib.vault import KEYFILE


def versions(tenant, name="k"):
    return len(tenant.call("key.get", name=name)["versions"])


def test_the_same_request_is_done_once(tenant):
    first = tenant.key("k", "HS256", request_id="r1")
    assert "replayed" not in first
    for _ in range(3):
        assert tenant.key("k", "HS256", request_id="r1") == {**first, "replayed": True}
    assert versions(tenant) == 1
    # Without the id it is another request.
    assert tenant.error("key.create", name="k", algorithm="HS256").code == "exists"


def test_any_connection_and_either_socket(shared, tenant):
    first = tenant.key("k", "HS256", request_id="r2")
    with shared.app() as app, shared.admin() as admin:
        for conn in (app, admin):
            answer = conn.call(
                "key.create", tenant=tenant.name, name="k", algorithm="HS256", request_id="r2"
            )
            assert answer == {**first, "replayed": True}


def test_a_method_without_a_result(admin):
    fields = {"tenant": "made-once", "labels": {"b": 1, "a": [2, {"d": 3, "c": 4}]}}
    assert admin.call("tenant.create", **fields, request_id="r3") == {}
    assert admin.call("tenant.create", **fields, request_id="r3") == {"replayed": True}
    assert admin.error("tenant.create", **fields).code == "exists"


@pytest.mark.parametrize("method", ["key.create", "key.rotate"])
def test_a_secret_is_shown_once(tenant, method):
    fields = {"name": "hook", "request_id": f"once-{method}-{tenant.name}"}
    made = tenant.key("hook", "HS256", usage="webhook", shared=True)
    if method == "key.create":
        fields |= {"name": "hook2", "algorithm": "HS256", "usage": "webhook", "shared": True}
    first = tenant.call(method, **fields)
    assert first["secret"].startswith("whsec_") and first["secret"] != made["secret"]
    again = tenant.call(method, **fields)
    del first["secret"]
    assert again == {**first, "replayed": True}


@pytest.mark.parametrize(
    "other",
    [
        ("key.create", {"name": "k2", "algorithm": "HS256"}),
        ("key.create", {"name": "k", "algorithm": "HS512"}),
        ("key.create", {"name": "k", "algorithm": "HS256", "usage": "raw"}),
        ("key.rotate", {"name": "k"}),
        ("key.import", {"name": "k", "algorithm": "HS256", "key": b"s" * 32}),
    ],
)
def test_other_fields_are_a_conflict(tenant, other):
    rid = f"c-{tenant.name}"
    tenant.key("k", "HS256", request_id=rid)
    error = tenant.error(other[0], **other[1], request_id=rid)
    assert (error.code, error.field) == ("conflict", "request_id")
    assert versions(tenant) == 1


def test_another_tenant_is_another_request(new_tenant):
    one, two = new_tenant(), new_tenant()
    one.key("k", "HS256", request_id=f"t-{one.name}")
    error = two.error("key.create", name="k", algorithm="HS256", request_id=f"t-{one.name}")
    assert (error.code, error.field) == ("conflict", "request_id")


def test_a_secret_field_counts(tenant):
    rid = f"s-{tenant.name}"
    first = tenant.import_hs(b"a" * 32, request_id=rid)
    assert tenant.import_hs(b"a" * 32, request_id=rid) == {**first, "replayed": True}
    assert tenant.import_hs(b"a" * 32, actor="bob", request_id=rid)["replayed"] is True
    error = tenant.error(
        "key.import", name="k", algorithm="HS256", key=b"b" * 32, request_id=rid
    )
    assert (error.code, error.field) == ("conflict", "request_id")


def test_how_the_fields_are_encoded_does_not_count(tenant):
    rid = f"e-{tenant.name}"
    fixed = [{"b": 1, "a": {"d": [1, 2], "c": None}}, {"a": {"c": None, "d": [1, 2]}, "b": 1}]
    tenant.key("k", "HS256")
    assert tenant.profile(ttl=60, fixed=fixed[0], request_id=rid) == {}
    assert tenant.profile(ttl=60.0, fixed=fixed[1], issuer=None, request_id=rid) == {
        "replayed": True
    }
    other = {**fixed[0], "b": 2}
    error = tenant.error("profile.put", name="p", key="k", ttl=60, fixed=other, request_id=rid)
    assert (error.code, error.field) == ("conflict", "request_id")


def test_errors_are_not_kept(tenant):
    rid = f"n-{tenant.name}"
    assert tenant.error("key.rotate", name="k", request_id=rid).code == "not_found"
    tenant.key("k", "HS256")
    assert tenant.call("key.rotate", name="k", request_id=rid)["version"] == 2
    assert tenant.call("key.rotate", name="k", request_id=rid) | {"signs_at": 0} == {
        "version": 2,
        "signs_at": 0,
        "replayed": True,
    }
    assert versions(tenant) == 2


def test_pipelined_duplicates_have_one_effect(tenant):
    tenant.key("k", "HS256")
    fields = tenant.fields(name="k", request_id=f"p-{tenant.name}")
    answers = tenant.conn.call_many([("key.rotate", fields)] * 200)
    assert {a["version"] for a in answers} == {2}
    assert sum("replayed" not in a for a in answers) == 1
    assert versions(tenant) == 2


def test_duplicates_of_many_connections_have_one_effect(shared, tenant):
    tenant.key("k", "HS256")
    answers, go = [], threading.Barrier(8)

    def ask():
        with shared.app() as conn:
            go.wait()
            for n in range(20):
                rid = f"m-{tenant.name}-{n}"
                answers.append(conn.call("key.rotate", tenant=tenant.name, name="k", request_id=rid))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 160 and sum("replayed" not in a for a in answers) == 20
    assert versions(tenant) == 21


def test_after_a_restart(vault):
    acme = vault.new_tenant("acme")
    first = acme.key("k", "HS256", request_id="r")
    for _ in range(2):
        vault.restart()
        answer = vault.admin_call(
            "key.create", tenant="acme", name="k", algorithm="HS256", request_id="r"
        )
        assert answer == {**first, "replayed": True}
    assert vault.verify_audit()


def test_after_sealing(vault):
    acme = vault.new_tenant("acme")
    first = acme.key("k", "HS256", request_id="r")
    vault.seal()
    assert acme.error("key.create", name="k", algorithm="HS256", request_id="r").code == "sealed"
    vault.unseal()
    assert acme.key("k", "HS256", request_id="r") == {**first, "replayed": True}


def test_init_unseal_and_seal_take_one_and_keep_none(blank):
    with blank.admin() as admin:
        assert "store_id" in admin.call("sys.init", keyfile=KEYFILE, request_id="r")
        assert admin.error("sys.init", keyfile=KEYFILE, request_id="r").code == (
            "already_initialized"
        )
        for _ in range(2):
            assert admin.call("sys.seal", request_id="r") == {"sealed": True}
            for _ in range(2):
                answer = admin.call("sys.unseal", keyfile=KEYFILE, request_id="r")
                assert answer == {"sealed": False}


@pytest.mark.parametrize("method", ["tenant.list", "audit.verify"])
def test_what_changes_nothing_simply_runs_again(admin, method):
    for _ in range(2):
        assert "replayed" not in admin.call(method, request_id="again")


@pytest.mark.parametrize("rid", ["a", "é" * 32, "x" * 64, "\0", " "])
def test_an_id_within_bounds(tenant, rid):
    tenant.conn.call("key.create", tenant=tenant.name, name="k", algorithm="HS256")
    rid = rid if len(rid) > 1 else rid + tenant.name
    assert "replayed" not in tenant.call("key.rotate", name="k", request_id=rid)
    assert tenant.call("key.rotate", name="k", request_id=rid)["replayed"] is True


@pytest.mark.parametrize("rid", ["", "x" * 65, "é" * 33, 1, b"\xff", ["a"], {}])
def test_an_id_out_of_bounds(tenant, rid):
    error = tenant.error("key.create", name="k", algorithm="HS256", request_id=rid)
    assert (error.code, error.field) == ("invalid_params", "request_id")


def test_nil_is_no_id(tenant):
    for n in (1, 2):
        tenant.conn.call(
            "key.import",
            tenant=tenant.name,
            name="k",
            algorithm="HS256",
            key=b"k" * 32,
            request_id=None,
        )
        assert versions(tenant) == n


def test_only_what_changes_something_takes_one(app):
    items = app.call("sys.methods")["items"]
    others = [m["name"] for m in items if m["class"] in ("hot", "read")]
    assert len(others) >= 12 and "token.sign" in others
    for method in others:
        error = app.error_map(method, {**methods.OTHERS[method], "request_id": "abc"})
        assert (error.code, error.field) == ("invalid_params", "request_id"), method


def test_the_audit_tells_both(tenant):
    tenant.key("k", "HS256", request_id=f"a-{tenant.name}", actor="alice")
    tenant.key("k", "HS256", request_id=f"a-{tenant.name}", actor="bob")
    one, two = tenant.records(method="key.create")
    assert (one["outcome"], one["actor"], one.get("reason")) == ("ok", "alice", None)
    assert (two["outcome"], two["actor"], two["reason"]) == ("ok", "bob", "replayed")
    assert one["name"] == two["name"] == "k"
    assert one.get("version") == two.get("version")


def test_a_large_result_is_told_as_done(tenant):
    tenant.key("k", "HS256", usage="raw")
    tenant.conn.call_many([("key.rotate", tenant.fields(name="k"))] * 6000)
    fields = {"name": "k", "request_id": f"l-{tenant.name}"}
    assert len(tenant.call("key.revoke", **fields)["revoked"]) == 6001
    assert tenant.call("key.revoke", **fields) == {"replayed": True}


@pytest.mark.no_deadline
def test_what_was_acknowledged_is_replayed_after_a_kill(vault):
    """And what was not is whole or absent: asked again it is done once in either case."""
    acme = vault.new_tenant("acme")
    acme.key("k", "HS256", usage="raw")
    acme.close()
    done, started = {}, 0
    for round_ in range(8):
        conns = [vault.app() for _ in range(4)]
        lost = []

        def write(conn, n):
            for i in range(10000):
                rid = f"{round_}-{n}-{i}"
                try:
                    done[rid] = conn.call("key.rotate", tenant="acme", name="k", request_id=rid)
                except (EOFError, BrokenPipeError, ConnectionResetError):
                    lost.append(rid)
                    return

        threads = [threading.Thread(target=write, args=(c, n)) for n, c in enumerate(conns)]
        for thread in threads:
            thread.start()
        time.sleep(0.05 + 0.03 * round_)
        vault.kill()
        for thread in threads:
            thread.join(30)
        for conn in conns:
            conn.close()
        vault.start_again()
        assert len(lost) == 4
        with vault.app() as conn:
            for rid in lost:
                done[rid] = conn.call("key.rotate", tenant="acme", name="k", request_id=rid)
                done[rid].pop("replayed", None)
            for rid in list(done)[started:]:
                answer = conn.call("key.rotate", tenant="acme", name="k", request_id=rid)
                assert answer == {**done[rid], "replayed": True}, rid
        started = len(done)
    made = [a["version"] for a in done.values()]
    assert len(made) == len(set(made)) and max(made) == len(made) + 1
    vault.verify_audit()
