"""Rotation by schedule, and deletion after a delay: by the index of what is due."""

import pathlib
import time

import jwt
import pytest

from lib import jose
from lib.vault import Tenant, Vault

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
DAY = 86400


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def shown(tenant, name="k"):
    return tenant.call("key.get", name=name)


def versions(tenant, name="k"):
    return [(v["version"], v["state"]) for v in shown(tenant, name)["versions"]]


def rotations(tenant):
    return [r for r in tenant.records(method="key.rotate") if r.get("actor") == "schedule"]


@pytest.mark.parametrize("algorithm", ("HS256", "EdDSA", "ES256", "RS256"))
def test_rotates_by_itself(tenant, algorithm):
    tenant.key("k", algorithm, rotation_period=2, publish_ahead=0)
    first = shown(tenant)
    assert first["next_rotation"] == first["versions"][0]["created_at"] + 2
    tenant.profile()
    token = tenant.sign()["token"]
    until(lambda: shown(tenant)["current"] >= 2)
    tenant.call("key.update", name="k", clear=["rotation_period"])
    assert tenant.verify(token)["valid"] is True
    kid = jwt.get_unverified_header(tenant.sign()["token"])["kid"]
    assert int(kid.removeprefix("k.")) >= 2
    record = rotations(tenant)[0]
    assert record["name"] == "k" and record["outcome"] == "ok" and record["version"] == 2
    assert record["uid"] == 0 and record["pid"] == tenant.vault.pid


def test_publishes_ahead_of_the_first_signature(tenant):
    tenant.key("k", "ES256", rotation_period=1, publish_ahead=3)
    tenant.profile()
    until(lambda: versions(tenant) == [(2, "next"), (1, "current")])
    assert "k.2" in tenant.call("key.public", name="k")["jwks"]
    assert tenant.call("key.public", name="k")["max_age"] <= 3
    assert jwt.get_unverified_header(tenant.sign()["token"])["kid"] == "k.1"
    # One waits at a time: the next rotation comes after that one signs.
    signs_at = shown(tenant)["versions"][0]["signs_at"]
    assert shown(tenant)["next_rotation"] == signs_at
    until(lambda: shown(tenant)["current"] == 2)
    assert jwt.get_unverified_header(tenant.sign()["token"])["kid"] == "k.2"


def test_a_period_given_later_and_taken_away(tenant):
    tenant.key("k", "HS256")
    assert "next_rotation" not in shown(tenant)
    tenant.call("key.update", name="k", rotation_period=DAY)
    answer = shown(tenant)
    assert answer["rotation_period"] == DAY
    assert answer["next_rotation"] == answer["versions"][0]["created_at"] + DAY
    tenant.call("key.update", name="k", rotation_period=1)
    until(lambda: shown(tenant)["current"] >= 2)
    tenant.call("key.update", name="k", clear=["rotation_period"])
    last = shown(tenant)
    assert "rotation_period" not in last and "next_rotation" not in last
    time.sleep(2.2)
    assert shown(tenant)["current"] == last["current"]


def test_update(tenant):
    tenant.key("k", "EdDSA", rotation_period=DAY)
    tenant.call("key.update", name="k", overlap=60, publish_ahead=0)
    answer = shown(tenant)
    assert (answer["overlap"], answer["publish_ahead"], answer["rotation_period"]) == (60, 0, DAY)
    tenant.call("key.update", name="k", clear=["overlap", "publish_ahead"])
    answer = shown(tenant)
    assert (answer["overlap"], answer["publish_ahead"]) == (604800, 86400)
    for fields in ({"clear": ["name"]}, {"clear": ["overlap"], "overlap": 5}, {"clear": [""]}):
        error = tenant.error("key.update", name="k", **fields)
        assert error.code == "invalid_params" and error.field == "clear", fields
    assert tenant.error("key.update", name="none").code == "not_found"


