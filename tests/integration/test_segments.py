"""The audit over many segment files."""

import pytest

SMALL = 256 * 1024  # bytes a segment, so that a test fills several


def segments(vault):
    return sorted(p for p in (vault.state / "audit").iterdir() if p.name != "epoch.key")


@pytest.fixture
def small(new_vault):
    vault = new_vault(f"audit_segment_size = {SMALL}").start()
    vault.init()
    return vault


def fill(vault, tenant, least):
    """Signs until there are that many segments; answers how many times."""
    count = 0
    while len(segments(vault)) < least:
        calls = [("key.sign", tenant.fields(name="k", message=b"m", actor="x" * 100))] * 500
        assert all(isinstance(a, dict) for a in tenant.conn.call_many(calls))
        count += 500
        assert count < 200000
    return count


@pytest.fixture
def acme(small):
    tenant = small.new_tenant("acme")
    tenant.key("k", usage="raw")
    yield tenant
    tenant.close()


def test_queries_and_verify_reach_all_segments(small, acme):
    count = fill(small, acme, 6)
    records = acme.records(method="key.sign")
    assert len(records) == count
    assert [r["seq"] for r in records] == sorted({r["seq"] for r in records})
    answer = small.verify_audit()
    assert answer["last"] >= count


def test_many_segments_survive_restart_and_kill(small, acme):
    count = fill(small, acme, 5)
    for again in (small.restart, lambda: (small.kill(), small.start_again())):
        again()
        acme.close()
        acme.conn = small.app()
        assert len(acme.records(method="key.sign")) == count
        small.verify_audit()


def test_a_removed_segment_in_the_middle_is_found(small, acme):
    fill(small, acme, 6)
    small.stop()
    segments(small)[2].unlink()
    small.start_again()
    answer = small.admin_call("audit.verify")
    assert answer["ok"] is False and answer["broken"]["seq"] > 0 and answer["broken"]["why"]


def test_a_flipped_bit_in_an_old_segment_is_found(small, acme):
    fill(small, acme, 6)
    small.stop()
    for number, at in ((0, 5000), (1, 20), (2, 100000)):
        path = segments(small)[number]
        good = path.read_bytes()
        bad = bytearray(good)
        bad[at] ^= 4
        path.write_bytes(bad)
        small.start_again()
        assert small.admin_call("audit.verify")["ok"] is False, (path.name, at)
        small.stop()
        path.write_bytes(good)
    small.start_again()
    small.verify_audit()


def test_changes_while_segments_turn(small, acme):
    calls = []
    for n in range(3000):
        calls.append(("key.sign", acme.fields(name="k", message=b"m", actor="y" * 100)))
        if n % 10 == 0:
            calls.append(("key.rotate", acme.fields(name="k")))
    assert all(isinstance(a, dict) for a in acme.conn.call_many(calls))
    assert len(acme.records(method="key.rotate")) == 300
    small.kill()
    small.start_again()
    small.verify_audit()
