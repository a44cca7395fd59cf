"""Several workers, each with a cache of its own: what one has answered, all have seen."""

import pytest

from lib import jose
from lib.rpc import VaultError

WORKERS = 3
CONNECTIONS = 12  # so that each worker has several


@pytest.fixture
def many(new_vault):
    vault = new_vault(f"workers = {WORKERS}").start()
    vault.init()
    return vault


@pytest.fixture
def acme(many):
    tenant = many.new_tenant("acme")
    tenant.key("k")
    tenant.profile()
    yield tenant
    tenant.close()


@pytest.fixture
def conns(many):
    made = [many.app() for _ in range(CONNECTIONS)]
    yield made
    for conn in made:
        conn.close()


def ask_all(conns, method, fields):
    """The same request on every connection at once: results or VaultErrors."""
    ids = [(conn, conn.start(method, fields)) for conn in conns]
    answers = []
    for conn, msgid in ids:
        try:
            answers.append(conn.wait(msgid))
        except VaultError as e:
            answers.append(e)
    return answers


def test_a_revocation_counts_in_every_cache(acme, conns):
    for _ in range(20):
        token = acme.sign()["token"]
        fields = acme.fields(profile="p", token=token)
        assert all(a["valid"] for a in ask_all(conns, "token.verify", fields))
        current = acme.call("key.get", name="k")["current"]
        acme.call("key.rotate", name="k")
        acme.call("key.revoke", name="k", version=current)
        answers = ask_all(conns, "token.verify", fields)
        assert [a.get("reason") for a in answers] == ["key_revoked"] * CONNECTIONS


def test_a_replaced_profile_counts_in_every_cache(acme, conns):
    for n in range(20):
        acme.profile(issuer=f"iss-{n}")
        answers = ask_all(conns, "token.sign", acme.fields(profile="p", subject="s"))
        assert {jose.decode(a["token"])[1]["iss"] for a in answers} == {f"iss-{n}"}


def test_a_deleted_profile_is_gone_from_every_cache(acme, conns):
    for _ in range(10):
        fields = acme.fields(profile="p", subject="s")
        assert all("token" in a for a in ask_all(conns, "token.sign", fields))
        acme.call("profile.delete", name="p")
        assert {a.code for a in ask_all(conns, "token.sign", fields)} == {"not_found"}
        acme.profile()


def test_a_rotation_counts_in_every_cache(acme, conns):
    for version in range(2, 22):
        acme.call("key.rotate", name="k")
        answers = ask_all(conns, "token.sign", acme.fields(profile="p", subject="s"))
        assert {jose.decode(a["token"])[0]["kid"] for a in answers} == {f"k.{version}"}


def test_token_ids_are_unique_over_all_workers(acme, conns):
    ids = []
    for _ in range(50):
        ids += [
            a["jti"] for a in ask_all(conns, "token.sign", acme.fields(profile="p", subject="s"))
        ]
    assert len({jose.counter(jti) for jti in ids}) == len(ids)


def test_sealing_reaches_every_worker(many, acme, conns):
    fields = acme.fields(profile="p", subject="s")
    for _ in range(5):
        assert all("token" in a for a in ask_all(conns, "token.sign", fields))
        many.seal()
        assert {a.code for a in ask_all(conns, "token.sign", fields)} == {"sealed"}
        many.unseal()


def test_the_audit_orders_all_workers(many, acme, conns):
    for n in range(30):
        ask_all(conns, "token.sign", acme.fields(profile="p", subject="s", actor=f"a{n}"))
    records = acme.records(method="token.sign")
    assert len(records) == 30 * CONNECTIONS
    assert [r["actor"] for r in records] == sorted(
        (r["actor"] for r in records), key=lambda a: int(a[1:])
    )
    many.verify_audit()
    many.kill()
    many.start_again()
    many.verify_audit()
