"""secret.*: how secrets rotate: pruning, generators, secret.check, watching, what is due."""

import re
import string
import time

import pytest

from lib import other
from lib.secrets import code, put, states, value
from lib.watch import Watcher

GID = 100


@pytest.fixture
def acme(tenant):
    return tenant


@pytest.fixture
def vault_for_users(new_vault):
    vault = new_vault('app_group = "users"').start()
    vault.init()
    return vault


@pytest.mark.parametrize("keep", [1, 2, 3, 10, 100])
def test_old_versions_are_pruned(acme, keep):
    put(acme)
    acme.call("secret.policy", name="db/password", keep_versions=keep)
    last = keep + 3
    for n in range(2, last + 1):
        put(acme, value=b"v%d" % n)
    assert sorted(states(acme)) == list(range(last - keep + 1, last + 1))
    assert value(acme, version=last - keep + 1) == b"v%d" % (last - keep + 1)
    assert code(acme, "secret.get", version=last - keep) == "not_found"
    put(acme, value=b"p", stage="pending")
    assert len(states(acme)) == keep + 1
    acme.call("secret.policy", name="db/password", keep_versions=1)
    assert states(acme) == {last: "current", last + 1: "pending"}


def test_ten_versions_are_kept_where_nothing_is_said(acme):
    for n in range(15):
        put(acme, value=b"v%d" % n)
    assert sorted(states(acme)) == list(range(6, 16))


def test_policy_is_replaced_whole(acme):
    put(acme)
    acme.call("secret.policy", name="db/password", rotation_period=3600, generator={"kind": "hex"})
    described = acme.call("secret.describe", name="db/password")
    rotation = described["rotation"]
    due = described["versions"][0]["created_at"] + 3600
    assert rotation == {
        "rotation_period": 3600,
        "keep_versions": 10,
        "generator": {"kind": "hex", "length": 32},
        "due_at": due,
    }
    acme.call("secret.policy", name="db/password", keep_versions=3)
    assert acme.call("secret.describe", name="db/password")["rotation"] == {"keep_versions": 3}
    for bad in (0, 101):
        error = acme.error("secret.policy", name="db/password", keep_versions=bad)
        assert (error.code, error.field) == ("invalid_params", "keep_versions")


def made(acme, generator, n=1):
    """n values of a generator."""
    if generator is not None:
        acme.call("secret.policy", name="db/password", generator=generator, keep_versions=100)
    out = []
    for _ in range(n):
        acme.call("secret.rotate", name="db/password")
        out.append(value(acme).decode("ascii"))
    return out


