"""Tokens that are refused before they expire."""

import concurrent.futures
import threading
import time

import pytest

from lib import jose

KEY = b"\x42" * 48


@pytest.fixture
def ours(tenant):
    tenant.import_hs(KEY, "k")
    tenant.profile(claims=["n"])
    tenant.profile("q")
    return tenant


def revoke(tenant, **fields):
    assert tenant.call("token.revoke", **fields) == {}


def valid(tenant, token, profile="p"):
    return tenant.verify(token, profile)["valid"]


def test_by_id(ours):
    one, two = ours.sign(), ours.sign()
    revoke(ours, jti=one["jti"])
    assert ours.reason(one["token"]) == "revoked"
    assert valid(ours, two["token"])
    revoke(ours, jti=one["jti"])
    assert ours.reason(one["token"]) == "revoked"


def test_by_subject_exactly_those_made_before(ours):
    """Within one second, many times: only the issuance counter tells them apart."""
    for _ in range(20):
        before = ours.sign(subject="s")["token"]
        other = ours.sign(subject="other")["token"]
        revoke(ours, subject="s")
        after = ours.sign(subject="s")["token"]
        assert ours.reason(before) == "revoked"
        assert valid(ours, after) and valid(ours, other)


def test_by_profile_exactly_those_made_before(ours):
    for _ in range(20):
        before, other = ours.sign()["token"], ours.sign("q")["token"]
        revoke(ours, profile="p")
        after = ours.sign()["token"]
        assert ours.reason(before) == "revoked"
        assert valid(ours, after) and valid(ours, other, "q")


def test_by_time(ours):
    token = ours.sign()["token"]
    now = int(time.time())
    for by in ({"subject": "learner-42"}, {"profile": "p"}):
        revoke(ours, before=now - 5, **by)
        assert valid(ours, token)
    time.sleep(1.1)
    revoke(ours, subject="learner-42", before=int(time.time()))
    assert ours.reason(token) == "revoked"
    assert valid(ours, ours.sign()["token"])
    # An earlier time takes nothing back.
    revoke(ours, subject="learner-42", before=now - 5)
    assert ours.reason(token) == "revoked"


@pytest.mark.parametrize(
    "fields, field",
    [
        ({}, None),
        ({"jti": "j", "subject": "s"}, None),
        ({"subject": "s", "profile": "p"}, None),
        ({"jti": "j", "subject": "s", "profile": "p"}, None),
        ({"before": 5}, None),
        ({"jti": "j", "before": 5}, "before"),
        ({"subject": "s", "before": 1 << 40}, "before"),
        ({"profile": "p", "before": int(time.time()) + 3600}, "before"),
        ({"subject": "s", "before": -1}, "before"),
        ({"subject": ""}, "subject"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"profile": "no name"}, "profile"),
    ],
)
def test_what_is_no_revocation(ours, fields, field):
    error = ours.error("token.revoke", **fields)
    assert error.code == "invalid_params" and (field is None or error.field == field)


def test_a_profile_that_there_is_not(ours):
    error = ours.error("token.revoke", profile="typo")
    assert (error.code, error.field) == ("not_found", "profile")


def test_what_was_revoked_stays_so(vault):
    tenant = vault.new_tenant("kept")
    tenant.key()
    tenant.profile()
    tenant.profile("q")
    one, two, three = tenant.sign(), tenant.sign(subject="s"), tenant.sign("q")
    revoke(tenant, jti=one["jti"])
    revoke(tenant, subject="s")
    revoke(tenant, profile="q")
    for how in (vault.restart, lambda: (vault.kill(), vault.start_again())):
        how()
        tenant.conn = vault.app()
        assert tenant.reason(one["token"]) == "revoked"
        assert tenant.reason(two["token"]) == "revoked"
        assert tenant.reason(three["token"], "q") == "revoked"
        assert valid(tenant, tenant.sign(subject="s")["token"])
        assert valid(tenant, tenant.sign("q")["token"], "q")
    vault.seal()
    vault.unseal()
    assert tenant.reason(one["token"]) == "revoked"


def test_right_after_a_restart(vault):
    """Before the first token since the start, when nobody counts yet."""
    tenant = vault.new_tenant("early")
    tenant.key()
    tenant.profile()
    old = tenant.sign()["token"]
    vault.restart()
    tenant.conn = vault.app()
    revoke(tenant, subject="learner-42")
    assert tenant.reason(old) == "revoked"
    assert valid(tenant, tenant.sign()["token"])
    # And where there never was a token.
    fresh = vault.new_tenant("fresh")
    fresh.key()
    fresh.profile()
    revoke(fresh, profile="p")
    assert valid(fresh, fresh.sign()["token"])


def test_another_tenants_are_not(ours, new_tenant):
    other = new_tenant()
    other.import_hs(KEY, "k")
    other.profile()
    one, two = ours.sign(), other.sign()
    revoke(ours, jti=two["jti"])
    revoke(ours, subject="learner-42")
    revoke(ours, profile="p")
    assert valid(other, two["token"]) and ours.reason(one["token"]) == "revoked"


