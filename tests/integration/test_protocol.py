"""The calls that need nothing, and the message around every call."""

import time

import pytest

from lib import encode, methods
from lib.rpc import VaultError


def test_hello(app):
    hello = app.call("sys.hello")
    assert hello["server"] and hello["version"]
    assert hello["protocol"] == 1
    assert hello["sealed"] is False and hello["initialized"] is True
    assert hello["principal"] == "uid:0"
    assert hello["limits"] == {"max_frame": 1 << 20, "max_depth": 8, "max_in_flight": 1024}


def test_hello_takes_what_a_client_tells(app):
    assert app.call("sys.hello", client="pytest", protocol=[1])["protocol"] == 1
    assert app.call("sys.hello", protocol=[7, 1])["protocol"] == 1


@pytest.mark.parametrize("protocol", [[2], [0], [2, 3]])
def test_hello_without_a_common_protocol(app, protocol):
    assert app.error("sys.hello", protocol=protocol).code == "unsupported"
    assert app.call("sys.ping")


def test_ping_tells_the_time(app):
    assert abs(app.call("sys.ping")["time"] - time.time()) <= 2


def test_methods_tell_what_this_build_has(app):
    items = {m["name"]: m for m in app.call("sys.methods")["items"]}
    assert set(methods.ALL) <= set(items)
    assert {items[m]["class"] for m in methods.ADMIN_CLASS} == {"admin"}
    for item in items.values():
        assert item["class"] in ("hot", "read", "write", "admin") and item["since"]
        for field in item["params"] + item["result"]:
            assert set(field) <= {"name", "type", "required", "bounds"} and {
                "name",
                "type",
                "required",
            } <= set(field)


def test_methods_tell_each_field(app):
    items = {m["name"]: m for m in app.call("sys.methods")["items"]}
    fields = {p["name"]: p for p in items["token.sign"]["params"]}
    assert set(fields) >= {
        "tenant",
        "profile",
        "subject",
        "ttl",
        "audience",
        "scope",
        "domain",
        "max_uses",
        "claims",
    }
    assert fields["tenant"]["required"] is True and fields["subject"]["required"] is False
    assert {r["name"] for r in items["token.sign"]["result"]} >= {"token", "jti", "expires_at"}


def test_every_method_of_the_build_is_in_the_tests_table(app):
    """A new method must be added to lib/methods.py: that is how the sealed and identity tests
    reach it."""
    names = {m["name"] for m in app.call("sys.methods")["items"]}
    assert names <= set(methods.ALL)


def test_status(admin, tenant):
    status = admin.call("sys.status")
    assert status["initialized"] is True and status["sealed"] is False
    assert status["version"] and status["uptime"] >= 0 and status["store_id"]
    assert status["tenants"] >= 1 and status["slots"] == 1
    assert status["audit"]["ok"] is True and status["audit"]["seq"] > 0
    assert status["store_id"] == admin.call("sys.status")["store_id"]


@pytest.mark.parametrize(
    "method", ["", "sys", "sys.", "sys.pong", "SYS.PING", "sys.ping ", "sys.ping\0", "x" * 300, "…"]
)
def test_unknown_method(app, method):
    assert app.error(method).code == "unknown_method"
    assert app.call("sys.ping")


def test_no_params_at_all(app):
    assert app.call_params("sys.ping")["time"]
    assert app.call_params("sys.ping", None)["time"]
    assert app.call_params("sys.ping", {})["time"]
    assert app.call_params("sys.ping", [])["time"], "an empty array counts as an empty map"


@pytest.mark.parametrize("params", [("x",), (1,), ([1],), ({}, {}), (True,)])
def test_params_of_another_shape(app, params):
    with pytest.raises(VaultError) as caught:
        app.call_params("sys.ping", *params)
    assert caught.value.code == "invalid_params"
    assert app.call("sys.ping")


def test_a_required_field_missing(app, tenant):
    assert app.error("key.get", tenant=tenant.name).field == "name"
    assert app.error("key.get", name="k").field == "tenant"
    error = app.error("key.get")
    assert error.code == "invalid_params" and error.field in ("tenant", "name")


def test_a_required_field_that_is_nil(app, tenant):
    error = app.error("key.get", tenant=tenant.name, name=None)
    assert (error.code, error.field) == ("invalid_params", "name")


def test_an_optional_field_that_is_nil_is_absent(tenant):
    tenant.key("k", usage=None, rotation_period=None, overlap=None, publish_ahead=None, shared=None)
    assert tenant.call("key.get", name="k")["usage"] == "token"


@pytest.mark.parametrize("field", ["nope", "Name", "name ", "", "x" * 200, "ключ"])
def test_an_unknown_field(app, tenant, field):
    error = app.error_map("key.get", {"tenant": tenant.name, "name": "k", field: 1})
    assert error.code == "invalid_params"
    if 0 < len(field.encode()) <= 64:
        assert error.field == field


def test_an_unknown_field_where_none_is_known(app):
    error = app.error("sys.ping", nope=1)
    assert (error.code, error.field) == ("invalid_params", "nope")


def test_an_unknown_field_that_is_nil(app):
    error = app.error("sys.ping", nope=None)
    assert (error.code, error.field) == ("invalid_params", "nope")


