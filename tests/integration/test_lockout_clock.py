"""Lockouts under moved clocks: a year back, an hour forward, ten years forward neither unlock nor
lock for longer than they should, in a running daemon and across restarts. libfaketime moves the wall
clock and leaves the others, as a person or an NTP server does."""

import pathlib
import time

import pytest

from lib.vault import KEYFILE, Tenant

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
MOVES = ["-365d", "+1h", "+3650d"]
HALF_HOUR_MS = 1_800_000
SLACK_MS = 60_000  # that a test may take until it looks


class Clock:
    """The offset of a daemon's wall clock from the machine's."""

    def __init__(self, directory):
        self.file = directory / "faketime"
        self.move("+0")

    def move(self, offset):
        self.file.write_text(offset + "\n")

    def env(self):
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path):
    assert LIBRARY is not None, "libfaketime is missing: tools/setup.sh test"
    return Clock(tmp_path)


@pytest.fixture
def vault(new_vault, clock):
    """The sandbox would keep the library from its file."""
    vault = new_vault('sandbox = "off"', env=clock.env()).start()
    vault.init()
    return vault


def lock_unseal(vault):
    vault.seal()
    with vault.admin() as admin:
        for _ in range(5):
            assert admin.error("sys.unseal", keyfile=b"x" * 64).code == "denied"


def unseal_left(vault):
    with vault.admin() as admin:
        error = admin.error("sys.unseal", keyfile=KEYFILE)
    assert error.code == "locked"
    return error.retry_after_ms


def is_whole(left):
    return HALF_HOUR_MS - SLACK_MS <= left <= HALF_HOUR_MS


def test_the_clock_is_moved(vault, clock):
    with vault.admin() as admin:
        for offset, seconds in (("-365d", -365 * 86400), ("+1h", 3600), ("+3650d", 3650 * 86400)):
            clock.move(offset)
            told = admin.call("sys.ping")["time"]
            assert abs(told - time.time() - seconds) < 5
        assert admin.call("sys.status")["uptime"] < 60


def test_unseal_while_it_runs(vault, clock):
    lock_unseal(vault)
    for offset in MOVES:
        clock.move(offset)
        assert is_whole(unseal_left(vault)), offset


@pytest.mark.parametrize("offset", MOVES)
def test_unseal_across_a_restart(vault, clock, offset):
    lock_unseal(vault)
    vault.stop()
    clock.move(offset)
    vault.start()
    assert is_whole(unseal_left(vault))
    vault.stop()
    clock.move("+0")
    vault.start()
    assert is_whole(unseal_left(vault))


def block_source(vault, seconds=1800):
    tenant = vault.new_tenant("a")
    tenant.key()
    tenant.profile()
    good = tenant.sign(ttl=3600)["token"]
    vault.admin_call("tenant.update", tenant="a", source_limit={"failures": 3, "block": seconds})
    assert [tenant.reason("x", source="s") for _ in range(4)][-1] == "limited"
    return tenant, good


def test_a_source_while_it_runs(vault, clock):
    tenant, good = block_source(vault)
    for offset in MOVES:
        clock.move(offset)
        assert tenant.reason(good, source="s") == "limited", offset
        assert tenant.verify("x", source="t") == {"valid": False, "reason": "malformed"}
    clock.move("+0")
    assert tenant.verify(good, source="u")["valid"] is True
    tenant.close()


@pytest.mark.parametrize("offset", MOVES)
def test_a_source_across_a_restart(vault, clock, offset):
    tenant, _ = block_source(vault, seconds=4)
    end = time.monotonic() + 4
    tenant.close()
    vault.stop()
    clock.move(offset)
    vault.start_again()
    tenant = Tenant(vault, "a")
    while (reason := tenant.reason("x", source="s")) == "limited":
        assert time.monotonic() < end + 1
        time.sleep(0.05)
    assert reason == "malformed" and time.monotonic() >= end - 1
    tenant.close()
