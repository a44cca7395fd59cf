"""Before sys.init, and sys.init."""

import pytest

from lib import methods
from lib.vault import KEYFILE


def test_nothing_but_a_few_answer_before_init(blank):
    with blank.admin() as admin:
        for method in sorted(set(methods.ALL) - methods.ALWAYS - {"sys.init"}):
            assert admin.error_map(method, methods.ALL[method]).code == "uninitialized", method


def test_before_init_on_the_application_socket(blank):
    with blank.app() as app:
        for method in sorted(set(methods.OTHERS) - methods.ALWAYS):
            assert app.error_map(method, methods.OTHERS[method]).code == "uninitialized", method


def test_what_answers_before_init(blank):
    with blank.app() as app:
        hello = app.call("sys.hello")
        assert (hello["initialized"], hello["sealed"]) == (False, True)
        assert app.call("sys.ping")["time"]
        assert app.call("sys.methods")["items"]
        status = app.call("sys.status")
        assert (status["initialized"], status["sealed"]) == (False, True)


def test_init_answers_and_stays_unsealed(blank):
    answer = blank.init()
    assert set(answer) == {"store_id", "slot", "audit_key"}
    assert answer["slot"] == "initial" and answer["store_id"] and answer["audit_key"]
    status = blank.status()
    assert (status["initialized"], status["sealed"], status["store_id"]) == (
        True,
        False,
        answer["store_id"],
    )
    blank.new_tenant("acme").key("k")


def test_each_vault_has_an_identity_of_its_own(new_vault):
    one, two = (new_vault().start().init() for _ in range(2))
    assert one["store_id"] != two["store_id"] and one["audit_key"] != two["audit_key"]


@pytest.mark.parametrize(
    "secret",
    [
        {"passphrase": b"x" * 12},
        {"passphrase": "päss – 🔑"},
        {"passphrase": bytes(range(12))},
        {"passphrase": b"x" * 1024},
        {"keyfile": b"x" * 32},
        {"keyfile": bytes(range(256)) * 16},
    ],
    ids=[
        "shortest-passphrase",
        "utf8-passphrase",
        "binary-passphrase",
        "long-passphrase",
        "shortest-keyfile",
        "longest-keyfile",
    ],
)
def test_a_secret_that_is_accepted_opens_again(blank, secret):
    blank.init(**secret)
    blank.seal()
    assert blank.unseal(**secret)["sealed"] is False
    blank.restart(unseal=False)
    assert blank.status()["sealed"] is True
    assert blank.unseal(**secret)["sealed"] is False


@pytest.mark.parametrize(
    "secret,field",
    [
        ({"passphrase": b"x" * 11}, "passphrase"),
        ({"passphrase": b""}, "passphrase"),
        ({"keyfile": b"x" * 31}, "keyfile"),
        ({"keyfile": b"x" * 4097}, "keyfile"),
        ({"keyfile": b""}, "keyfile"),
        ({"passphrase": 123456789012}, "passphrase"),
        ({"keyfile": ["x"] * 32}, "keyfile"),
    ],
)
def test_a_secret_out_of_bounds(blank, secret, field):
    with blank.admin() as admin:
        error = admin.error("sys.init", **secret)
        assert (error.code, error.field) == ("invalid_params", field)
    assert blank.status()["initialized"] is False
    blank.init()


@pytest.mark.parametrize(
    "secret", [{}, {"passphrase": b"x" * 12, "keyfile": b"y" * 32}, {"passphrase": None}]
)
def test_exactly_one_kind_of_secret(blank, secret):
    with blank.admin() as admin:
        assert admin.error("sys.init", **secret).code == "invalid_params"
    assert blank.status()["initialized"] is False


@pytest.mark.parametrize("shares", [{"shares": 1, "threshold": 1}, {"shares": 17, "threshold": 2}])
def test_shares_out_of_bounds(blank, shares):
    with blank.admin() as admin:
        assert admin.error("sys.init", **shares).code == "invalid_params"


def test_a_second_init(vault):
    with vault.admin() as admin:
        assert admin.error("sys.init", keyfile=b"z" * 32).code == "already_initialized"
        vault.seal()
        assert admin.error("sys.init", keyfile=b"z" * 32).code == "already_initialized"
        vault.unseal()


def test_two_inits_at_once(blank):
    with blank.admin() as one, blank.admin() as two:
        ids = [(conn, conn.start("sys.init", {"keyfile": KEYFILE})) for conn in (one, two)]
        outcomes = []
        for conn, msgid in ids:
            try:
                outcomes.append(conn.wait(msgid)["slot"])
            except Exception as e:  # noqa: BLE001 - the code is looked at below
                outcomes.append(e.code)
    assert sorted(outcomes) == ["already_initialized", "initial"]
    blank.seal()
    blank.unseal()


def test_init_survives_kill_right_after_its_answer(blank):
    blank.init()
    blank.kill()
    blank.start_again()
    blank.verify_audit()


def test_a_kill_before_init_leaves_nothing_in_the_way(blank):
    blank.kill()
    blank.start()
    blank.init()


def test_unseal_and_seal_before_init(blank):
    with blank.admin() as admin:
        assert admin.error("sys.unseal", keyfile=KEYFILE).code == "uninitialized"
        assert admin.error("sys.seal").code == "uninitialized"
