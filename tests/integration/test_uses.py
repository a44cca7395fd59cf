"""Tokens that are good for so many uses: each counted once, whoever asks at the same time."""

import concurrent.futures
import time

import pytest

from lib import jose
from lib.vault import KEYFILE

KEY = b"\x42" * 48


@pytest.fixture
def limited(tenant):
    tenant.import_hs(KEY, "k")
    tenant.profile(max_uses=3)
    return tenant


def consume(tenant, token, **fields):
    return tenant.verify(token, consume=True, **fields)


def test_the_profiles_limit_is_the_tokens(limited):
    assert jose.decode(limited.sign()["token"])[1]["uses"] == 3
    assert jose.decode(limited.sign(max_uses=2)["token"])[1]["uses"] == 2
    error = limited.error("token.sign", profile="p", subject="s", max_uses=4)
    assert (error.code, error.field) == ("invalid_params", "max_uses")
    limited.profile("free")
    assert "uses" not in jose.decode(limited.sign("free")["token"])[1]
    assert jose.decode(limited.sign("free", max_uses=9)["token"])[1]["uses"] == 9


@pytest.mark.parametrize("field", ["max_uses"])
@pytest.mark.parametrize("value", [0, -1, 1 << 32, 1.5, "1", True])
def test_bounds(limited, field, value):
    for method, fields in (
        ("profile.put", {"name": "q", "key": "k"}),
        ("token.sign", {"profile": "p", "subject": "s"}),
    ):
        error = limited.error(method, **fields, **{field: value})
        assert (error.code, error.field) == ("invalid_params", field)


def test_uses_are_counted_until_none_is_left(limited):
    made = limited.sign()
    assert limited.error("token.uses", jti=made["jti"]).code == "not_found"
    for left in (2, 1, 0):
        answer = consume(limited, made["token"])
        assert answer["valid"] is True and answer["uses_left"] == left
    assert limited.reason(made["token"], consume=True) == "used_up"
    assert limited.reason(made["token"]) == "used_up"
    assert limited.call("token.uses", jti=made["jti"]) == {"used": 3, "max": 3}
    # Another token under the profile is another's.
    assert consume(limited, limited.sign()["token"])["uses_left"] == 2


def test_looking_counts_nothing(limited):
    made = limited.sign()
    for _ in range(5):
        assert limited.verify(made["token"])["uses_left"] == 3
    consume(limited, made["token"])
    assert limited.verify(made["token"], use="not yet")["uses_left"] == 2
    assert limited.call("token.uses", jti=made["jti"])["used"] == 1


def test_the_same_use_counts_once(limited):
    token = limited.sign()["token"]
    for _ in range(3):
        assert consume(limited, token, use="launch-1")["uses_left"] == 2
    assert consume(limited, token, use="launch-2")["uses_left"] == 1
    assert consume(limited, token)["uses_left"] == 0
    # What was counted stays good, also when there is nothing left for others.
    assert consume(limited, token, use="launch-1")["uses_left"] == 0
    assert limited.verify(token, use="launch-2")["valid"] is True
    assert limited.reason(token, use="launch-3") == "used_up"
    assert limited.reason(token, use="launch-3", consume=True) == "used_up"
    # Of another token it is another use.
    assert consume(limited, limited.sign()["token"], use="launch-1")["uses_left"] == 2


@pytest.mark.parametrize("use", ["", "x" * 65, 5, b"\xff"])
def test_what_is_no_use(limited, use):
    error = limited.error("token.verify", profile="p", token="x", consume=True, use=use)
    assert (error.code, error.field) == ("invalid_params", "use")


def test_what_is_not_good_is_not_counted(limited):
    limited.profile(max_uses=3, domains=["a.example"], required=["r"], claims=["r"])
    made = limited.sign(domain="a.example", claims={"r": 1})
    assert limited.reason(made["token"], consume=True) == "domain"
    limited.profile(max_uses=3, domains=["a.example"], required=["r", "s"], claims=["r", "s"])
    assert limited.reason(made["token"], consume=True, domain="a.example") == "malformed"
    assert limited.error("token.uses", jti=made["jti"]).code == "not_found"


def test_without_a_limit_nothing_is_counted(limited):
    limited.profile("free")
    made = limited.sign("free")
    for _ in range(3):
        answer = consume(limited, made["token"], profile="free", use="u")
        assert answer["valid"] is True and "uses_left" not in answer
    assert limited.error("token.uses", jti=made["jti"]).code == "not_found"


def test_more_uses_are_granted(limited):
    made = limited.sign(max_uses=1)
    consume(limited, made["token"])
    assert limited.call("token.grant_uses", jti=made["jti"], add=2) == {}
    assert limited.call("token.uses", jti=made["jti"]) == {"used": 1, "max": 3}
    assert [consume(limited, made["token"])["uses_left"] for _ in range(2)] == [1, 0]
    assert limited.reason(made["token"], consume=True) == "used_up"


def test_more_uses_are_granted_before_the_first(limited):
    made = limited.sign(max_uses=1)
    limited.call("token.grant_uses", jti=made["jti"], add=1)
    assert [consume(limited, made["token"])["uses_left"] for _ in range(2)] == [1, 0]
    assert limited.call("token.uses", jti=made["jti"]) == {"used": 2, "max": 2}