def test_a_new_overlap_holds_for_what_is_about_to_retire(tenant):
    tenant.key("k", "EdDSA", overlap=100)
    tenant.profile(max_ttl=50, ttl=50)
    signs_at = tenant.call("key.rotate", name="k")["signs_at"]
    assert shown(tenant)["versions"][1]["retires_at"] == signs_at + 100
    tenant.call("key.update", name="k", overlap=1000)
    assert shown(tenant)["versions"][1]["retires_at"] == signs_at + 1000
    tenant.call("key.update", name="k", overlap=0)
    assert shown(tenant)["versions"][1]["retires_at"] == signs_at + 50, "its tokens live so long"


def test_a_revoked_key_stays_revoked(tenant):
    tenant.key("k", "HS256", rotation_period=1)
    tenant.call("key.revoke", name="k")
    assert "next_rotation" not in shown(tenant)
    time.sleep(2.2)
    assert all(state == "revoked" for _, state in versions(tenant))
    tenant.call("key.rotate", name="k")
    assert "next_rotation" in shown(tenant)


def test_what_others_hold_has_no_schedule(tenant):
    error = tenant.error(
        "key.create",
        name="k",
        algorithm="HS256",
        usage="webhook",
        shared=True,
        rotation_period=DAY,
    )
    assert (error.code, error.field) == ("invalid_params", "rotation_period")
    tenant.key("k", "HS256", usage="webhook", shared=True)
    assert tenant.error("key.update", name="k", rotation_period=DAY).code == "conflict"


def test_many_at_once(tenant):
    for i in range(100):
        tenant.key(f"k{i}", "HS256", rotation_period=3)
    until(lambda: all(k["current"] >= 2 for k in tenant.pages("key.list", 1000)), 30)


def test_deletion_waits_and_can_be_taken_back(tenant):
    tenant.key("k", "ES256")
    tenant.profile()
    token = tenant.sign()["token"]
    answer = tenant.call("key.delete", name="k")
    assert answer["state"] == "pending"
    assert abs(answer["delete_at"] - time.time() - 7 * DAY) < 10
    state = shown(tenant)
    assert state["state"] == "pending" and state["delete_at"] == answer["delete_at"]
    assert tenant.error("token.sign", profile="p", subject="s").code == "conflict"
    assert tenant.error("token.verify", profile="p", token=token).code == "conflict"
    assert tenant.error("key.rotate", name="k").code == "conflict"
    assert tenant.error("key.update", name="k", overlap=1).code == "conflict"
    assert tenant.error("key.delete", name="k").code == "conflict"
    assert tenant.error("profile.put", name="q", key="k").code == "conflict"
    assert tenant.error("key.public", name="k").code == "conflict"
    assert "k.1" not in tenant.call("key.public")["jwks"]
    tenant.call("key.undelete", name="k")
    assert shown(tenant)["state"] == "active"
    assert tenant.verify(token)["valid"] is True and tenant.sign()["token"]
    assert tenant.error("key.undelete", name="k").code == "conflict"
    assert tenant.error("key.undelete", name="none").code == "not_found"


def test_deletion_happens_and_numbers_do_not_come_back(tenant):
    tenant.key("k", "HS256", usage="raw")
    tenant.call("key.rotate", name="k", now=True)
    old = tenant.call("key.sign", name="k", message=b"m")["signature"]
    tenant.call("key.delete", name="k", delay=1)
    until(lambda: not exists(tenant))
    for method, fields in (
        ("key.get", {}),
        ("key.sign", {"message": b"m"}),
        ("key.rotate", {}),
        ("key.undelete", {}),
        ("key.delete", {}),
    ):
        assert tenant.error(method, name="k", **fields).code == "not_found"
    records = [r for r in tenant.records(method="key.delete") if r.get("actor") == "schedule"]
    assert [(r["name"], r["outcome"]) for r in records] == [("k", "ok")]
    assert tenant.key("k", "HS256", usage="raw")["version"] == 3
    assert versions(tenant) == [(3, "current")]
    check = tenant.call("key.verify", name="k", message=b"m", signature=old)
    assert check["valid"] is False
    for version in (1, 2):
        error = tenant.error("key.verify", name="k", message=b"m", signature=old, version=version)
        assert error.code == "not_found"
    assert tenant.call("key.revoke", name="k")["revoked"] == [3]


