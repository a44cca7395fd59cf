"""webhook.sign and webhook.verify against the schemes' rules, worked out here independently."""

import base64
import json
import pathlib
import re
import time

import pytest

from lib import hooks
from lib.hooks import BODY, sign, verify

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "standard-webhooks"
KEY = bytes(range(50, 82))
SEED = bytes(range(32))
SCHEMES = ["standard", "github", "stripe"]
SIGNING = {
    "standard": "webhook-signature",
    "github": "X-Hub-Signature-256",
    "stripe": "Stripe-Signature",
}


@pytest.fixture
def hook(tenant):
    tenant.import_hs(KEY, "h", usage="webhook")
    return tenant


@pytest.fixture
def ed(tenant):
    tenant.call("key.import", name="h", algorithm="EdDSA", usage="webhook", key=SEED)
    return tenant


def by_hand(scheme, payload, timestamp, key=KEY):
    if scheme == "github":
        return hooks.github(key, payload)
    return (hooks.standard if scheme == "standard" else hooks.stripe)(key, payload, timestamp)


# What is made.


def test_standard(hook):
    before = int(time.time())
    headers = sign(hook, id="msg_abc", timestamp=1614265330)
    assert headers == hooks.standard(KEY, BODY, 1614265330, "msg_abc")
    headers = sign(hook)
    assert list(headers) == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    assert before <= int(headers["webhook-timestamp"]) <= time.time()
    assert re.fullmatch(r"msg_[A-Za-z0-9_-]{22}", headers["webhook-id"])
    assert headers == hooks.standard(KEY, BODY, headers["webhook-timestamp"], headers["webhook-id"])
    assert sign(hook)["webhook-id"] != headers["webhook-id"]


def test_standard_asymmetric(ed):
    headers = sign(ed, id="msg_abc", timestamp=1614265330)
    assert headers == hooks.standard(SEED, BODY, 1614265330, "msg_abc", hooks.v1a)
    assert verify(ed, sign(ed)) is None


def test_github(hook):
    assert sign(hook, scheme="github") == hooks.github(KEY, BODY)


def test_stripe(hook):
    assert sign(hook, scheme="stripe", timestamp=12345) == hooks.stripe(KEY, BODY, 12345)
    made = sign(hook, scheme="stripe")["Stripe-Signature"]
    assert abs(int(re.match(r"t=(\d+),v1=[0-9a-f]{64}$", made)[1]) - time.time()) < 5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 8, b"p" * 1_000_000])
def test_both_ways(hook, scheme, payload):
    now = int(time.time())
    assert verify(hook, sign(hook, payload, scheme=scheme), payload, scheme=scheme) is None
    assert verify(hook, by_hand(scheme, payload, now), payload, scheme=scheme) is None
    assert verify(hook, by_hand(scheme, payload, now), payload + b"x", scheme=scheme) == "signature"


def test_payload_may_come_as_str(hook):
    assert sign(hook, BODY.decode(), id="m", timestamp=1) == sign(hook, id="m", timestamp=1)


def test_the_published_vector(tenant):
    kat = json.loads((VECTORS / "vectors.json").read_text())["kat"]
    tenant.call("key.import", name="h", algorithm="HS256", usage="webhook", secret=kat["secret"])
    headers = sign(tenant, kat["payload"].encode(), id=kat["msg_id"], timestamp=kat["timestamp"])
    assert headers["webhook-signature"] == kat["signature"]
    assert verify(tenant, headers, kat["payload"].encode(), tolerance=10**9) is None
    assert verify(tenant, headers, kat["payload"].encode()) == "timestamp"


def test_a_shared_secret_is_what_the_receiver_signs_with(tenant):
    secret = tenant.key("h", usage="webhook", shared=True)["secret"]
    key = hooks.secret_bytes(secret)
    headers = sign(tenant)
    assert headers == hooks.standard(key, BODY, headers["webhook-timestamp"], headers["webhook-id"])
    assert sign(tenant, scheme="github") == hooks.github(key, BODY)