@pytest.mark.parametrize("jti", ["nobody's", "A" * 27, jose.b64(b"\xff" * 20)])
def test_nobodys_token(limited, jti):
    for method, fields in (("token.uses", {}), ("token.grant_uses", {"add": 1})):
        error = limited.error(method, jti=jti, **fields)
        assert (error.code, error.field) == ("not_found", "jti")


def test_the_lower_of_both_limits(limited):
    """The profile's word counts when the token is looked at."""
    token = limited.sign(max_uses=3)["token"]
    limited.profile(max_uses=1)
    assert consume(limited, token)["uses_left"] == 0
    assert limited.reason(token) == "used_up"
    limited.profile()
    assert consume(limited, token)["uses_left"] == 1


def test_a_peers_token_is_counted_by_its_id(limited):
    for jti in ("peer-1", "ü" * 100, "A" * 27):
        token = jose.token(KEY, jose.claims(limited, jti=jti))
        assert [consume(limited, token)["uses_left"] for _ in range(3)] == [2, 1, 0]
        again = jose.token(KEY, jose.claims(limited, jti=jti, sub="another"))
        assert limited.reason(again) == "used_up"
        assert limited.call("token.uses", jti=jti)["used"] == 3
        limited.call("token.grant_uses", jti=jti, add=1)
        assert consume(limited, again)["uses_left"] == 0


def test_without_an_id_nothing_can_be_counted(limited):
    for claims in (jose.claims(limited), jose.claims(limited, jti="")):
        token = jose.token(KEY, claims)
        assert limited.verify(token)["valid"] is True
        assert limited.reason(token, consume=True) == "malformed"
    assert limited.reason(jose.token(KEY, jose.claims(limited, jti="x" * 257))) == "malformed"


@pytest.mark.parametrize("uses", [0, -1, 1.0, 1.5, "3", None, True, 1 << 32, 1 << 63, [3]])
def test_a_peers_limit_that_is_none(limited, uses):
    assert limited.reason(jose.token(KEY, jose.claims(limited, jti="j", uses=uses))) == "malformed"


def test_a_peers_limit(limited):
    token = jose.token(KEY, jose.claims(limited, jti="j", uses=2))
    assert [consume(limited, token)["uses_left"] for _ in range(2)] == [1, 0]
    assert consume(limited, jose.token(KEY, jose.claims(limited, jti="k", uses=9)))["uses_left"] == 2


def test_a_count_survives_kill(vault):
    tenant = vault.new_tenant("kept")
    tenant.key()
    tenant.profile(max_uses=5)
    token = tenant.sign()["token"]
    consume(tenant, token, use="a")
    consume(tenant, token)
    vault.kill()
    vault.start_again()
    tenant.conn = vault.app()
    assert consume(tenant, token, use="a")["uses_left"] == 3
    assert consume(tenant, token)["uses_left"] == 2
    vault.verify_audit()


def test_many_at_once_use_a_token_up_exactly(vault):
    tenant = vault.new_tenant("crowd")
    tenant.key()
    tenant.profile(max_uses=100)
    token = tenant.sign()["token"]

    def crowd(_):
        with vault.app() as app:
            calls = [("token.verify", tenant.fields(profile="p", token=token, consume=True))] * 40
            return [a.get("uses_left") for a in app.call_many(calls)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        left = [n for answers in pool.map(crowd, range(8)) for n in answers]
    assert sorted(n for n in left if n is not None) == list(range(100))


def test_many_at_once_with_the_same_use(vault):
    tenant = vault.new_tenant("same")
    tenant.key()
    tenant.profile(max_uses=10)
    made = tenant.sign()

    def crowd(_):
        with vault.app() as app:
            calls = [
                ("token.verify", tenant.fields(profile="p", token=made["token"], consume=True, use=u))
                for u in "abc" * 10
            ]
            return [a["valid"] for a in app.call_many(calls)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(v for answers in pool.map(crowd, range(8)) for v in answers)
    assert tenant.call("token.uses", jti=made["jti"])["used"] == 3


def test_kill_in_the_midst_counts_what_was_answered_and_no_use_twice(new_vault):
    """Each use has a text of its own, told again after the crash until it is answered."""
    vault = new_vault().start()
    vault.init(keyfile=KEYFILE)
    tenant = vault.new_tenant("crash")
    tenant.key()
    tenant.profile(max_uses=100000)
    made = tenant.sign()
    answered = 0
    for n in range(3):
        uses = [f"r{n}-{i}" for i in range(300)]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            calls = [
                ("token.verify", tenant.fields(profile="p", token=made["token"], consume=True, use=u))
                for u in uses
            ]
            waiting = pool.submit(tenant.conn.call_many, calls)
            time.sleep(0.01 * (n + 1))
            vault.kill()
            try:
                waiting.result()
            except Exception:  # the connection ended, as it must
                pass
        vault.start_again()
        tenant.conn = vault.app()
        answers = tenant.conn.call_many(calls)
        answered += len(uses)
        assert all(a["valid"] for a in answers)
        assert tenant.call("token.uses", jti=made["jti"])["used"] == answered
    vault.verify_audit()


def test_what_the_audit_tells(limited):
    made = limited.sign()
    consume(limited, made["token"])
    limited.call("token.grant_uses", jti=made["jti"], add=1)
    limited.call("token.uses", jti=made["jti"])
    told = limited.records(jti=made["jti"])
    assert [r["method"] for r in told] == [
        "token.sign",
        "token.verify",
        "token.grant_uses",
        "token.uses",
    ]
