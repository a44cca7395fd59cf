"""secret.*: versions, compare-and-swap, stages, deletion, lists, rights, restart."""

import time

import pytest

from lib import other
from lib.rpc import VaultError
from lib.secrets import code, get, put, states, value

KIB = 1024
VALUE_MAX = 512 * KIB


@pytest.fixture
def acme(tenant):
    return tenant


@pytest.fixture
def vault_for_users(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    return vault


def test_put_and_get(acme):
    before = int(time.time())
    assert put(acme, value=b"hunter2", owner="ann", metadata={"host": "db1", "n": 3}) == 1
    answer = get(acme)
    assert answer["value"] == b"hunter2" and answer["version"] == 1
    assert before <= answer["created_at"] <= time.time()
    assert answer["metadata"] == {"host": "db1", "n": 3} and "expires_at" not in answer
    described = acme.call("secret.describe", name="db/password")
    assert "value" not in described and described["owner"] == "ann"
    assert described["current"] == 1 and described["versions"][0]["state"] == "current"
    assert "rotation" not in described


def test_put_replaces_whole(acme):
    put(acme, owner="ann", metadata={"a": 1})
    assert put(acme, value=b"v2") == 2
    assert "metadata" not in get(acme)
    assert get(acme, version=1)["metadata"] == {"a": 1}
    assert "owner" not in acme.call("secret.describe", name="db/password")


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 2048, 65536, VALUE_MAX])
def test_values_of_any_size_come_back(acme, size):
    data = bytes(i * 7 % 256 for i in range(size))
    put(acme, value=data)
    assert value(acme) == data
    put(acme, value=b"other")
    assert value(acme, version=1) == data == value(acme, stage="previous")
    put(acme, value=data, stage="pending")
    assert value(acme, stage="pending") == data
    acme.call("secret.promote", name="db/password", version=3)
    assert value(acme) == data


def test_one_byte_over_the_limit(acme):
    error = acme.error("secret.put", name="a", value=bytes(VALUE_MAX + 1))
    assert (error.code, error.field) == ("invalid_params", "value")
    assert code(acme, "secret.get", "a") == "not_found"


@pytest.mark.parametrize("name", ["a/../b", "..", "a//b", "/a", "a/", "", ".", "a/./b", "a*"])
def test_names_that_are_none(acme, name):
    for method, fields in (("secret.put", {"value": b"v"}), ("secret.get", {})):
        error = acme.error(method, name=name, **fields)
        assert (error.code, error.field) == ("invalid_params", "name")


def test_compare_and_swap(acme):
    assert code(acme, "secret.put", value=b"x", cas=1) == "conflict"
    assert put(acme, cas=0) == 1
    assert acme.error("secret.put", name="db/password", value=b"x", cas=0).field == "cas"
    assert code(acme, "secret.put", value=b"x", cas=2) == "conflict"
    assert put(acme, cas=1) == 2
    assert code(acme, "secret.put", value=b"x", cas=1) == "conflict"
    acme.call("secret.delete", name="db/password")
    assert code(acme, "secret.put", value=b"x", cas=0) == "conflict"
    assert put(acme, cas=2) == 3


def test_of_two_that_swap_at_once_one_wins(acme):
    put(acme)
    calls = [("secret.put", acme.fields(name="db/password", value=b"%d" % i, cas=1)) for i in range(64)]
    answers = acme.conn.call_many(calls)
    won = [a for a in answers if not isinstance(a, VaultError)]
    assert won == [{"version": 2}]
    assert {a.code for a in answers if isinstance(a, VaultError)} == {"conflict"}


def test_create_refuses_what_is_there(acme):
    assert put(acme, create=True) == 1
    assert code(acme, "secret.put", value=b"x", create=True) == "exists"
    acme.call("secret.delete", name="db/password")
    assert code(acme, "secret.put", value=b"x", create=True) == "exists"
    acme.call("secret.destroy", name="db/password")
    assert put(acme, create=True) == 2


def test_what_is_not_there(acme):
    for method, fields in (
        ("secret.get", {}),
        ("secret.describe", {}),
        ("secret.delete", {}),
        ("secret.undelete", {}),
        ("secret.destroy", {}),
        ("secret.policy", {}),
        ("secret.rotate", {}),
        ("secret.promote", {"version": 1}),
        ("secret.discard", {"version": 1}),
        ("secret.check", {"value": b"v"}),
    ):
        assert code(acme, method, **fields) == "not_found", method
    put(acme)
    assert code(acme, "secret.get", version=2) == "not_found"
    assert code(acme, "secret.get", stage="previous") == "not_found"
    assert code(acme, "secret.get", stage="pending") == "not_found"
    assert code(acme, "secret.delete", versions=[2]) == "not_found"
    assert code(acme, "secret.destroy", versions=[1, 2]) == "not_found"
    assert value(acme) == b"v1"
    assert code(acme, "secret.get", version=1, stage="current") == "invalid_params"
    assert code(acme, "secret.put", value=b"v", stage="previous") == "invalid_params"


