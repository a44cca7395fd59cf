"""Random operations of three real users on two tenants, while root grants and revokes, against a
model (lib/model.py): no answer may differ. VAULTD_MODEL_OPERATIONS makes it shorter or longer;
VAULTD_MODEL_SEED, which is printed, runs the same again."""

import collections
import fnmatch
import os
import random
import time

import msgpack
import pytest

from lib.contract import ROLES, ROWS
from lib.model import LITERAL_ONLY, Caller, Grant, Model, kid_of
from lib.policy import SOCKETS_GROUP, Stage

OPERATIONS = int(os.environ.get("VAULTD_MODEL_OPERATIONS", "200000"))
BATCH = 450  # operations in flight at once, on three connections
CONTROL = 3  # changes of policy between two batches
WRITES = 24  # of a batch, so that most of it can be under way together
GRANTS = 16  # about so many at a time, so that most callers lack something
TENANTS = ["t1", "t10"]
NO_TENANT = "t1x"
SHARED_GROUP = 7000
KEYS = ["k0", "k1", "k2", "k3", "raw0", "raw1"]
PROFILES = ["p0", "p1", "p2", "p10"]
OWN_ROLES = ["team", "team2", "deputies"]
PATTERNS = [
    "token.sign",
    "token.*",
    "key.sign",
    "key.get",
    "key.*",
    "profile.*",
    "key.list",
    "tenant.get",
    "grant.*",
    "role.get",
    "policy.explain",
    "slot.*",
]
# Oftener than the rest, so that much is allowed.
BUSY_ROLES = ["signer", "verifier", "raw-signer", "tenant-admin", "owner"] * 3
SOME_TENANTS = [["t1"], ["t10"], ["*"], ["t1"], ["t10"], ["t1", "t10"], ["t1*"], ["t10*"], ["t2*"], ["*"], ["t"]]
SOME_NAMES = [["*"], ["k*", "p*"], ["p1"], ["p1*", "k0"], ["raw*"], ["k1", "p0"]]

# What is asked, of whom it is about ((object, "r"ead, "w"rite or "j"oin) triples: nobody else's
# write meanwhile), and how the model answers.
Op = collections.namedtuple("Op", "method fields locks predict")


def resolve(patterns):
    return {
        m
        for p in patterns
        for m in ROWS
        if fnmatch.fnmatchcase(m, p) and (m == p or m not in LITERAL_ONLY)
    }


class User:
    def __init__(self, stage, groups):
        self.user = stage.user(groups)
        held = [str(self.user), f"gid:{self.user.gid}", f"gid:{SOCKETS_GROUP}"]
        held += [f"gid:{g}" for g in groups]
        self.app, self.admin = Caller(held, False), Caller(held, True)
        self.app_conn, self.admin_conn = self.user.app(), self.user.admin()