@pytest.mark.parametrize("key", [1, True, None, b"name", ["name"]])
def test_a_field_name_that_is_not_text(app, tenant, key):
    fields = encode.Pairs([("tenant", tenant.name), ("name", "k"), (key, 1)])
    assert app.error_map("key.get", fields).code == "invalid_params"
    assert app.call("sys.ping")


def test_a_field_given_twice(app, tenant):
    fields = encode.Pairs([("tenant", tenant.name), ("name", "a"), ("name", "a")])
    error = app.error_map("key.get", fields)
    assert (error.code, error.field) == ("invalid_params", "name")


def test_a_field_given_twice_once_nil(app, tenant):
    for values in ((None, "a"), ("a", None)):
        fields = encode.Pairs([("tenant", tenant.name)] + [("name", v) for v in values])
        assert app.error_map("key.get", fields).field == "name"


def test_an_error_has_the_contracts_shape(app):
    error = app.error("key.get", tenant="no_such_tenant", name="k").error
    assert set(error) <= {"code", "message", "field", "retry_after_ms"}
    assert error["code"] == "not_found" and isinstance(error["message"], str) and error["message"]
    assert "no_such_tenant" not in error["message"]


@pytest.mark.parametrize("msgid", [0, 1, 127, 128, 65535, 65536, (1 << 31), (1 << 32) - 1])
def test_a_reply_has_its_requests_msgid(app, msgid):
    app.send_raw(encode.request(msgid, "sys.ping"))
    kind, got, error, result = app.recv()
    assert (kind, got, error) == (1, msgid, None) and result["time"]


@pytest.mark.parametrize("msgid", [0, (1 << 32) - 1])
def test_an_error_has_its_requests_msgid(app, msgid):
    app.send_raw(encode.request(msgid, "no.method"))
    got, error = app.recv_error()
    assert (got, error.code) == (msgid, "unknown_method")


def test_a_notification_is_ignored(app, tenant):
    app.send_raw(encode.notification("sys.ping"))
    app.send_raw(encode.notification("no.method", {"x": 1}))
    app.send_raw(
        encode.notification(
            "key.create", {"tenant": tenant.name, "name": "n", "algorithm": "HS256"}
        )
    )
    assert app.call("sys.ping")["time"]
    assert tenant.error("key.get", name="n").code == "not_found"


def test_a_thousand_requests_in_flight(tenant):
    tenant.key("k", usage="raw")
    ids = [
        tenant.conn.start("key.sign", tenant.fields(name="k", message=b"%d" % i))
        for i in range(1000)
    ]
    signatures = [tenant.conn.wait(i)["signature"] for i in ids]
    assert len(set(signatures)) == 1000
    again = [
        tenant.call("key.sign", name="k", message=b"%d" % i)["signature"] for i in (0, 499, 999)
    ]
    assert again == [signatures[i] for i in (0, 499, 999)]


def test_good_and_bad_requests_mixed_in_one_write(app, tenant):
    tenant.key("k", usage="raw")
    frames, due = [], []
    for i in range(200):
        if i % 3 == 0:
            frames.append(encode.request(i, "no.method"))
            due.append("unknown_method")
        elif i % 3 == 1:
            frames.append(
                encode.request(i, "key.sign", tenant.fields(name="k", message=b"m", nope=1))
            )
            due.append("invalid_params")
        else:
            frames.append(encode.request(i, "key.sign", tenant.fields(name="k", message=b"m")))
            due.append(None)
    app.send_raw(b"".join(frames))
    replies = {msg[1]: msg for msg in (app.recv() for _ in range(200))}
    assert [replies[i][2] and replies[i][2]["code"] for i in range(200)] == due


def test_after_an_answer_every_connection_sees_the_change(shared, tenant):
    with shared.app() as one, shared.app() as two:
        for i in range(50):
            one.call("key.create", tenant=tenant.name, name=f"k{i}", algorithm="HS256")
            assert two.call("key.get", tenant=tenant.name, name=f"k{i}")["current"] == 1


@pytest.mark.parametrize("method", sorted(set(methods.OTHERS) - methods.OPEN))
def test_actor_may_stand_in_any_request(app, method):
    fields = {**methods.OTHERS[method], "actor": "a" * 128}
    try:
        app.call_map(method, fields)
    except VaultError as e:
        assert e.code != "invalid_params", e


@pytest.mark.parametrize("actor", ["a" * 129, 1, b"x", ["a"], encode.str32(b"\xff\xfe")])
def test_an_actor_out_of_bounds(app, actor):
    error = app.error("sys.status", actor=actor)
    assert (error.code, error.field) == ("invalid_params", "actor")


def test_an_actor_is_measured_in_bytes(app):
    assert app.call("sys.status", actor="é" * 64)
    assert app.error("sys.status", actor="é" * 65).field == "actor"


def test_the_admin_socket_takes_other_classes_too(admin, tenant):
    admin.call("key.create", tenant=tenant.name, name="k", algorithm="HS256")
    assert admin.call("key.get", tenant=tenant.name, name="k")["current"] == 1


@pytest.mark.parametrize("method", sorted(methods.ADMIN_CLASS))
def test_admin_class_only_on_the_admin_socket(app, method):
    assert app.error_map(method, methods.ADMIN_CLASS[method]).code == "denied"