def test_tenants_do_not_see_each_other(shared, acme):
    put(acme)
    stranger = shared.new_tenant("stranger")
    assert code(stranger, "secret.get") == "not_found"
    assert stranger.call("secret.list")["items"] == []
    stranger.close()


def test_deleted_versions_come_back(acme):
    for n in range(1, 4):
        put(acme, value=b"v%d" % n)
    acme.call("secret.delete", name="db/password", versions=[1, 3])
    assert states(acme) == {3: "deleted", 2: "previous", 1: "deleted"}
    assert code(acme, "secret.get") == "not_found"
    assert code(acme, "secret.get", version=1) == "not_found"
    assert value(acme, version=2) == b"v2" == value(acme, stage="previous")
    acme.call("secret.undelete", name="db/password", versions=[3])
    assert value(acme) == b"v3"
    acme.call("secret.delete", name="db/password")
    assert set(states(acme).values()) == {"deleted"}
    acme.call("secret.undelete", name="db/password")
    assert states(acme) == {3: "current", 2: "previous", 1: "old"}
    assert value(acme, version=1) == b"v1"


@pytest.mark.parametrize("size", [8, 5000])
def test_destroyed_versions_are_gone(acme, size):
    for n in range(1, 4):
        put(acme, value=b"%d" % n * size, metadata={"n": n})
    acme.call("secret.destroy", name="db/password", versions=[1, 3])
    assert states(acme) == {3: "destroyed", 2: "previous", 1: "destroyed"}
    for version in (1, 3):
        assert code(acme, "secret.get", version=version) == "not_found"
        assert code(acme, "secret.undelete", versions=[version]) == "conflict"
        assert code(acme, "secret.delete", versions=[version]) == "conflict"
    assert code(acme, "secret.get") == "not_found"
    acme.call("secret.undelete", name="db/password")
    assert code(acme, "secret.get") == "not_found"
    acme.call("secret.destroy", name="db/password", versions=[1])
    assert value(acme, version=2) == b"2" * size
    assert put(acme, value=b"4", cas=3) == 4
    assert states(acme) == {4: "current", 3: "destroyed", 2: "old", 1: "destroyed"}


@pytest.mark.parametrize("size", [8, 5000])
def test_destroying_all_removes_the_record_and_keeps_its_numbers(acme, size):
    for n in range(3):
        put(acme, value=b"x" * size)
    put(acme, stage="pending")
    acme.call("secret.destroy", name="db/password")
    assert code(acme, "secret.get") == "not_found"
    assert code(acme, "secret.describe") == "not_found"
    assert code(acme, "secret.undelete") == "not_found"
    assert acme.call("secret.list")["items"] == []
    assert put(acme, cas=0) == 5
    assert states(acme) == {5: "current"}
    acme.call("secret.destroy", name="db/password")
    assert put(acme) == 6


def test_what_was_found_before_is_seen_as_it_is_now(acme):
    """A worker remembers where a name stands: never what stands there."""
    for n in range(1, 6):
        put(acme, value=b"v%d" % n)
        assert value(acme) == b"v%d" % n
    acme.call("secret.destroy", name="db/password")
    assert code(acme, "secret.get") == "not_found"
    put(acme, value=b"again")
    assert value(acme) == b"again"
    assert code(acme, "secret.get", "db/passworD") == "not_found"


def test_expiry(acme):
    now = int(time.time())
    error = acme.error("secret.put", name="a", value=b"v", expires_at=now)
    assert (error.code, error.field) == ("invalid_params", "expires_at")
    put(acme, expires_at=now + 2)
    assert get(acme)["expires_at"] == now + 2
    time.sleep(2.2)
    assert code(acme, "secret.get") == "not_found"
    assert code(acme, "secret.get", version=1) == "not_found"
    assert states(acme) == {1: "current"}
    assert acme.call("secret.check", name="db/password", value=b"v1") == {
        "valid": False,
        "reason": "expired",
    }
    put(acme, value=b"v2")
    assert value(acme) == b"v2"


def test_rotating_moves_the_expiry(acme):
    now = int(time.time())
    put(acme, expires_at=now + 1000, owner="ann", metadata={"a": 1})
    time.sleep(1.1)
    acme.call("secret.rotate", name="db/password")
    answer = get(acme)
    assert now + 1001 <= answer["expires_at"] <= now + 1003 and answer["metadata"] == {"a": 1}
    assert acme.call("secret.describe", name="db/password")["owner"] == "ann"