def peer(tenant, **claims):
    return jose.token(KEY, jose.claims(tenant, **claims))


def test_a_peers_by_id(ours):
    for jti in ("peer", "ü" * 128, jose.b64(b"\xff" * 20), "A" * 27):
        token = peer(ours, jti=jti)
        assert valid(ours, token)
        revoke(ours, jti=jti)
        assert ours.reason(token) == "revoked"
    assert valid(ours, peer(ours, jti="another")) and valid(ours, peer(ours))


@pytest.mark.parametrize("jti", [None, "peer", jose.b64(b"\xff" * 20)])
def test_a_peers_by_when_it_was_issued(ours, jti):
    """It has no number of ours, also where its id looks so."""
    named = {} if jti is None else {"jti": jti}
    now = int(time.time())
    old, past = peer(ours, **named), peer(ours, iat=now - 100, **named)
    revoke(ours, subject="learner-42")
    assert ours.reason(old) == "revoked" and ours.reason(past) == "revoked"
    assert valid(ours, peer(ours, sub="another", **named))
    time.sleep(1.1)
    assert valid(ours, peer(ours, **named))
    revoke(ours, profile="p", before=now - 50)
    assert ours.reason(past) == "revoked" and valid(ours, peer(ours, **named))


def test_a_token_that_does_not_say_when_it_was_issued(ours):
    now = int(time.time())
    ours.profile(legacy_until=now + 1000)
    token = jose.token(KEY, jose.claims(ours, without=("iat", "tid")))
    assert valid(ours, token)
    revoke(ours, subject="learner-42", before=5)
    assert ours.reason(token) == "revoked"


def test_one_that_is_revoked_is_not_used(ours):
    ours.profile(max_uses=3)
    made = ours.sign()
    revoke(ours, jti=made["jti"])
    assert ours.reason(made["token"], consume=True) == "revoked"
    assert ours.error("token.uses", jti=made["jti"]).code == "not_found"


def test_nobody_gets_past_it(vault):
    """Eight connections verify all the time; from the reply on none of them answers valid."""
    tenant = vault.new_tenant("race")
    tenant.key()
    tenant.profile()
    made = [tenant.sign(subject=f"s{i}") for i in range(30)]
    revoked, stop = [False] * len(made), threading.Event()
    late = []

    def watch(_):
        with vault.app() as app:
            while not stop.is_set():
                for i, m in enumerate(made):
                    known = revoked[i]
                    answer = app.call(
                        "token.verify", tenant=tenant.name, profile="p", token=m["token"]
                    )
                    if known and answer["valid"]:
                        late.append(i)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        watching = [pool.submit(watch, n) for n in range(8)]
        for i, m in enumerate(made):
            by = {"jti": m["jti"]} if i % 2 else {"subject": f"s{i}"}
            revoke(tenant, **by)
            revoked[i] = True
        stop.set()
        for w in watching:
            w.result()
    assert late == []


def test_signing_and_revoking_at_once(vault):
    """Whatever was answered before the revocation was asked for is refused, whatever was asked for
    after its answer is good."""
    tenant = vault.new_tenant("line")
    tenant.key()
    tenant.profile()
    made, stop = [], threading.Event()

    def sign(_):
        with vault.app() as app:
            while not stop.is_set():
                asked = time.monotonic()
                answer = app.call("token.sign", tenant=tenant.name, profile="p", subject="s")
                made.append((asked, time.monotonic(), answer["token"]))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        signing = [pool.submit(sign, n) for n in range(4)]
        time.sleep(0.3)
        asked = time.monotonic()
        revoke(tenant, subject="s")
        answered = time.monotonic()
        time.sleep(0.3)
        stop.set()
        for s in signing:
            s.result()
    calls = [("token.verify", tenant.fields(profile="p", token=t)) for _, _, t in made]
    for (start, end, _), answer in zip(made, tenant.conn.call_many(calls)):
        assert answer["valid"] or start < answered
        assert not answer["valid"] or end > asked
    assert any(end < asked for _, end, _ in made) and any(s > answered for s, _, _ in made)


def test_again_under_the_same_request_id(ours):
    """Nothing that was signed since is revoked by telling it once more."""
    revoke(ours, subject="learner-42", request_id="r-1")
    token = ours.sign()["token"]
    assert ours.call("token.revoke", subject="learner-42", request_id="r-1") == {"replayed": True}
    assert valid(ours, token)


def test_what_the_audit_tells(ours):
    made = ours.sign()
    revoke(ours, jti=made["jti"])
    assert ours.reason(made["token"]) == "revoked"
    revoke(ours, profile="p")
    told = ours.records(method="token.*")
    assert [(r["method"], r.get("reason")) for r in told] == [
        ("token.sign", None),
        ("token.revoke", None),
        ("token.verify", "revoked"),
        ("token.revoke", None),
    ]
    assert told[1]["jti"] == made["jti"] and told[3]["name"] == "p"