def exists(tenant, name="k"):
    return name in [k["name"] for k in tenant.pages("key.list", 1000)]


def test_an_imported_kid_is_free_again(tenant):
    public = jose.jwk(jose.public_of(bytes(32)), kid="theirs")
    tenant.call("key.import", name="a", algorithm="EdDSA", public=public)
    taken = tenant.error("key.import", name="b", algorithm="EdDSA", public=public)
    assert taken.code == "conflict"
    tenant.call("key.delete", name="a", delay=0)
    until(lambda: not exists(tenant, "a"))
    tenant.call("key.import", name="b", algorithm="EdDSA", public=public)


def test_a_rotation_missed_while_down_happens_at_start(vault):
    tenant = vault.new_tenant("acme")
    tenant.key("k", "HS256", rotation_period=3)
    tenant.key("slow", "RS256", rotation_period=3, publish_ahead=0)
    tenant.key("gone", "HS256")
    tenant.call("key.delete", name="gone", delay=2)
    tenant.close()
    vault.stop()
    time.sleep(3.5)
    vault.start_again()
    tenant = Tenant(vault, "acme")
    until(lambda: shown(tenant)["current"] == 2)
    until(lambda: shown(tenant, "slow")["current"] == 2)
    until(lambda: not exists(tenant, "gone"))
    # Once, however long it was down.
    assert [v for v, _ in versions(tenant)] == [2, 1]
    vault.verify_audit()
    tenant.close()


@pytest.fixture
def faked(tmp_path):
    """A vault whose wall clock can be set, and no other clock."""
    assert FAKETIME is not None, "libfaketime is missing: tools/setup.sh test"
    vault = Vault(
        env={
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
    )
    clock = vault.config_dir / "clock"
    vault.env["FAKETIME_TIMESTAMP_FILE"] = str(clock)

    def jump(seconds):
        clock.write_text(f"{seconds:+d}s\n")

    vault.jump = jump
    jump(0)
    vault.start()
    vault.init()
    yield vault
    vault.close()


def test_a_jump_rotates_once_and_deletes_nothing(faked):
    tenant = faked.new_tenant("acme")
    tenant.key("k", "HS256", rotation_period=180 * DAY)
    tenant.key("gone", "HS256")
    tenant.call("key.delete", name="gone")
    with faked.admin() as admin:
        admin.call("sys.watch", kinds=["clock_jump"])
        faked.jump(3650 * DAY)
        until(lambda: shown(tenant)["current"] == 2)
        _, method, params = admin.recv()
        assert method == "event" and params[0]["kind"] == "clock_jump"
        assert abs(params[0]["seconds"] - 3650 * DAY) < 100
    assert exists(tenant, "gone"), "deleted by a clock that jumped"
    faked.jump(0)
    time.sleep(2.5)
    faked.jump(3650 * DAY)
    time.sleep(2.5)
    assert [v for v, _ in versions(tenant)] == [2, 1], "rotated twice"
    assert shown(tenant, "gone")["state"] == "pending"
    # Nor after a restart, whose clock says the same.
    faked.restart()
    time.sleep(2.5)
    again = Tenant(faked, "acme")
    assert [v for v, _ in versions(again)] == [2, 1]
    assert exists(again, "gone")
    again.call("key.undelete", name="gone")
    again.close()
    tenant.close()


def test_a_jump_while_it_was_down_deletes_nothing(faked):
    tenant = faked.new_tenant("acme")
    tenant.key("gone", "HS256")
    tenant.call("key.delete", name="gone")
    tenant.close()
    faked.stop()
    faked.jump(30 * DAY)
    faked.start_again()
    time.sleep(2.5)
    tenant = Tenant(faked, "acme")
    assert shown(tenant, "gone")["state"] == "pending"
    tenant.close()


def test_the_days_pass(faked):
    """Slow enough for no jump, the clock deletes what is due."""
    tenant = faked.new_tenant("acme")
    tenant.key("gone", "HS256")
    tenant.call("key.delete", name="gone", delay=250)
    faked.jump(260)
    until(lambda: not exists(tenant, "gone"))
    tenant.close()