def test_pending_is_promoted(acme):
    put(acme, value=b"old")
    assert put(acme, value=b"new", stage="pending", metadata={"by": "ann"}) == 2
    assert value(acme) == b"old" and value(acme, stage="pending") == b"new"
    assert states(acme) == {2: "pending", 1: "current"}
    assert code(acme, "secret.put", value=b"x", stage="pending") == "conflict"
    assert code(acme, "secret.rotate", stage="pending") == "conflict"
    assert code(acme, "secret.promote", version=1) == "conflict"
    assert code(acme, "secret.promote", version=3) == "not_found"
    assert acme.call("secret.promote", name="db/password", version=2) == {"version": 2}
    assert get(acme)["metadata"] == {"by": "ann"} and value(acme) == b"new"
    assert value(acme, stage="previous") == b"old"
    assert states(acme) == {2: "current", 1: "previous"}
    assert code(acme, "secret.promote", version=2) == "conflict"
    assert code(acme, "secret.discard", version=2) == "conflict"


def test_pending_is_discarded(acme):
    put(acme, value=b"old")
    put(acme, value=b"new", stage="pending")
    assert code(acme, "secret.discard", version=1) == "conflict"
    assert code(acme, "secret.discard", version=9) == "not_found"
    acme.call("secret.discard", name="db/password", version=2)
    assert states(acme) == {2: "destroyed", 1: "current"}
    assert code(acme, "secret.get", stage="pending") == "not_found"
    assert code(acme, "secret.promote", version=2) == "conflict"
    assert put(acme, value=b"x", stage="pending") == 3


def test_a_put_while_one_is_pending(acme):
    put(acme, value=b"one")
    put(acme, value=b"two", stage="pending")
    assert put(acme, value=b"three") == 3
    assert states(acme) == {3: "current", 2: "pending", 1: "previous"}
    acme.call("secret.promote", name="db/password", version=2)
    assert states(acme) == {3: "previous", 2: "current", 1: "old"}
    assert value(acme) == b"two" and value(acme, stage="previous") == b"three"
    assert put(acme, value=b"four", cas=2) == 4


def test_a_secret_may_begin_pending(acme):
    assert put(acme, value=b"one", stage="pending", cas=0) == 1
    assert code(acme, "secret.get") == "not_found"
    described = acme.call("secret.describe", name="db/password")
    assert described["current"] == 0 and states(acme) == {1: "pending"}
    acme.call("secret.promote", name="db/password", version=1)
    assert value(acme) == b"one" and states(acme) == {1: "current"}
    assert code(acme, "secret.get", stage="previous") == "not_found"


def test_a_deleted_pending_version_is_not_promoted(acme):
    put(acme)
    put(acme, stage="pending")
    acme.call("secret.delete", name="db/password", versions=[2])
    assert code(acme, "secret.promote", version=2) == "conflict"
    acme.call("secret.undelete", name="db/password", versions=[2])
    acme.call("secret.promote", name="db/password", version=2)
    put(acme, stage="pending")
    acme.call("secret.destroy", name="db/password", versions=[3])
    assert code(acme, "secret.promote", version=3) == "conflict"
    put(acme, stage="pending")


def test_list_by_prefix(acme):
    for name in ("db/a", "db/b", "tls/key", "dba"):
        put(acme, name=name, owner="ann")
    names = lambda **f: sorted(i["name"] for i in acme.pages("secret.list", 2, **f))
    assert names() == ["db/a", "db/b", "dba", "tls/key"]
    assert names(prefix="db/") == ["db/a", "db/b"]
    assert names(prefix="db") == ["db/a", "db/b", "dba"]
    assert names(prefix="") == names()
    assert names(prefix="none") == []
    item = acme.call("secret.list", prefix="tls")["items"][0]
    assert item == acme.call("secret.describe", name="tls/key") and "value" not in item


def test_ten_thousand_are_listed_page_by_page(acme):
    calls = [
        ("secret.put", acme.fields(name=f"{'even' if n % 2 == 0 else 'odd'}/{n}", value=b"v"))
        for n in range(10000)
    ]
    assert not [a for a in acme.conn.call_many(calls) if isinstance(a, VaultError)]
    every = acme.pages("secret.list", 1000)
    assert len({i["name"] for i in every}) == len(every) == 10000
    even = acme.pages("secret.list", 700, prefix="even/")
    assert {i["name"] for i in even} == {f"even/{n}" for n in range(0, 10000, 2)}
    assert len(even) == 5000


GID = 100


