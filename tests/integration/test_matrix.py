"""The authorization matrix: every method of ops.def x every built-in role x (own, other, suspended,
no such tenant) x both sockets, asked by real users. What is to come of it is worked out from the
contract's words about the built-in roles (lib/contract.py), and not from ops.def's."""

import msgpack
import pytest

from lib import encode, methods
from lib.contract import EXPORTS, ROLES, ROWS, fields_of, holds, takes_tenant
from lib.policy import Stage
from lib.vault import KEYFILE

# "Without any grant".
OPEN = {"sys.hello", "sys.ping"}
# Asked without a tenant they answer from those that the caller has a grant on.
FROM_ANY_TENANT = {"grant.list", "apikey.verify", "secret.due"}

# What answers a request that policy let pass; all else is a mistake of the test or of the daemon.
# What the method itself answers to a request that is in order but for what it must not do here.
SAYS_NO = {"tenant.erase": {"invalid_params"}}  # the confirmation names another tenant
PASSED = {
    "ok",
    "not_found",
    "exists",
    "conflict",
    "unsupported",
    "already_initialized",
    "integrity",
    "locked",  # secret.check, after five tries: secret.rotate has made the value another
}
# Whoever holds these is told why a grant of his does not reach.
SAYS_WHY = {"grant.put"}
# What changes the place for the others: last, and undone.
HARSH = ("sys.seal", "tenant.create", "tenant.erase", "tenant.suspend", "tenant.resume", "tenant.delete")
# A wrong key or code is denied to whoever tries one.
TRIES = {"auth.login", "auth.totp"}
# Another test's business: they change what the connection is.
OWN_CONNECTION = ("auth.",)


class Place:
    """The tenants of the matrix; suspended only where the build can suspend one."""

    def __init__(self, stage):
        self.stage = stage
        self.own, self.other = stage.tenant("acme"), stage.tenant("beta")
        self.suspended = None
        self.visits = 0
        if stage.has("tenant.suspend"):
            self.suspended = stage.tenant("delta")
            stage.root.call("tenant.suspend", tenant=self.suspended)
        self.mine = [t for t in (self.own, self.suspended) if t]
        self.begin()

    def begin(self):
        """With a name that no tenant had, since tenant.create is asked too."""
        self.visits += 1
        self.tenants = [*self.mine, self.other, f"gamma-{self.visits}"]

    def repair(self):
        """Undoes what a request that had to be let through did."""
        root = self.stage.root
        if root.call("sys.status")["sealed"]:
            root.call("sys.unseal", keyfile=KEYFILE)
        for tenant in self.tenants[:-1]:
            root.call_many([("tenant.create", {"tenant": tenant})])
            if self.suspended:
                verb = "suspend" if tenant == self.suspended else "resume"
                root.call_many([(f"tenant.{verb}", {"tenant": tenant})])


@pytest.fixture(scope="module")
def place():
    stage = Stage()
    try:
        yield Place(stage)
        stage.vault.assert_alive()
    finally:
        stage.close()


def requests_of(method, tenants):
    """(tenant or None, fields): the method's request about each tenant, and about none where it
    need not say."""
    assert method in methods.ALL, f"{method} has no request in tests/lib/methods.py"
    fields = methods.ALL[method]
    out = []
    if takes_tenant(method):
        out += [(t, {**fields, "tenant": t}) for t in tenants]
        if not fields_of(method)["tenant"]["required"]:
            out.append((None, {k: v for k, v in fields.items() if k != "tenant"}))
    elif "tenants" in fields_of(method):
        out += [(t, {**fields, "tenants": [t]}) for t in tenants]
    else:
        out.append((None, fields))
    return out


def expected(place, who, socket, method, tenant):
    """"denied", "suspended" or "passed"."""
    role, everywhere = who
    if method in OPEN:
        return "passed"
    if ROWS[method]["class"] == "admin" and socket == "app":
        return "denied"
    if not holds(role, method):
        return "denied"
    if not everywhere and tenant is None and method not in FROM_ANY_TENANT:
        return "denied"
    if not everywhere and tenant is not None and tenant not in place.mine:
        return "denied"
    suspends = takes_tenant(method) and ROWS[method]["class"] != "admin"
    if place.suspended and tenant == place.suspended and suspends:
        return "suspended"
    return "passed"