@pytest.mark.parametrize("size", [24, 64])
def test_imported_secrets_sign_with_their_bytes(tenant, size):
    key = bytes(range(100, 100 + size))
    for text in (hooks.whsec(key), hooks.whsec(key).rstrip("=")):
        tenant.call("key.import", name="h", algorithm="HS256", usage="webhook", secret=text)
        assert sign(tenant, scheme="github") == hooks.github(key, BODY)


# Standard Webhooks' own list of what is accepted and what is not.


def changed(headers, **changes):
    """None removes a header; underscores stand for dashes."""
    changes = {name.replace("_", "-"): value for name, value in changes.items()}
    return {k: v for k, v in {**headers, **changes}.items() if v is not None}


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", []])
def test_missing_headers(hook, name, value):
    assert (
        verify(
            hook,
            {**changed(sign(hook), **{name: None}), **({} if value is None else {name: value})},
        )
        == "malformed"
    )
    assert verify(hook, {**sign(hook), name: None}) == "malformed"


def test_no_headers_at_all(hook):
    for scheme in SCHEMES:
        assert verify(hook, {}, scheme=scheme) == "malformed"
        assert verify(hook, [], scheme=scheme) == "malformed"


@pytest.mark.parametrize(
    "timestamp",
    [
        "hello",
        "-1",
        "+1",
        "1.5",
        "0x10",
        " 1",
        "1 ",
        "01",
        "1e9",
        "253402300800",
        "9" * 13,
        "9" * 400,
        "١",
    ],
)
@pytest.mark.parametrize("scheme", ["standard", "stripe"])
def test_timestamps_that_are_none(hook, scheme, timestamp):
    headers = by_hand(scheme, BODY, timestamp)
    assert verify(hook, headers, scheme=scheme, tolerance=3153600000) == "malformed"


@pytest.mark.parametrize(
    "signature",
    [
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
        "v1,dawfeoifkpqwoekfpqoekf",
        "v1,",
        "v1",
        ",",
        " ",
        "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
        "v1a,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
        "v1a," + base64.b64encode(b"s" * 64).decode(),
        "v1," + base64.b64encode(b"s" * 64).decode(),
    ],
)
def test_wrong_signatures(hook, signature):
    assert verify(hook, changed(sign(hook), webhook_signature=signature)) == "signature"


