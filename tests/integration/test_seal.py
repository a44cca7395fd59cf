"""Sealed: what answers, what opens it again, and what five failures do."""

import time

import pytest

from lib import methods
from lib.vault import KEYFILE, VaultError

SEALED_ANSWERS = methods.ALWAYS | {"sys.init", "sys.unseal", "sys.seal"}
LOCK_MS = 30 * 60 * 1000


@pytest.fixture
def sealed(vault):
    vault.seal()
    return vault


def test_everything_else_is_sealed(sealed):
    with sealed.admin() as admin:
        for method in sorted(set(methods.ALL) - SEALED_ANSWERS):
            assert admin.error_map(method, methods.ALL[method]).code == "sealed", method
    with sealed.app() as app:
        for method in sorted(set(methods.OTHERS) - methods.ALWAYS):
            assert app.error_map(method, methods.OTHERS[method]).code == "sealed", method


def test_what_answers_while_sealed(sealed):
    with sealed.app() as app:
        hello = app.call("sys.hello")
        assert (hello["initialized"], hello["sealed"]) == (True, True)
        assert app.call("sys.ping")["time"] and app.call("sys.methods")["items"]
        status = app.call("sys.status")
        assert (status["initialized"], status["sealed"]) == (True, True)
        assert "tenants" not in status


def test_seal_and_seal_again(vault):
    assert vault.seal() == {"sealed": True}
    assert vault.seal() == {"sealed": True}
    assert vault.unseal() == {"sealed": False}


def test_a_restart_seals(vault):
    vault.restart(unseal=False)
    assert vault.status()["sealed"] is True
    assert vault.unseal() == {"sealed": False}


def test_unseal_when_unsealed_tries_nothing(vault):
    for secret in (
        {"keyfile": KEYFILE},
        {"keyfile": b"wrong" * 8},
        {"passphrase": b"wrong passphrase"},
    ):
        for _ in range(6):
            assert vault.unseal(**secret) == {"sealed": False}
    vault.seal()
    assert vault.unseal() == {"sealed": False}, "none of the above may have counted as a failure"


@pytest.mark.parametrize(
    "secret",
    [
        {"keyfile": KEYFILE[:-1] + b"x"},
        {"keyfile": KEYFILE + b"x"},
        {"keyfile": b"k" * 32},
        {"passphrase": KEYFILE},
        {"passphrase": b"wrong passphrase"},
        {"keyfile": b"x"},
    ],
)
def test_a_wrong_secret_is_denied(sealed, secret):
    with sealed.admin() as admin:
        assert admin.error("sys.unseal", **secret).code == "denied"
    assert sealed.status()["sealed"] is True
    assert sealed.unseal() == {"sealed": False}


@pytest.mark.parametrize("secret", [{}, {"keyfile": KEYFILE, "passphrase": b"x" * 12}])
def test_exactly_one_kind_of_secret(sealed, secret):
    with sealed.admin() as admin:
        for _ in range(6):
            assert admin.error("sys.unseal", **secret).code == "invalid_params"
    assert sealed.unseal() == {"sealed": False}, "a malformed request is no failure"


def test_the_slot_can_be_named(sealed):
    assert sealed.unseal(keyfile=KEYFILE, slot="initial") == {"sealed": False}


def test_another_slot_does_not_open(sealed):
    with sealed.admin() as admin:
        assert admin.error("sys.unseal", keyfile=KEYFILE, slot="other").code in (
            "denied",
            "not_found",
        )


def fail(vault, times, **secret):
    with vault.admin() as admin:
        return [
            admin.error("sys.unseal", **(secret or {"keyfile": b"wrong" * 8})) for _ in range(times)
        ]


def assert_locked(vault):
    with vault.admin() as admin:
        error = admin.error("sys.unseal", keyfile=KEYFILE)
    assert error.code == "locked", "even the right secret"
    assert 0 < error.retry_after_ms <= LOCK_MS
    assert vault.status()["sealed"] is True
    return error.retry_after_ms


def test_five_failures_lock(sealed):
    assert [e.code for e in fail(sealed, 5)] == ["denied"] * 5
    assert assert_locked(sealed) > LOCK_MS - 60000