class World:
    def __init__(self, stage, seed):
        self.stage, self.rng = stage, random.Random(seed)
        self.model = Model(TENANTS, int(time.time()))
        self.root = Caller(["uid:0"], True)
        self.users = [User(stage, (SHARED_GROUP,)), User(stage, (SHARED_GROUP,)), User(stage, ())]
        self.principals = [p for u in self.users for p in u.app.principals]
        self.tokens = collections.deque(maxlen=200)
        self.done = 0
        self.outcomes = collections.Counter()
        self.can_suspend = stage.has("tenant.suspend")
        for tenant in TENANTS:
            stage.root.call("tenant.create", tenant=tenant)

    # Between the batches: one after the other, each answered before the next

    def control(self):
        choices = ["grant"] * 5 + ["drop"] * 5 + ["role", "unrole"]
        choices += ["suspend", *["resume"] * 8] if self.can_suspend else []
        what = self.rng.choice(choices)
        if what == "grant" and len(self.model.grants) > GRANTS:
            what = "drop"
        by_root = self.rng.random() < 0.6 or what in ("suspend", "resume")
        who = None if by_root else self.rng.choice(self.users)
        caller = self.root if by_root else who.admin
        conn = self.stage.root if by_root else who.admin_conn
        getattr(self, what)(caller, conn)

    def say(self, conn, method, fields):
        self.done += 1
        (reply,) = conn.call_many([(method, fields)])
        return getattr(reply, "code", "ok"), reply

    def agree(self, want, got, *what):
        self.outcomes[want] += 1
        assert want == got, f"operation {self.done}: {what} was {got!r}, the model says {want!r}"

    def some_grant(self):
        rng = self.rng
        now = self.model.now
        grant = Grant(
            rng.choice(self.principals),
            rng.choice([*ROLES, *BUSY_ROLES, *OWN_ROLES]),
            rng.choice(SOME_TENANTS),
            rng.choice(SOME_NAMES) if rng.random() < 0.3 else ["*"],
        )
        if rng.random() < 0.5:
            grant.may_grant = rng.sample([*ROLES, *OWN_ROLES, "*"], rng.randint(1, 4))
        if rng.random() < 0.1:
            grant.not_after = now + rng.choice([-10, 100000])
        if rng.random() < 0.05:
            grant.not_before = now + 50000
        if rng.random() < 0.05:
            grant.unit = "elsewhere.service"
        grant.mfa = rng.random() < 0.1
        return grant

    def grant(self, caller, conn):
        grant = self.some_grant()
        fields = {"principal": grant.principal, "role": grant.role, "tenants": grant.tenants}
        fields |= {"names": grant.names, "mfa": grant.mfa}
        for name in ("may_grant", "unit", "not_before", "not_after"):
            if getattr(grant, name):
                fields[name] = getattr(grant, name)
        if grant.not_before and grant.not_after and grant.not_after <= grant.not_before:
            want = "invalid_params"
            if self.model.decide(caller, "grant.put", None, None, True, True) != "ok":
                return
        else:
            want = self.model.grant_put(caller, grant)
        code, reply = self.say(conn, "grant.put", fields)
        self.agree(want, code, caller, "grant.put", fields)
        if code == "ok":
            self.model.grants[reply["grant"]] = grant

    def drop(self, caller, conn):
        ids = sorted(g for g in self.model.grants if g != "uid:0")
        name = self.rng.choice([*ids, "g0123"])
        code, _ = self.say(conn, "grant.delete", {"grant": name})
        self.agree(self.model.grant_delete(caller, name), code, caller, "grant.delete", name)

    def role(self, caller, conn):
        name = self.rng.choice([*OWN_ROLES, *OWN_ROLES, "signer"])
        patterns = self.rng.sample(PATTERNS, self.rng.randint(1, 4))
        code, _ = self.say(conn, "role.put", {"role": name, "methods": patterns})
        want = self.model.role_put(caller, name, resolve(patterns))
        self.agree(want, code, caller, "role.put", name, patterns)

    def unrole(self, caller, conn):
        name = self.rng.choice([*OWN_ROLES, "signer"])
        code, _ = self.say(conn, "role.delete", {"role": name})
        self.agree(self.model.role_delete(caller, name), code, caller, "role.delete", name)

    def suspend(self, _, conn, state=True):
        tenant = self.rng.choice(TENANTS)
        method = "tenant.suspend" if state else "tenant.resume"
        code, _ = self.say(conn, method, {"tenant": tenant})
        assert code in ("ok", "conflict")
        self.model.suspended[tenant] = state

    def resume(self, caller, conn):
        self.suspend(caller, conn, False)

    # Batches: many at once, of which none is about what another writes

    def draw(self, caller):
        rng = self.rng
        tenant = NO_TENANT if rng.random() < 0.02 else rng.choice(TENANTS)
        kinds = ["sign"] * 8 + ["verify"] * 6 + ["raw"] * 3 + ["key"] * 2 + ["profile"] * 2
        kinds += ["names", "about", "explain", "whoami", "grants", "rotate", "put", "put"]
        kinds += ["create", "create"]
        if rng.random() < 0.1:
            kinds += ["revoke", "remove"]
        return getattr(self, "draw_" + rng.choice(kinds))(caller, tenant)

    def profile_locks(self, tenant, name):
        key = self.model.profiles.get(tenant, {}).get(name)
        locks = [((tenant, "profile", name), "r")]
        return locks + ([((tenant, "key", key), "r")] if key else [])

    def draw_sign(self, caller, tenant):
        name = self.rng.choice(PROFILES)
        fields = {"tenant": tenant, "profile": name, "subject": "s"}

        def predict():
            code, kid = self.model.token_sign(caller, tenant, name)

            def same(result):
                self.tokens.append((result["token"], (tenant, name, kid)))
                return kid_of(result["token"]) == kid

            return code, same

        return Op("token.sign", fields, self.profile_locks(tenant, name), predict)

    def draw_verify(self, caller, tenant):
        name = self.rng.choice(PROFILES)
        if not self.tokens:
            return self.draw_sign(caller, tenant)
        text, token = self.rng.choice(self.tokens)
        if self.rng.random() < 0.8:
            tenant, name = token[:2]
        fields = {"tenant": tenant, "profile": name, "token": text}

        def predict():
            code, valid = self.model.token_verify(caller, tenant, name, token)
            return code, lambda result: result["valid"] == valid

        return Op("token.verify", fields, self.profile_locks(tenant, name), predict)

    def draw_raw(self, caller, tenant):
        name = self.rng.choice(KEYS)
        fields = {"tenant": tenant, "name": name, "message": b"m"}

        def predict():
            code, version = self.model.key_sign(caller, tenant, name)
            return code, lambda result: result["version"] == version

        return Op("key.sign", fields, [((tenant, "key", name), "r")], predict)

    def draw_key(self, caller, tenant):
        name = self.rng.choice(KEYS)

        def predict():
            code, key = self.model.key_of(caller, "key.get", tenant, name)
            told = key and (key.usage, "active" if key.signs() else "revoked")
            return code, lambda r: (r["usage"], self.state_of(r)) == told

        fields = {"tenant": tenant, "name": name}
        return Op("key.get", fields, [((tenant, "key", name), "r")], predict)

    @staticmethod
    def state_of(result):
        now = next(v for v in result["versions"] if v["version"] == result["current"])
        return "revoked" if now["state"] == "revoked" else "active"

    def draw_profile(self, caller, tenant):
        name = self.rng.choice(PROFILES)

        def predict():
            code, key = self.model.profile_of(caller, "profile.get", tenant, name)
            return code, lambda result: result["key"] == key

        fields = {"tenant": tenant, "name": name}
        return Op("profile.get", fields, [((tenant, "profile", name), "r")], predict)

    def draw_names(self, caller, tenant):
        kind = self.rng.choice(["key", "profile"])

        def predict():
            code = self.model.enter(caller, kind + ".list", tenant)
            there = (self.model.keys if kind == "key" else self.model.profiles).get(tenant, {})
            names = sorted(there)
            return code, lambda result: sorted(i["name"] for i in result["items"]) == names

        return Op(kind + ".list", {"tenant": tenant}, [((tenant, kind + "s"), "r")], predict)

    def draw_about(self, caller, tenant):
        def predict():
            code = self.model.enter(caller, "tenant.get", tenant)
            return code, lambda result: result["tenant"] == tenant

        return Op("tenant.get", {"tenant": tenant}, [], predict)

    def draw_explain(self, caller, tenant):
        method = self.rng.choice(["token.sign", "key.sign", "key.rotate", "profile.put", "role.put"])
        name = self.rng.choice(PROFILES + KEYS)

        def predict():
            code = self.model.enter(caller, "policy.explain", tenant)
            about = None if method == "role.put" else tenant
            allowed = self.model.decide(caller, method, about, name) == "ok"
            return code, lambda result: result["allowed"] == allowed

        fields = {"method": method, "tenant": tenant, "name": name}
        return Op("policy.explain", fields, [], predict)

    def draw_whoami(self, caller, _):
        def predict():
            held = sorted(
                n for n, g in self.model.grants.items() if g.principal in caller.principals
            )
            return "ok", lambda result: sorted(g["grant"] for g in result["grants"]) == held

        return Op("auth.whoami", {}, [], predict)

    def draw_grants(self, caller, _):
        def predict():
            code, seen = self.model.grant_list(caller)
            return code, lambda result: {g["grant"] for g in result["items"]} == seen

        return Op("grant.list", {}, [], predict)

    def draw_create(self, caller, tenant):
        name = self.rng.choice(KEYS)
        usage = "raw" if name.startswith("raw") else "token"
        fields = {"tenant": tenant, "name": name, "usage": usage, "algorithm": "HS256"}

        def predict():
            code = self.model.key_create(caller, tenant, name, usage)
            return code, lambda result: result["version"] == 1

        locks = [((tenant, "key", name), "w"), ((tenant, "keys"), "j")]
        return Op("key.create", fields, locks, predict)

    def draw_rotate(self, caller, tenant):
        name = self.rng.choice(KEYS)

        def predict():
            code, version = self.model.key_rotate(caller, tenant, name)
            return code, lambda result: result["version"] == version

        fields = {"tenant": tenant, "name": name}
        return Op("key.rotate", fields, [((tenant, "key", name), "w")], predict)

    def draw_revoke(self, caller, tenant):
        name = self.rng.choice(KEYS)

        def predict():
            code, fresh = self.model.key_revoke(caller, tenant, name)
            return code, lambda result: set(result["revoked"]) == fresh

        fields = {"tenant": tenant, "name": name}
        return Op("key.revoke", fields, [((tenant, "key", name), "w")], predict)

    def draw_put(self, caller, tenant):
        name, key = self.rng.choice(PROFILES), self.rng.choice(KEYS)
        locks = [
            ((tenant, "profile", name), "w"),
            ((tenant, "profiles"), "j"),
            ((tenant, "key", key), "r"),
        ]
        fields = {"tenant": tenant, "name": name, "key": key}
        return Op(
            "profile.put",
            fields,
            locks,
            lambda: (self.model.profile_put(caller, tenant, name, key), lambda result: True),
        )

    def draw_remove(self, caller, tenant):
        name = self.rng.choice(PROFILES)
        locks = [((tenant, "profile", name), "w"), ((tenant, "profiles"), "j")]
        return Op(
            "profile.delete",
            {"tenant": tenant, "name": name},
            locks,
            lambda: (self.model.profile_delete(caller, tenant, name), lambda result: True),
        )

    def batch(self):
        taken, writes = {}, 0
        asked = {id(u): [] for u in self.users}
        for _ in range(BATCH):
            user = self.rng.choice(self.users)
            op = self.draw(user.app)
            writing = any(mode != "r" for _, mode in op.locks)
            if (writing and writes == WRITES) or any(
                thing in taken and (taken[thing] != mode or mode == "w")
                for thing, mode in op.locks
            ):
                continue
            writes += writing
            taken.update(op.locks)
            asked[id(user)].append((op, *op.predict()))
        for user in self.users:
            self.send(user.app_conn, asked[id(user)])
        for user in self.users:
            self.receive(user, asked[id(user)])

    @staticmethod
    def send(conn, asked):
        packer = msgpack.Packer(use_bin_type=True)
        conn.send_raw(
            b"".join(packer.pack([0, i, op.method, [op.fields]]) for i, (op, _, _) in enumerate(asked))
        )

    def receive(self, user, asked):
        for _ in asked:
            _, i, error, result = user.app_conn.recv()
            op, want, same = asked[i]
            self.done += 1
            code = error["code"] if error else "ok"
            what = (user.app.principals, op.method, op.fields)
            self.agree(want, code, *what)
            assert code != "ok" or same(result), (self.done, what, result)


@pytest.mark.no_deadline
def test_no_answer_differs():
    seed = int(os.environ.get("VAULTD_MODEL_SEED", random.randrange(1 << 32)))
    print(f"VAULTD_MODEL_SEED={seed}")
    assert os.getuid() == 0, "the users of this test are real ones: it needs root"
    stage = Stage()
    began = time.monotonic()
    try:
        world = World(stage, seed)
        while world.done < OPERATIONS:
            for _ in range(CONTROL):
                world.control()
            world.batch()
        print(f"{world.done} in {time.monotonic() - began:.0f} s: {dict(world.outcomes)}")
        # It is no test where nearly all is refused, or nearly nothing.
        assert 0.15 < world.outcomes["ok"] / world.done < 0.85
        for code in ("denied", "not_found", "conflict", "mfa_required", "exists"):
            assert world.outcomes[code] > 0, code
        stage.vault.verify_audit()
    finally:
        stage.close()