def test_every_prefix_of_a_signature(hook):
    headers = sign(hook)
    whole = headers["webhook-signature"]
    calls = [
        (
            "webhook.verify",
            hook.fields(
                key="h", headers=changed(headers, webhook_signature=whole[:n]), payload=BODY
            ),
        )
        for n in range(1, len(whole))
    ]
    assert {a["reason"] for a in hook.conn.call_many(calls)} == {"signature"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_flipped_bit(hook, scheme):
    headers = sign(hook, scheme=scheme)
    raw = headers[SIGNING[scheme]]
    calls = []
    for at in range(len(raw)):
        for bit in range(7):
            bad = raw[:at] + chr(ord(raw[at]) ^ 1 << bit) + raw[at + 1 :]
            if bad.lower() == raw.lower() and scheme != "standard":
                continue  # hex in either case is the same number
            calls.append(
                (
                    "webhook.verify",
                    hook.fields(
                        key="h",
                        scheme=scheme,
                        headers={**headers, SIGNING[scheme]: bad},
                        payload=BODY,
                    ),
                )
            )
    for answer, (_, fields) in zip(hook.conn.call_many(calls), calls):
        assert answer["valid"] is False, fields["headers"]


def test_a_list_of_signatures(hook):
    headers = sign(hook)
    good, bad = headers["webhook-signature"], "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    v2 = "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    for value in (
        f"{bad} {v2} {good} {bad}",
        [bad, v2, good],
        [f"{bad} {v2}", good],
        f"  {good}  ",
        " ".join(["v1,x"] * 40 + [good]),
        " ".join([bad] * 7 + [good]),
    ):
        assert verify(hook, changed(headers, webhook_signature=value)) is None
    assert verify(hook, changed(headers, webhook_signature=f"{bad} {v2}")) == "signature"
    assert verify(hook, changed(headers, webhook_signature=f"{bad},{good}")) == "signature"


def test_the_bounds_of_headers(hook):
    headers = sign(hook)
    good, bad = headers["webhook-signature"], "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    too_many = " ".join([bad] * 8 + [good])
    assert verify(hook, changed(headers, webhook_signature=too_many)) == "malformed"
    assert verify(hook, changed(headers, webhook_signature=[good] * 8)) is None
    assert verify(hook, changed(headers, webhook_signature=[good] * 9)) == "malformed"
    assert verify(hook, changed(headers, webhook_signature=good.ljust(4096))) is None
    assert verify(hook, changed(headers, webhook_signature=good.ljust(4097))) == "malformed"
    for size, reason in ((128, None), (129, "malformed")):
        headers = hooks.standard(KEY, BODY, int(time.time()), "m" * size)
        assert verify(hook, headers) == reason
    # Others are no concern of ours, up to the size of the whole map.
    assert verify(hook, {**sign(hook), "cookie": "c" * 60000, "x": ["a", "b"], "y": None}) is None
    error = hook.error("webhook.verify", key="h", headers={"c": "c" * 65536}, payload=BODY)
    assert (error.code, error.field) == ("invalid_params", "headers")


@pytest.mark.parametrize(
    "off,reason", [(-299, None), (-302, "timestamp"), (297, None), (303, "timestamp")]
)
@pytest.mark.parametrize("scheme", ["standard", "stripe"])
def test_the_tolerance(hook, scheme, off, reason):
    now = int(time.time())
    assert verify(hook, sign(hook, scheme=scheme, timestamp=now + off), scheme=scheme) == reason
    wide = {"scheme": scheme, "tolerance": 3153600000}
    assert verify(hook, sign(hook, scheme=scheme, timestamp=now + off), **wide) is None
    assert verify(
        hook, sign(hook, scheme=scheme, timestamp=now - 5), scheme=scheme, tolerance=2
    ) == ("timestamp")


@pytest.mark.parametrize("scheme", ["standard", "stripe"])
def test_a_timestamp_altered_after_signing(hook, scheme):
    headers = sign(hook, scheme=scheme, timestamp=1614265330)
    wide = {"scheme": scheme, "tolerance": 3153600000}
    assert verify(hook, headers, **wide) is None
    altered = {k: v.replace("1614265330", "1614265331") for k, v in headers.items()}
    assert verify(hook, altered, **wide) == "signature"
    now = str(int(time.time()))
    altered = {k: v.replace("1614265330", now) for k, v in headers.items()}
    assert verify(hook, altered, scheme=scheme) == "signature"


# Names and values of headers.


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("form", [str.lower, str.upper, str.title, str.swapcase])
def test_names_match_without_case(hook, scheme, form):
    headers = {form(k): v for k, v in sign(hook, scheme=scheme).items()}
    assert verify(hook, headers, scheme=scheme) is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_values_may_be_lists(hook, scheme):
    headers = {k: [v] for k, v in sign(hook, scheme=scheme).items()}
    assert verify(hook, headers, scheme=scheme) is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_headers_given_twice(hook, scheme):
    """Also by names that differ in case only; the list of signatures alone may be repeated."""
    headers = sign(hook, scheme=scheme)
    for name, value in headers.items():
        reason = None if name == "webhook-signature" else "malformed"
        twice = {k: v for k, v in headers.items() if k != name}
        assert verify(hook, {**twice, name: [value, value]}, scheme=scheme) == reason
        assert verify(hook, {**headers, name.swapcase(): value}, scheme=scheme) == reason
    many = {
        "".join(c.upper() if n >> i & 1 else c for i, c in enumerate("webhook-signature")): "v1,x"
        for n in range(200)
    }
    if scheme == "standard":
        assert verify(hook, {**many, **headers}) == "malformed"


@pytest.mark.parametrize("value", [1, True, 1.5, b"x", {"a": "b"}, ["a", 1], [["a"]], [None]])
def test_values_that_are_no_text(hook, value):
    for name in ("webhook-id", "other"):
        error = hook.error("webhook.verify", key="h", headers={name: value}, payload=BODY)
        assert (error.code, error.field) == ("invalid_params", "headers")


@pytest.mark.parametrize("headers", ["webhook-id: x", 1, ["x"], {1: "x"}])
def test_headers_that_are_no_map(hook, headers):
    error = hook.error("webhook.verify", key="h", headers=headers, payload=BODY)
    assert (error.code, error.field) == ("invalid_params", "headers")


# An id with a full stop could be read in two ways: "a" at 1 of "2.x" is "a.1" at 2 of "x".
BAD_IDS = ["a.1", ".", "a b", "a\n", "a\r\nevil: 1", "\x7f", "ü", " "]


@pytest.mark.parametrize("bad", BAD_IDS)
def test_ids_that_are_none(hook, bad):
    error = hook.error("webhook.sign", key="h", payload=BODY, id=bad)
    assert (error.code, error.field) == ("invalid_params", "id")
    assert verify(hook, hooks.standard(KEY, BODY, int(time.time()), bad)) == "malformed"


def test_the_bounds_of_requests(hook):
    assert sign(hook, id="m" * 128)["webhook-id"] == "m" * 128
    for fields, field in (
        ({"id": "m" * 129}, "id"),
        ({"id": ""}, "id"),
        ({"timestamp": -1}, "timestamp"),
        ({"timestamp": 253402300800}, "timestamp"),
        ({"scheme": "Standard"}, "scheme"),
        ({"scheme": "svix"}, "scheme"),
        ({"version": 0}, "version"),
    ):
        error = hook.error("webhook.sign", key="h", payload=BODY, **fields)
        assert (error.code, error.field) == ("invalid_params", field)
    for tolerance in (-1, 3153600001):
        error = hook.error("webhook.verify", key="h", headers={}, payload=BODY, tolerance=tolerance)
        assert (error.code, error.field) == ("invalid_params", "tolerance")
    assert sign(hook, timestamp=0)["webhook-timestamp"] == "0"
    assert sign(hook, timestamp=253402300799)["webhook-timestamp"] == "253402300799"
    assert hook.error("webhook.sign", key="none", payload=BODY).field == "key"
    assert hook.error("webhook.verify", key="none", headers={}, payload=BODY).code == "not_found"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256",
        "sha1=" + "0" * 40,
        "0" * 64,
        "sha256=" + "0" * 63,
        "sha256=" + "0" * 65,
        "sha256=" + "g" * 64,
        "SHA256=" + "0" * 64,
    ],
)
def test_github_signatures_that_are_none(hook, signature):
    assert verify(hook, {"X-Hub-Signature-256": signature}, scheme="github") == "malformed"


def test_stripe_members(hook):
    now = int(time.time())
    good = hooks.stripe_signature(KEY, BODY, now)
    for value, reason in (
        (f"t={now},v1={good},v0={'0' * 64}", None),
        (f"v1={good},t={now}", None),
        (f"t={now},v1={'0' * 64},v1={good}", None),
        (f"t={now},v1={good.upper()}", None),
        (f"t={now},v1={'0' * 64}", "signature"),
        (f"t={now},v1={good[:-1]}", "signature"),
        (f"t={now},v1=", "signature"),
        (f"t={now},v1={good[:-1]}g", "signature"),
        (f"t={now},v0={good}", "malformed"),
        (f"t={now}", "malformed"),
        (f"v1={good}", "malformed"),
        (f"t={now},t={now},v1={good}", "malformed"),
        (f"t={now - 1},v1={good}", "signature"),
        (",,,", "malformed"),
        (f"t={now}," + f"v1={'0' * 64}," * 8 + f"v1={good}", "malformed"),
    ):
        assert verify(hook, {"Stripe-Signature": value}, scheme="stripe") == reason, value
