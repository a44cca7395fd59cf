"""What the vault signs is accepted by the npm package standardwebhooks, and what that signs by the
vault."""

import base64
import time

import pytest

from lib import hooks, thirdparty

KEY = bytes(range(60, 92))
SECRET = hooks.whsec(KEY)
BODIES = [b"", b"{}", '{"name":"Zoë","n":[1,2.5,null]}'.encode(), b'"' + b"x" * 100_000 + b'"']


def ask(what, payload, secret=SECRET, **more):
    return {"do": what, "secret": secret, "payload": base64.b64encode(payload).decode(), **more}


@pytest.fixture
def hook(tenant):
    tenant.call("key.import", name="h", algorithm="HS256", usage="webhook", secret=SECRET)
    return tenant


def sign(hook, payload, **fields):
    return hook.call("webhook.sign", key="h", payload=payload, **fields)["headers"]


def test_the_vaults_signatures(hook):
    # That package parses what it has verified, so a body of no bytes is not for it.
    asks = [ask("verify", body, headers=sign(hook, body)) for body in BODIES[1:]]
    assert thirdparty.run("webhooks.mjs", asks) == [True] * len(asks)
    bad = [
        ask("verify", b"{}", headers=sign(hook, b"[]")),
        ask("verify", b"{}", headers=sign(hook, b"{}"), secret=hooks.whsec(KEY[::-1])),
        ask("verify", b"{}", headers=sign(hook, b"{}", timestamp=int(time.time()) - 400)),
    ]
    assert thirdparty.run("webhooks.mjs", bad) == [None] * len(bad)


def test_the_packages_signatures(hook):
    now = int(time.time())
    asks = [ask("sign", body, id=f"msg_{n}", timestamp=now) for n, body in enumerate(BODIES)]
    for n, (body, signature) in enumerate(zip(BODIES, thirdparty.run("webhooks.mjs", asks))):
        headers = {
            "Webhook-Id": f"msg_{n}",
            "Webhook-Timestamp": str(now),
            "Webhook-Signature": signature,
        }
        answer = hook.call("webhook.verify", key="h", headers=headers, payload=body)
        assert answer == {"valid": True}, body[:40]
        assert sign(hook, body, id=f"msg_{n}", timestamp=now)["webhook-signature"] == signature


def test_while_the_key_rotates(tenant):
    """Receivers with either secret take the same message."""
    secrets = [tenant.key("h", usage="webhook", shared=True)["secret"]]
    secrets.append(tenant.call("key.rotate", name="h")["secret"])
    headers = sign(tenant, b"{}")
    asks = [ask("verify", b"{}", headers=headers, secret=s) for s in secrets]
    assert thirdparty.run("webhooks.mjs", asks) == [True, True]
