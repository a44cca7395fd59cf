"""A tenant with something of everything, and whether all of it is still there and good."""

import hashlib
import time

LIFE = {"ttl": 86400, "max_ttl": 86400}  # of its tokens: a campaign of kills may take hours
USES = 1_000_000  # of its API keys, of which each check() takes one
WAIT = 60  # seconds that work in the background may take


def wait_rekeyed(vault, name, seconds=WAIT):
    """Until tenant.get tells of no rekey any more; answers what was told on the way."""
    told, end = [], time.monotonic() + seconds
    with vault.admin() as admin:
        while time.monotonic() < end:
            got = next(t for t in admin.pages("tenant.list", 1000) if t["tenant"] == name)
            if "rekey" not in got:
                return told
            told.append((got["rekey"]["done"], got["rekey"]["total"]))
            time.sleep(0.005)
    raise AssertionError(f"the rekey did not end: {told[-3:]}")


class Rich:
    """fill() makes it, check() looks at all of it."""

    def __init__(self, tenant, secrets=20, keys=8):
        self.tenant, self.secrets, self.keys = tenant, secrets, keys
        self.made = {}

    def call(self, method, /, **fields):
        return self.tenant.call(method, **fields)

    def value(self, n):
        return hashlib.sha256(f"{self.tenant.name} {n}".encode()).digest() * (1 + n % 3 * 60)

    def fill(self):
        call, made = self.call, self.made
        call("key.create", name="hs", algorithm="HS256")
        call("key.create", name="ed", algorithm="EdDSA")
        call("key.rotate", name="ed", now=True)
        call("key.create", name="raw", algorithm="EdDSA", usage="raw")
        for _ in range(3):
            call("key.rotate", name="raw", now=True)
        call("key.create", name="box", algorithm="XC20P")
        call("key.create", name="hook", algorithm="HS256", usage="webhook")
        call("profile.put", name="p", key="hs", max_uses=5, **LIFE)
        call("profile.put", name="e", key="ed", **LIFE)
        made["token"] = call("token.sign", profile="p", subject="s", max_uses=3)
        made["ed"] = call("token.sign", profile="e", subject="s")
        made["revoked"] = call("token.sign", profile="e", subject="s")
        call("token.revoke", jti=made["revoked"]["jti"])
        call("token.revoke", subject="gone")
        assert self.verify("p", made["token"], consume=True, use="one")["uses_left"] == 2
        made["signature"] = call("key.sign", name="raw", message=b"m", version=1)["signature"]
        made["box"] = call("crypto.encrypt", name="box", plaintext=b"plain")["ciphertext"]
        made["hook"] = call("webhook.sign", key="hook", payload=b"x")["headers"]
        made["apikeys"] = [
            call("apikey.create", name=f"gw{n}", scopes=["read"], uses=USES) for n in range(self.keys)
        ]
        made["imported"] = f"{self.tenant.name}-legacy-key"
        call(
            "apikey.import",
            name="old",
            scopes=["read"],
            sha256=hashlib.sha256(made["imported"].encode()).digest(),
        )
        made["cut"] = call("apikey.create", name="cut", scopes=["read"])
        call("apikey.revoke", id=made["cut"]["id"])
        made["deleted"] = call("apikey.create", name="was-here", scopes=["read"])
        call("apikey.delete", id=made["deleted"]["id"])
        calls = [
            ("secret.put", self.tenant.fields(name=f"s/{n:06}", value=self.value(n)))
            for n in range(self.secrets)
        ]
        for at in range(0, len(calls), 500):
            self.tenant.conn.call_many(calls[at : at + 500])
        call("secret.put", name="s/000000", value=b"second")
        call("secret.policy", name="s/000001", rotation_period=86400)
        return self

    def verify(self, profile, token, **fields):
        return self.call("token.verify", profile=profile, token=token["token"], **fields)

    def check(self):
        call, made = self.call, self.made
        assert self.verify("p", made["token"])["valid"] is True
        assert self.verify("p", made["token"], consume=True, use="one")["uses_left"] == 2
        assert self.verify("e", made["ed"])["valid"] is True
        assert self.verify("e", made["revoked"])["reason"] == "revoked"
        assert call("token.uses", jti=made["token"]["jti"]) == {"used": 1, "max": 3}
        assert call(
            "key.verify", name="raw", message=b"m", signature=made["signature"], version=1
        )["valid"]
        assert call("crypto.decrypt", name="box", ciphertext=made["box"])["plaintext"] == b"plain"
        assert call("webhook.verify", key="hook", headers=made["hook"], payload=b"x")["valid"]
        for key in made["apikeys"]:
            answer = call("apikey.verify", key=key["key"])
            assert answer["valid"] is True and answer["name"] == key["name"]
        assert call("apikey.verify", key=made["imported"])["name"] == "old"
        assert call("apikey.verify", key=made["cut"]["key"])["reason"] == "revoked"
        assert call("apikey.verify", key=made["deleted"]["key"])["reason"] == "invalid"
        assert len(self.tenant.pages("key.list", 100)) == 5
        assert len(self.tenant.pages("profile.list", 100)) == 2
        assert len(self.tenant.pages("apikey.list", 100)) == self.keys + 2
        self.check_secrets()

    def check_secrets(self):
        names = [i["name"] for i in self.tenant.pages("secret.list", 1000)]
        assert sorted(names) == [f"s/{n:06}" for n in range(self.secrets)]
        calls = [("secret.get", self.tenant.fields(name=f"s/{n:06}")) for n in range(1, self.secrets)]
        for at in range(0, len(calls), 500):
            for n, answer in enumerate(self.tenant.conn.call_many(calls[at : at + 500]), at + 1):
                assert answer["value"] == self.value(n)
        assert self.call("secret.get", name="s/000000")["value"] == b"second"
        assert self.call("secret.get", name="s/000000", version=1)["value"] == self.value(0)
