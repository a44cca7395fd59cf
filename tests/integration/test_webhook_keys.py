"""Which keys sign and verify webhooks, what a rotation does to them, and who may ask."""

import base64
import time

import pytest

from lib import hooks, jose, other
from lib.hooks import BODY, sign, verify

KEY = bytes(range(50, 82))
SEED = bytes(range(32))
SCHEMES = ["standard", "github", "stripe"]


@pytest.fixture
def hook(tenant):
    tenant.import_hs(KEY, "h", usage="webhook")
    return tenant


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "EdDSA"])
def test_algorithms_of_schemes(tenant, scheme, algorithm):
    tenant.key("h", algorithm, usage="webhook")
    fits = algorithm == "HS256" or (algorithm, scheme) == ("EdDSA", "standard")
    if fits:
        assert verify(tenant, sign(tenant, scheme=scheme), scheme=scheme) is None
    else:
        for method, more in (("webhook.sign", {}), ("webhook.verify", {"headers": {}})):
            error = tenant.error(method, key="h", payload=BODY, scheme=scheme, **more)
            assert (error.code, error.field) == ("conflict", "scheme")


@pytest.mark.parametrize(
    "fields",
    [
        {"algorithm": "HS256"},
        {"algorithm": "EdDSA"},
        {"algorithm": "HS256", "usage": "raw"},
        {"algorithm": "EdDSA", "usage": "raw"},
        {"algorithm": "XC20P"},
    ],
)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_key_of_another_usage_signs(tenant, scheme, fields):
    tenant.key("h", **fields)
    assert tenant.error("webhook.sign", key="h", scheme=scheme, payload=BODY).code == "conflict"
    error = tenant.error("webhook.verify", key="h", scheme=scheme, payload=BODY, headers={})
    assert error.code == "conflict"


def test_a_webhook_key_signs_nothing_else(hook):
    assert hook.error("profile.put", name="p", key="h").code == "conflict"
    assert hook.error("key.sign", name="h", message=b"m").code == "conflict"
    assert hook.error("key.verify", name="h", message=b"m", signature=b"s" * 32).code == "conflict"
    assert hook.error("crypto.encrypt", name="h", plaintext=b"p").code == "conflict"
    assert hook.error("crypto.decrypt", name="h", ciphertext=b"c").code == "conflict"


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_token_cannot_be_forged(tenant, algorithm):
    """By any means that signs chosen bytes: webhooks of each scheme, raw keys."""
    tenant.key("t", algorithm)
    tenant.profile(key="t")
    tenant.key("h", algorithm, usage="webhook")
    tenant.key("r", algorithm, usage="raw")
    forged = []
    for kid in ("t.1", "h.1", "r.1", None):
        header = {"alg": algorithm, "typ": "JWT", **({"kid": kid} if kid else {})}
        for head in (header, {**header, "alg": "HS256"}):
            text = jose.signing_input(head, {**jose.claims(tenant), "prf": "p"})
            signatures = [tenant.call("key.sign", name="r", message=text.encode())["signature"]]
            # id.timestamp.payload is a token's text where the id is its header.
            start, rest = text.split(".")
            made = sign(tenant, rest.encode(), timestamp=0, id=start[:128])
            signatures.append(base64.b64decode(made["webhook-signature"].split(",")[1]))
            if algorithm == "HS256":
                made = sign(tenant, text.encode(), scheme="github")
                signatures.append(bytes.fromhex(made["X-Hub-Signature-256"][7:]))
                made = sign(tenant, text.encode(), scheme="stripe")
                signatures.append(bytes.fromhex(made["Stripe-Signature"][-64:]))
            forged += [f"{text}.{jose.b64(s)}" for s in signatures]
            forged += [f"{start}.0.{rest}.{jose.b64(s)}" for s in signatures]
    for token in forged:
        assert tenant.verify(token)["valid"] is False
    for name in "hr":
        error = tenant.error("profile.put", name="q", key=name)
        assert error.code == "conflict"


def test_a_signature_is_of_its_own_scheme(hook):
    """A payload under one scheme is not another payload under another one."""
    now = int(time.time())
    mac = sign(hook, f"{now}.".encode() + BODY, scheme="github")["X-Hub-Signature-256"][7:]
    # GitHub's scheme signs what it is given, so a sender must not use one key for two schemes; what
    # the vault can do is not to mix keys.
    assert verify(hook, {"Stripe-Signature": f"t={now},v1={mac}"}, scheme="stripe") is None
    hook.key("other", usage="webhook")
    answer = hook.call(
        "webhook.verify",
        key="other",
        scheme="stripe",
        payload=BODY,
        headers={"Stripe-Signature": f"t={now},v1={mac}"},
    )
    assert answer == {"valid": False, "reason": "signature"}


