"""Kill -9 under concurrent writes: what was acknowledged is there, what was not is whole or
absent."""

import random
import threading
import time

from lib import jose
from lib.rpc import VaultError

WRITERS = 4


class Writer(threading.Thread):
    """Makes keys, rotates them and signs, one request after another, and remembers what was
    acknowledged."""

    def __init__(self, vault, number, round_):
        super().__init__(daemon=True)
        self.vault, self.prefix = vault, f"w{number}-{round_}"
        self.made = {}  # key name -> version acknowledged
        self.trying = None  # (method, name) in flight when the daemon died
        self.revoked = set()
        self.counters = []
        self.errors = []

    def run(self):
        try:
            with self.vault.app() as conn:
                for n in range(100000):
                    self.step(conn, f"{self.prefix}-{n}")
        except (
            EOFError,
            BrokenPipeError,
            ConnectionResetError,
            FileNotFoundError,
            ConnectionRefusedError,
        ):
            pass
        except (VaultError, AssertionError, TimeoutError) as e:
            self.errors.append(e)

    def call(self, conn, method, name, **fields):
        self.trying = (method, name)
        answer = conn.call(method, tenant="acme", name=name, actor=name, **fields)
        self.trying = None
        return answer

    def step(self, conn, name):
        self.made[name] = self.call(conn, "key.create", name, algorithm="HS256", usage="raw")[
            "version"
        ]
        for _ in range(2):
            self.made[name] = self.call(conn, "key.rotate", name)["version"]
        assert self.call(conn, "key.revoke", name, version=1)["revoked"] == [1]
        self.revoked.add(name)
        self.counters.append(
            jose.counter(conn.call("token.sign", tenant="acme", profile="p", subject="s")["jti"])
        )


def prepare(vault):
    acme = vault.new_tenant("acme")
    acme.key("token-key")
    acme.profile(key="token-key")
    acme.close()


def round_of(vault, dice, number):
    """Writes, kills at a random moment, restarts; answers the writers for check()."""
    writers = [Writer(vault, n, number) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(dice.uniform(0.03, 0.5))
    vault.kill()
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive() and not writer.errors, writer.errors
    vault.start_again()
    return writers


def expected_states(writer, name, version):
    """What versions may be there: exactly the acknowledged ones, and where a change was in flight
    also its outcome."""
    revoked = {1} if name in writer.revoked else set()
    allowed = [(version, revoked)]
    if writer.trying == ("key.rotate", name):
        allowed.append((version + 1, revoked))
    if writer.trying == ("key.revoke", name):
        allowed.append((version, {1}))
    return allowed


def check(vault, writers):
    """Every acknowledged change, the one in flight of each writer, and the audit against both."""
    with vault.app() as conn, vault.admin() as admin:
        for writer in writers:
            for name, version in writer.made.items():
                key = conn.call("key.get", tenant="acme", name=name)
                revoked = {v["version"] for v in key["versions"] if v["state"] == "revoked"}
                assert (len(key["versions"]), revoked) in expected_states(writer, name, version), (
                    name,
                    key,
                    writer.trying,
                )
                signed = conn.call("key.sign", tenant="acme", name=name, message=b"m")
                assert signed["version"] == key["current"] == len(key["versions"])
            check_in_flight(conn, admin, writer)
            check_audit(admin, writer)
    answer = vault.verify_audit()
    assert answer["last"] > 0


def check_in_flight(conn, admin, writer):
    if writer.trying is None or writer.trying[0] != "key.create":
        return
    name = writer.trying[1]
    try:
        key = conn.call("key.get", tenant="acme", name=name)
    except VaultError as e:
        assert e.code == "not_found"
        there = False
    else:
        assert key["current"] == 1 and len(key["versions"]) == 1
        assert conn.call("key.sign", tenant="acme", name=name, message=b"m")["version"] == 1
        there = True
    records = [
        r
        for r in admin.call("audit.query", tenant="acme", actor=name, method="key.create")["items"]
    ]
    assert [r["outcome"] for r in records if r["outcome"] == "ok"] == ["ok"] * there, records
    for record in records:
        if record["outcome"] != "ok":
            assert (record["outcome"], record.get("code") or record.get("reason")) == (
                "error",
                "not_applied",
            ), record


def check_audit(admin, writer):
    """There is never a change without its record; sampled, since each query scans."""
    for name in list(writer.made)[-3:]:
        records = admin.call(
            "audit.query", tenant="acme", actor=name, outcome="ok", order="oldest"
        )["items"]
        changes = [
            r["method"]
            for r in records
            if r["method"] in ("key.create", "key.rotate", "key.revoke")
        ]
        done = (
            ["key.create"]
            + ["key.rotate"] * (writer.made[name] - 1)
            + ["key.revoke"] * (name in writer.revoked)
        )
        assert changes[: len(done)] == done and len(changes) <= len(done) + 1, (name, changes, done)


def run(vault, rounds, seed):
    dice = random.Random(seed)
    highest = -1
    acknowledged = 0
    for number in range(rounds):
        writers = round_of(vault, dice, number)
        check(vault, writers)
        counters = [c for w in writers for c in w.counters]
        assert len(counters) == len(set(counters)) and min(counters, default=highest + 1) > highest
        highest = max(counters, default=highest)
        acknowledged += sum(len(w.made) for w in writers)
    assert acknowledged > 0
    vault.restart()
    vault.verify_audit()
    return acknowledged