@pytest.mark.parametrize(
    "generator,form",
    [
        (None, "[A-Za-z0-9]{32}"),
        ({}, "[A-Za-z0-9]{32}"),
        ({"length": 7}, "[A-Za-z0-9]{7}"),
        ({"length": 20, "alphabet": "ab"}, "[ab]{20}"),
        ({"kind": "hex"}, "[0-9a-f]{64}"),
        ({"kind": "hex", "length": 5}, "[0-9a-f]{10}"),
        ({"kind": "base64"}, "[A-Za-z0-9+/]{43}="),
        ({"kind": "uuid"}, "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ({"kind": "password"}, r"[A-Za-z0-9.\-_~+=:,@%^]{32}"),
        ({"length": 4096}, "[A-Za-z0-9]{4096}"),
    ],
)
def test_generated_values_have_their_form(acme, generator, form):
    put(acme)
    values = made(acme, generator, 3)
    assert all(re.fullmatch(form, v) for v in values), values
    assert len(set(values)) == 3 or generator == {"length": 20, "alphabet": "ab"}


@pytest.mark.parametrize(
    "generator",
    [
        {"alphabet": ""},
        {"alphabet": "a"},
        {"alphabet": "aa"},
        {"alphabet": "abca"},
        {"alphabet": "ab\u00e9"},
        {"alphabet": "ab\n"},
        {"alphabet": "ab", "kind": "hex"},
        {"kind": "uuid", "length": 5},
        {"kind": "nonsense"},
        {"length": 0},
        {"length": 4097},
        {"more": 1},
    ],
)
def test_generators_that_make_nothing(acme, generator):
    put(acme)
    assert code(acme, "secret.policy", generator=generator) == "invalid_params"
    assert "rotation" not in acme.call("secret.describe", name="db/password")


# A hundred alphabets' worth of letters; the bounds are those of one in a million by chance.
@pytest.mark.parametrize(
    "alphabet,limit",
    [("abc", 28), (string.ascii_lowercase, 80), (string.printable[:94], 180)],
)
def test_every_letter_is_as_likely(acme, alphabet, limit):
    """An alphabet that does not divide 256 shows a modulo's bias: the first letters come oftener."""
    put(acme)
    text = "".join(made(acme, {"alphabet": alphabet, "length": 4096}, 12))
    expected = len(text) / len(alphabet)
    chi2 = sum((text.count(c) - expected) ** 2 / expected for c in alphabet)
    assert chi2 < limit, chi2
    assert set(text) == set(alphabet)


def test_check_says_whether_and_not_what(acme):
    put(acme, value=b"right")
    assert acme.call("secret.check", name="db/password", value=b"right") == {"valid": True}
    for wrong in (b"wrong", b"", b"righ", b"rightx"):
        assert acme.call(
            "secret.check", name="db/password", value=wrong, source=f"192.0.2.{len(wrong)}"
        ) == {"valid": False, "reason": "invalid"}
    acme.call("secret.delete", name="db/password")
    assert code(acme, "secret.check", value=b"right") == "not_found"


def test_five_wrong_values_lock_the_secret_for_their_source(acme):
    put(acme, value=b"right")
    fields = {"name": "db/password", "source": "192.0.2.7"}
    for _ in range(5):
        assert acme.call("secret.check", value=b"wrong", **fields)["valid"] is False
    error = acme.error("secret.check", value=b"right", **fields)
    assert error.code == "locked" and 0 < error.retry_after_ms <= 30 * 60 * 1000
    assert acme.call("secret.check", name="db/password", value=b"right", source="192.0.2.8")["valid"]
    assert value(acme) == b"right"
    put(acme, name="other", value=b"right")
    assert acme.call("secret.check", name="other", value=b"right", source="192.0.2.7")["valid"]


def test_watch_tells_of_changes(shared, acme):
    put(acme, name="tls/key")
    with Watcher(shared.app_path) as watcher:
        assert watcher.call("secret.watch", tenant=acme.name, prefix="db/") == {}
        other_tenant = shared.new_tenant("watched-elsewhere")
        put(other_tenant)
        put(acme, name="tls/key")
        put(acme)
        put(acme, stage="pending")
        acme.call("secret.discard", name="db/password", version=2)
        acme.call("secret.rotate", name="db/password", stage="pending")
        acme.call("secret.promote", name="db/password", version=3)
        acme.call("secret.delete", name="db/password", versions=[1])
        acme.call("secret.undelete", name="db/password")
        acme.call("secret.policy", name="db/password")
        acme.call("secret.destroy", name="db/password")
        code(acme, "secret.destroy")
        told = []
        while len(told) < 9:
            event = watcher.event()
            assert event.pop("time") > 0
            assert (event.pop("tenant"), event.pop("name")) == (acme.name, "db/password")
            told.append((event.pop("kind"), event.pop("version")))
            assert event == {}
        assert told == [
            ("put", 1),
            ("pending", 2),
            ("discarded", 2),
            ("pending", 3),
            ("promoted", 3),
            ("deleted", 1),
            ("undeleted", 3),
            ("policy", 3),
            ("destroyed", 3),
        ]
        assert watcher.quiet()
        other_tenant.close()


def test_operators_who_watch_are_not_told_of_secrets(shared, acme):
    with Watcher(shared.admin_path) as watcher:
        watcher.watch()
        put(acme)
        assert watcher.quiet()


def test_due_is_in_the_order_of_time(shared, acme):
    now = int(time.time())
    for name, period in (("a", 1000), ("b", 10), ("c", 500), ("d", None)):
        put(acme, name=name, owner=f"owner of {name}")
        if period:
            acme.call("secret.policy", name=name, rotation_period=period)
    put(acme, name="e", expires_at=now + 300)
    acme.key("k", rotation_period=700)
    acme.key("never")
    due = lambda **f: [i["name"] for i in acme.pages("secret.due", 2, **f)]
    assert due() == []
    assert due(within=20) == ["b"]
    assert due(within=400) == ["b", "e"]
    assert due(within=2000) == ["b", "e", "c", "k", "a"]
    first, *_, key, _ = acme.call("secret.due", within=2000)["items"]
    assert first["kind"] == "secret" and first["tenant"] == acme.name
    assert first["owner"] == "owner of b" and first["due_at"] == first["created_at"] + 10
    assert key["kind"] == "key" and key["name"] == "k" and key["due_at"] == key["created_at"] + 700
    put(acme, name="b", value=b"2")
    acme.call("secret.policy", name="b", rotation_period=5000)
    acme.call("secret.destroy", name="c")
    acme.call("secret.delete", name="e")
    acme.call("key.rotate", name="k", now=True)
    acme.call("key.revoke", name="k")
    assert due(within=6000) == ["a", "b"]
    acme.call("secret.undelete", name="e")
    acme.call("secret.policy", name="a")
    assert due(within=6000) == ["e", "b"]


def test_due_of_all_tenants_shows_what_the_caller_may_see(vault_for_users):
    vault = vault_for_users
    tenants = [vault.new_tenant(f"due-{n}") for n in range(3)]
    for n, tenant in enumerate(tenants):
        for name in ("db/x", "tls/y"):
            put(tenant, name=name)
            tenant.call("secret.policy", name=name, rotation_period=900 - 300 * n)
    with vault.admin() as admin:
        items = admin.pages("secret.due", 1, within=1000)
        found = [(i["tenant"], i["name"]) for i in items if i["tenant"].startswith("due-")]
    assert sorted(found) == [(f"due-{n}", x) for n in range(3) for x in ("db/x", "tls/y")]
    assert [t for t, _ in found][::2] == ["due-2", "due-1", "due-0"]
    vault.admin_call(
        "grant.put", principal="uid:30009", role="writer", tenants=["due-1"], names=["db/*"]
    )
    reply = other.call_as(30009, GID, vault.app_path, [("secret.due", {"within": 1000})])[0]
    seen = reply["result"]["items"]
    assert [(i["tenant"], i["name"]) for i in seen] == [("due-1", "db/x")]
    for tenant in tenants:
        tenant.close()


def test_many_due_at_the_same_time_are_all_shown(acme):
    at = int(time.time()) + 1000
    calls = [
        ("secret.put", acme.fields(name=f"s{n}", value=b"v", expires_at=at)) for n in range(500)
    ]
    acme.conn.call_many(calls)
    items = acme.pages("secret.due", 7, within=2000)
    assert len(items) == len({i["name"] for i in items}) == 500