def test_both_sign_while_the_old_version_retires(tenant):
    old = hooks.secret_bytes(tenant.key("h", usage="webhook", shared=True)["secret"])
    before = sign(tenant)
    new = hooks.secret_bytes(tenant.call("key.rotate", name="h")["secret"])
    fixed = {"id": "m", "timestamp": int(time.time())}
    both = sign(tenant, **fixed)["webhook-signature"].split(" ")
    assert both == [hooks.v1(k, "m", fixed["timestamp"], BODY) for k in (new, old)]
    stripe = sign(tenant, scheme="stripe", timestamp=5)["Stripe-Signature"].split(",")
    assert stripe == ["t=5"] + ["v1=" + hooks.stripe_signature(k, BODY, 5) for k in (new, old)]
    assert sign(tenant, scheme="github") == hooks.github(new, BODY)
    for version, key in ((1, old), (2, new)):
        made = sign(tenant, version=version, **fixed)["webhook-signature"]
        assert made == hooks.v1(key, "m", fixed["timestamp"], BODY)
    assert verify(tenant, before) is None
    tenant.call("key.revoke", name="h", version=1)
    assert sign(tenant, **fixed)["webhook-signature"] == both[0]
    assert verify(tenant, before) == "signature"
    assert tenant.error("webhook.sign", key="h", payload=BODY, version=1).code == "conflict"
    assert tenant.error("webhook.sign", key="h", payload=BODY, version=3).code == "not_found"


def test_a_retired_version_no_longer_signs_nor_verifies(tenant):
    tenant.key("h", usage="webhook", overlap=0)
    before = sign(tenant)
    tenant.call("key.rotate", name="h")
    assert len(sign(tenant)["webhook-signature"].split(" ")) == 1
    assert verify(tenant, before) == "signature"


def test_many_retiring_versions(tenant):
    tenant.key("h", usage="webhook")
    for _ in range(12):
        tenant.call("key.rotate", name="h")
    headers = sign(tenant)
    assert len(headers["webhook-signature"].split(" ")) == 8
    assert verify(tenant, headers) is None


def test_a_revoked_key(hook):
    headers = sign(hook)
    hook.call("key.revoke", name="h")
    assert hook.error("webhook.sign", key="h", payload=BODY).code == "conflict"
    assert verify(hook, headers) == "signature"


def test_a_peers_public_key_verifies_only(tenant):
    public = jose.jwk(jose.public_of(SEED))
    tenant.call("key.import", name="h", algorithm="EdDSA", usage="webhook", public=public)
    headers = hooks.standard(SEED, BODY, int(time.time()), sign=hooks.v1a)
    assert verify(tenant, headers) is None
    assert tenant.error("webhook.sign", key="h", payload=BODY).code == "conflict"


def test_another_tenants_key(new_tenant):
    one, two = new_tenant(), new_tenant()
    for t in (one, two):
        t.key("h", usage="webhook")
    assert verify(one, sign(two)) == "signature"


def test_the_audit(hook):
    sign(hook, id="msg_x")
    verify(hook, sign(hook, id="msg_y", timestamp=5))
    verify(hook, {})
    records = [r for r in hook.records() if r["method"].startswith("webhook.")]
    assert [
        (r["method"], r["name"], r.get("id"), r.get("reason"), r["outcome"]) for r in records
    ] == [
        ("webhook.sign", "h", "msg_x", None, "ok"),
        ("webhook.sign", "h", "msg_y", None, "ok"),
        ("webhook.verify", "h", "msg_y", "timestamp", "invalid"),
        ("webhook.verify", "h", None, "malformed", "invalid"),
    ]
    assert records[0]["version"] == 1


def test_two_principals(new_vault):
    """A sender may sign with the keys that its grant names, a receiver verify, and no more."""
    vault = new_vault('app_group = "users"').start()
    vault.init()
    tenant = vault.new_tenant("acme")
    for name in ("out/a", "in/a"):
        tenant.key(name, usage="webhook")
    for uid, role, names in ((20001, "signer", ["out/*"]), (20002, "verifier", ["in/*"])):
        vault.admin_call(
            "grant.put", principal=f"uid:{uid}", role=role, tenants=["acme"], names=names
        )
    calls = [
        (m, {"tenant": t, "key": k, "payload": b"p", **({"headers": {}} if "verify" in m else {})})
        for m in ("webhook.sign", "webhook.verify")
        for t, k in (("acme", "out/a"), ("acme", "in/a"), ("none", "out/a"))
    ]
    allowed = {20001: [0], 20002: [4], 20003: []}
    for uid, some in allowed.items():
        replies = other.call_as(uid, 100, vault.app_path, calls)
        for n, reply in enumerate(replies):
            code = reply["error"] and reply["error"]["code"]
            assert code == (None if n in some else "denied"), (uid, calls[n])
    tenant.close()
