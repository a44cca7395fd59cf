"""vaultd restore: what was in a backup is there again, and what was taken away after it stays away."""

import jwt
import pytest

from lib.backup import Lost
from lib.vault import Tenant


@pytest.fixture
def lost():
    made = Lost()
    yield made
    made.close()


def test_round_trip(lost):
    acme = lost.vault.new_tenant("acme")
    acme.key()
    acme.key("e", algorithm="EdDSA")
    acme.profile()
    acme.profile("pe", key="e")
    token, signed = acme.sign()["token"], acme.sign("pe")["token"]
    acme.call("secret.put", name="db", value=b"hunter2")
    apikey = acme.call("apikey.create", name="bot", kind="ancillary", scopes=["a"])
    lost.backup()
    again = Tenant(lost.restored(), "acme")
    assert again.verify(token)["valid"] is True
    assert again.verify(signed, "pe")["valid"] is True
    assert again.call("secret.get", name="db")["value"] == b"hunter2"
    assert again.conn.call("apikey.verify", key=apikey["key"])["valid"] is True
    assert again.verify(again.sign()["token"])["valid"] is True
    again.vault.verify_audit()