def ask(conn, method, fields):
    """(code or "ok", the reply's bytes): always under the same message id."""
    conn.send_raw(encode.request(7, method, fields))
    data = b""
    while True:
        more = conn.sock.recv(1 << 20)
        assert more, f"{method}: the connection was closed"
        data += more
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        unpacker.feed(data)
        at = 0
        for message in unpacker:
            begin, at = at, unpacker.tell()
            # After sys.watch there are notifications in between.
            if message[0] == 1:
                assert message[1] == 7
                error = message[2]
                return ("ok" if error is None else error["code"]), data[begin:at]


def check(place, who, socket, conn, method, denials):
    """What is wrong with the answers to one method."""
    for tenant, fields in requests_of(method, place.tenants):
        want = expected(place, who, socket, method, tenant)
        code, raw = ask(conn, method, fields)
        if code == "denied":
            denials.setdefault(method, set()).add(raw)
            got = "denied"
        elif code == "suspended":
            got = "suspended"
        else:
            got = "passed" if code in PASSED | SAYS_NO.get(method, set()) else code
        if got != want:
            yield f"{who} {socket} {method} {tenant}: {code}, where {want} was due"
        if want == "passed" and method in HARSH:
            place.repair()


def by_harshness(names):
    return sorted(names, key=lambda m: (m in HARSH, m))


WHO = [(role, everywhere) for role in ROLES for everywhere in (False, True)] + [(None, False)]


@pytest.mark.parametrize("socket", ["app", "admin"])
@pytest.mark.parametrize("who", WHO, ids=lambda w: f"{w[0]}-{'all' if w[1] else 'own'}")
def test_matrix(place, who, socket):
    role, everywhere = who
    user = place.stage.user()
    if role is not None:
        tenants = ["*"] if everywhere else place.mine
        place.stage.grant(user, role, tenants, may_grant=["*"])
    denials, wrong = {}, []
    place.begin()
    names = [m for m in ROWS if not m.startswith(OWN_CONNECTION)]
    with getattr(user, socket)() as conn:
        for method in by_harshness(names):
            wrong += check(place, who, socket, conn, method, denials)
    # No such tenant and not yours are the same bytes; all that dispatch refuses is.
    assert all(len(told) == 1 for told in denials.values()), denials
    told = set().union(*(denials[m] for m in denials if m not in SAYS_WHY))
    assert len(told) <= 1, told
    assert not wrong, "\n".join(wrong)


def test_the_roles_are_the_contracts():
    """Each that the daemon has built in, and each method it gives them."""
    stage = Stage()
    try:
        built_in = {
            r["role"]: set(r["methods"])
            for r in stage.root.call("role.list", limit=1000)["items"]
            if r["built_in"]
        }
    finally:
        stage.close()
    assert set(built_in) == set(ROLES)
    for role, got in built_in.items():
        want = {m for m in ROWS if holds(role, m)} - OPEN - {m for m in ROWS if m[:5] == "auth."}
        got = got - OPEN - {m for m in ROWS if m[:5] == "auth."}
        assert got == want, role


def test_what_exports_is_flagged():
    """No wildcard gives it: the flag is what tells."""
    assert {m for m in ROWS if "exports" in ROWS[m]["flags"]} == EXPORTS & set(ROWS)


def test_every_method_has_a_request():
    for method in ROWS:
        assert requests_of(method, ["acme"])


def test_without_a_grant_only_these(place):
    """What needs no grant is what the contract says, and no more."""
    user = place.stage.user()
    open_methods = {m for m in ROWS if "open" in ROWS[m]["flags"]}
    assert open_methods == OPEN | {m for m in ROWS if m.startswith("auth.")}
    for socket in ("app", "admin"):
        for method in sorted(open_methods):
            with getattr(user, socket)() as conn:
                code, _ = ask(conn, method, methods.ALL[method])
                passed = PASSED | ({"denied"} if method in TRIES else set())
                assert code in passed, (socket, method, code)