def grant(vault, uid, role, tenant, names):
    vault.admin_call("grant.put", principal=f"uid:{uid}", role=role, tenants=[tenant], names=names)


def as_user(vault, uid, calls):
    """What each call is answered for that user: "ok" or the error's code."""
    replies = other.call_as(uid, GID, vault.app_path, calls)
    return [r["error"]["code"] if r["error"] else "ok" for r in replies]


def test_roles_and_names(vault_for_users):
    vault = vault_for_users
    acme = vault.new_tenant("acme")
    for name in ("db/a", "tls/key"):
        put(acme, name=name)
    grant(vault, 30001, "reader", "acme", ["db/*"])
    grant(vault, 30002, "writer", "acme", ["db/*"])
    grant(vault, 30003, "tenant-admin", "acme", ["*"])
    call = lambda method, **fields: (method, acme.fields(**fields))
    reads = [
        call("secret.get", name="db/a"),
        call("secret.get", name="tls/key"),
        call("secret.describe", name="db/a"),
        call("secret.list", prefix="db/"),
        call("secret.list", prefix="db"),
        call("secret.list"),
        call("secret.put", name="db/a", value=b"x"),
        call("secret.check", name="db/a", value=b"x", source="192.0.2.1"),
        call("secret.due"),
    ]
    d = "denied"
    assert as_user(vault, 30001, reads) == ["ok", d, "ok", "ok", d, d, d, d, d]
    assert as_user(vault, 30002, reads) == [d, d, "ok", "ok", d, d, "ok", "ok", "ok"]
    assert as_user(vault, 30003, reads) == [d, d, "ok", "ok", "ok", "ok", "ok", d, "ok"]
    assert as_user(vault, 30004, reads) == [d] * len(reads)
    watches = [call("secret.watch", prefix=p) for p in ("db/", "db/x", "d", None)]
    assert as_user(vault, 30001, watches) == ["ok", "ok", d, d]
    acme.close()


def test_answered_once_by_request_id(acme):
    first = acme.call("secret.put", name="a", value=b"v", request_id="secrets-once")
    again = acme.call("secret.put", name="a", value=b"v", request_id="secrets-once")
    assert first == {"version": 1} and again == {"version": 1, "replayed": True}
    error = acme.error("secret.put", name="a", value=b"w", request_id="secrets-once")
    assert error.code == "conflict"
    assert states(acme, "a") == {1: "current"}


def test_all_of_it_survives_a_restart(vault):
    acme = vault.new_tenant("acme")
    big = bytes(range(256)) * 400
    put(acme, value=b"one", owner="ann")
    put(acme, value=big, metadata={"a": [1, "x"]})
    put(acme, value=b"three", stage="pending")
    acme.call("secret.policy", name="db/password", rotation_period=50, generator={"kind": "uuid"})
    put(acme, name="gone")
    acme.call("secret.destroy", name="gone")
    before = acme.call("secret.describe", name="db/password")
    acme.close()
    vault.kill()
    vault.start_again()
    acme.conn = vault.app()
    assert acme.call("secret.describe", name="db/password") == before
    assert value(acme) == big and value(acme, stage="previous") == b"one"
    assert value(acme, stage="pending") == b"three" and get(acme)["metadata"] == {"a": [1, "x"]}
    assert [i["name"] for i in acme.call("secret.due", within=100)["items"]] == ["db/password"]
    assert put(acme, name="gone") == 2
    acme.close()


def test_no_value_stands_in_log_audit_or_errors(vault):
    marker = b"QmArKeRoFaSeCrEt"
    acme = vault.new_tenant("acme")
    put(acme, value=marker)
    value(acme)
    acme.call("secret.check", name="db/password", value=marker + b"x", source="192.0.2.1")
    errors = [
        acme.error("secret.put", name="a", value=marker, cas=7),
        acme.error("secret.put", name="..", value=marker),
        acme.error("secret.put", name="a", value=marker, bogus=1),
    ]
    assert marker not in repr([e.error for e in errors]).encode()
    assert marker not in repr(acme.records()).encode()
    acme.close()
    vault.stop()
    for path in [vault.log_path, *vault.state.rglob("*")]:
        if path.is_file():
            assert marker not in path.read_bytes(), path
    vault.start()


def test_the_audit_says_which_version(acme):
    put(acme)
    put(acme, value=b"v2")
    value(acme, version=1)
    value(acme)
    records = [(r["method"], r["name"], r.get("version")) for r in acme.records() if "name" in r]
    assert records == [
        ("secret.put", "db/password", 1),
        ("secret.put", "db/password", 2),
        ("secret.get", "db/password", 1),
        ("secret.get", "db/password", 2),
    ]
