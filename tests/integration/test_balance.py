"""Workers whose turns last long hand connections over, and nothing of a connection is lost on the way."""

import statistics
import threading
import time

import pytest

from lib import encode
from lib.rpc import VaultError
from test_metrics import scrape, value

CONNECTIONS = 8
BATCH = 64  # EdDSA signatures: a turn of one connection takes about a millisecond
SIGN_MESSAGE = b"m" * 64


@pytest.fixture
def two(new_vault):
    vault = new_vault("workers = 2").start()
    vault.init()
    return vault


@pytest.fixture
def acme(two):
    tenant = two.new_tenant("acme")
    tenant.key("ed", algorithm="EdDSA", usage="raw")
    tenant.key("k")
    tenant.profile()
    yield tenant
    tenant.close()


def every_other(connect):
    """Connections that are all with one worker: they are dealt out in turn, and half are left alone."""
    made = [connect() for _ in range(2 * CONNECTIONS)]
    yield made[::2]
    for conn in made:
        conn.close()


@pytest.fixture
def lopsided(two):
    yield from every_other(two.app)


@pytest.fixture
def watching(two):
    yield from every_other(two.admin)


def moved(vault):
    with vault.admin() as admin:
        return value(scrape(admin), "vaultd_connections_moved_total")


def burst(conns, acme, extra=()):
    """A batch on every connection, each in one piece, before any answer is read: the answers."""
    fields = acme.fields(name="ed", message=SIGN_MESSAGE)
    requests = [("key.sign", fields)] * BATCH + list(extra)
    frames = b"".join(encode.request(i, *request) for i, request in enumerate(requests))
    for conn in conns:
        conn.send_raw(frames)
    answers = []
    for conn in conns:
        own = {}
        while len(own) < len(requests):
            _, msgid, error, result = conn.recv()
            assert msgid not in own
            own[msgid] = VaultError(error) if error else result
        answers.append([own[i] for i in range(len(requests))])
    return answers


def burst_until_moved(vault, conns, acme, times=4):
    before = moved(vault)
    for _ in range(400):
        burst(conns, acme)
        if moved(vault) >= before + times:
            return
    raise AssertionError(f"moved {moved(vault) - before} times, not {times}")


def test_long_turns_are_shared(two, acme, lopsided):
    burst_until_moved(two, lopsided, acme)
    for answers in burst(lopsided, acme):
        assert [a for a in answers if isinstance(a, VaultError)] == []
        assert len({a["signature"] for a in answers}) == 1


def test_they_settle(two, acme, lopsided):
    """Once shared out, connections do not wander: far fewer moves than there are turns."""
    burst_until_moved(two, lopsided, acme, 3)
    for _ in range(100):
        burst(lopsided, acme)
    before = moved(two)
    for _ in range(100):
        burst(lopsided, acme)
    assert moved(two) - before < 30


def test_short_turns_stay_where_they_are(two, acme, lopsided):
    before = moved(two)
    for _ in range(500):
        for conn in lopsided:
            conn.call("sys.ping")
    assert moved(two) == before


def test_a_narrowed_session_stays_narrow(two, acme, lopsided):
    for conn in lopsided:
        conn.call("auth.narrow", tenant="acme", methods=["key.sign"])
    burst_until_moved(two, lopsided, acme)
    for conn in lopsided:
        assert conn.error("key.get", tenant="acme", name="ed").code == "denied"


def test_a_revocation_bites_on_connections_that_moved(two, acme, lopsided):
    signed = acme.sign()
    token = signed["token"]
    verify = ("token.verify", acme.fields(profile="p", token=token))
    assert all(own[-1]["valid"] for own in burst(lopsided, acme, [verify]))
    burst_until_moved(two, lopsided, acme, 2)
    acme.call("token.revoke", jti=signed["jti"])
    for _ in range(30):
        for own in burst(lopsided, acme, [verify]):
            assert own[-1] == {"valid": False, "reason": "revoked"}


def test_changes_in_flight_come_back_to_who_asked(two, acme, lopsided):
    """Requests that the committer answers, between those that make turns long."""
    before = moved(two)
    for i in range(400):
        put = [("secret.put", acme.fields(name=f"p{j}", value=b"%d %d" % (i, j))) for j in range(2)]
        for own in burst(lopsided, acme, put):
            assert all("version" in a for a in own[-2:])
        if moved(two) >= before + 4:
            break
    assert moved(two) >= before + 4
    two.verify_audit()


def test_half_a_request_moves_along(two, acme, lopsided):
    """What has arrived of a request goes with its connection."""
    fields = acme.fields(name="ed", message=SIGN_MESSAGE)
    before = moved(two)
    for _ in range(400):
        for conn in lopsided:
            frame = encode.request(7, "key.sign", fields)
            conn.send_raw(frame * BATCH + frame[:len(frame) // 2])
        for conn in lopsided:
            for _ in range(BATCH):
                assert conn.recv()[1] == 7
            conn.send_raw(frame[len(frame) // 2:])
        for conn in lopsided:
            assert conn.recv()[1] == 7
        if moved(two) >= before + 4:
            return
    raise AssertionError("nothing moved")


def test_whoever_watches_stays_and_is_told(two, acme, watching):
    for conn in watching:
        conn.call("sys.watch", kinds=["denied"])
    before = moved(two)
    for _ in range(60):
        assert not any(isinstance(a, VaultError) for own in burst(watching, acme) for a in own)
    assert moved(two) == before


def test_sealing_and_stopping_under_load(two, acme, lopsided):
    """Sealing parks workers while they hand connections to each other; stopping ends them."""
    stop = threading.Event()
    failed = []

    def load():
        try:
            while not stop.is_set():
                for own in burst(lopsided, acme):
                    for a in own:
                        if isinstance(a, VaultError):
                            assert a.code == "sealed", a
        except (ConnectionError, OSError, EOFError):
            if not stop.is_set():
                failed.append("the connection ended")
        except AssertionError as e:
            failed.append(str(e))

    thread = threading.Thread(target=load)
    thread.start()
    for _ in range(5):
        two.seal()
        two.unseal()
    assert not failed
    stop.set()
    two.stop()
    thread.join()
    assert not failed


def test_slow_requests_of_one_do_not_hold_up_others(new_vault):
    """Among RSA signatures by the hundred, a ping waits for a few, not for all."""
    vault = new_vault("workers = 1").start()
    vault.init()
    tenant = vault.new_tenant("acme")
    tenant.key("rsa", algorithm="RS256", usage="raw")
    fields = tenant.fields(name="rsa", message=SIGN_MESSAGE)
    flood = [vault.app() for _ in range(CONNECTIONS)]
    frames = b"".join(encode.request(i, "key.sign", fields) for i in range(BATCH))
    waited = []
    with vault.app() as conn:
        one = time.monotonic()
        for _ in range(20):
            conn.call("key.sign", **fields)
        one = (time.monotonic() - one) / 20
        for _ in range(10):
            for other in flood:
                other.send_raw(frames)
            time.sleep(0.01)
            began = time.monotonic()
            conn.call("sys.ping")
            waited.append(time.monotonic() - began)
            for other in flood:
                for _ in range(BATCH):
                    other.recv()
    for other in flood:
        other.close()
    # All of them take CONNECTIONS * BATCH signatures; a late turn of each runs four.
    assert statistics.median(waited) < one * CONNECTIONS * BATCH / 4
    tenant.close()