def test_four_failures_do_not_lock(sealed):
    fail(sealed, 4)
    assert sealed.unseal() == {"sealed": False}


def test_attempts_while_locked_do_not_extend_it(sealed):
    fail(sealed, 5)
    first = assert_locked(sealed)
    time.sleep(1.1)
    for error in fail(sealed, 3):
        assert error.code == "locked" and error.retry_after_ms < first
    assert assert_locked(sealed) <= first - 1000


def test_the_lock_survives_a_restart(sealed):
    fail(sealed, 5)
    sealed.restart(unseal=False)
    assert_locked(sealed)
    sealed.kill()
    sealed.start()
    assert_locked(sealed)


def test_failures_are_counted_across_a_restart(sealed):
    fail(sealed, 3)
    sealed.kill()
    sealed.start()
    assert [e.code for e in fail(sealed, 2)] == ["denied"] * 2
    assert_locked(sealed)


def test_failures_sent_at_once_are_all_counted(sealed):
    with sealed.admin() as admin:
        answers = admin.call_many(
            [("sys.unseal", {"keyfile": b"w%02d" % i + b"x" * 32}) for i in range(20)]
        )
    codes = [a.code for a in answers if isinstance(a, VaultError)]
    assert codes.count("denied") == 5 and codes.count("locked") == 15
    assert_locked(sealed)


def test_unseal_failures_are_audited(sealed):
    fail(sealed, 2)
    sealed.unseal()
    with sealed.admin() as admin:
        records = admin.pages("audit.query", 1000, method="sys.unseal", order="oldest")
    outcomes = [r["outcome"] for r in records]
    assert outcomes[-1] == "ok" and outcomes[:-1] and set(outcomes[:-1]) == {"denied"}


def test_passphrase_failures_cost_and_lock_alike(blank):
    blank.init(passphrase=b"a right passphrase")
    blank.seal()
    assert [e.code for e in fail(blank, 5, passphrase=b"a wrong passphrase")] == ["denied"] * 5
    with blank.admin() as admin:
        assert admin.error("sys.unseal", passphrase=b"a right passphrase").code == "locked"


def test_data_survive_seal_and_unseal(vault):
    acme = vault.new_tenant("acme")
    acme.import_hs(b"k" * 32, "raw", usage="raw")
    acme.key("k")
    acme.profile(issuer="iss")
    token = acme.sign()["token"]
    signature = acme.call("key.sign", name="raw", message=b"m")
    for again in (
        lambda: (vault.seal(), vault.unseal()),
        vault.restart,
        lambda: (vault.kill(), vault.start_again()),
    ):
        again()
        acme.close()
        acme.conn = vault.app()
        assert acme.call("key.sign", name="raw", message=b"m") == signature
        assert acme.verify(token)["valid"] is True
    acme.close()
    vault.verify_audit()


def test_open_connections_live_through_seal_and_unseal(vault):
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    vault.seal()
    assert acme.error("key.sign", name="k", message=b"m").code == "sealed"
    vault.unseal()
    assert acme.call("key.sign", name="k", message=b"m")["version"] == 1
    acme.close()


def test_sealing_under_load(vault):
    """Each request is answered whole or with sealed, and nothing else."""
    acme = vault.new_tenant("acme")
    acme.key("k", usage="raw")
    due = acme.call("key.sign", name="k", message=b"m")["signature"]
    for _ in range(5):
        ids = [acme.conn.start("key.sign", acme.fields(name="k", message=b"m")) for _ in range(300)]
        ids += [acme.conn.start("key.rotate", acme.fields(name="none")) for _ in range(100)]
        vault.seal()
        for n, msgid in enumerate(ids):
            try:
                assert acme.conn.wait(msgid)["signature"] == due and n < 300
            except VaultError as e:
                assert e.code == "sealed" or (n >= 300 and e.code == "not_found")
        assert acme.error("key.sign", name="k", message=b"m").code == "sealed"
        vault.unseal()
    acme.close()
    vault.verify_audit()
