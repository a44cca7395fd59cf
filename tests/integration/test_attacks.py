"""Published attacks on JWTs, RFC 8725's list among them: none is ever valid, and none disturbs the
daemon."""

import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lib import jose

KEY = b"\x42" * 48
SEED = bytes(range(32))
PUBLIC = jose.public_of(SEED)
ATTACKER = b"\x66" * 32


@pytest.fixture
def hs(tenant):
    tenant.import_hs(KEY, "k")
    tenant.profile(issuer="iss", audience=["aud"])
    return tenant


@pytest.fixture
def ed(tenant):
    tenant.call("key.import", name="k", algorithm="EdDSA", key=SEED)
    tenant.profile(issuer="iss", audience=["aud"])
    return tenant


def verify_all(tenant, tokens):
    answers = tenant.conn.call_many(
        [("token.verify", tenant.fields(profile="p", token=t)) for t in tokens]
    )
    for text, answer in zip(tokens, answers):
        assert isinstance(answer, dict), (text, answer)
        assert answer["valid"] is False, text
    return [a["reason"] for a in answers]


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE"])
def test_alg_none(hs, algorithm):
    """RFC 8725 section 2.1, CVE-2015-9235."""
    text = jose.signing_input({"alg": algorithm, "typ": "JWT"}, jose.claims(hs))
    reasons = verify_all(
        hs, [text + ".", text, text + "." + jose.b64(b""), text + "." + jose.b64(b"\0" * 32)]
    )
    assert set(reasons) <= {"algorithm", "malformed"}


def public_texts():
    key = Ed25519PrivateKey.from_private_bytes(SEED).public_key()
    formats = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, formats)
    return [
        PUBLIC,
        pem,
        pem.strip(),
        key.public_bytes(serialization.Encoding.DER, formats),
        jose.b64(PUBLIC).encode(),
        jose.jwk(PUBLIC).encode(),
        b"",
        SEED[:0],
    ]


def test_the_public_key_as_an_hmac_secret(ed):
    """RFC 8725 section 2.1, CVE-2016-5431: an asymmetric key's text used as a symmetric one."""
    tokens = []
    for secret in public_texts():
        for header in (
            {"alg": "HS256", "typ": "JWT"},
            {"alg": "HS256", "typ": "JWT", "kid": "k.1"},
        ):
            text = jose.signing_input(header, jose.claims(ed))
            tokens.append(
                text + "." + jose.b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())
            )
    assert set(verify_all(ed, tokens)) == {"algorithm"}


EMBEDDED = {
    "jwk": json.loads(jose.jwk(jose.public_of(ATTACKER))),
    "jku": "https://attacker.example/jwks.json",
    "x5u": "file:///etc/passwd",
    "x5c": ["MIIB"],
    "jwks": {"keys": [json.loads(jose.jwk(jose.public_of(ATTACKER)))]},
}


@pytest.mark.parametrize("member", sorted(EMBEDDED))
def test_a_key_that_the_token_brings(ed, member):
    """RFC 8725 section 3.10, CVE-2018-0114: the header names or holds the key to verify with."""
    for kid in ({}, {"kid": "k.1"}):
        text = jose.token(
            ATTACKER, jose.claims(ed), algorithm="EdDSA", **{member: EMBEDDED[member]}, **kid
        )
        assert ed.reason(text) in ("signature", "malformed")


KIDS = [
    "../../../../dev/null",
    "/etc/passwd",
    "k.1\0",
    "' UNION SELECT 'key",
    "1; DROP TABLE keys",
    "k.1|id",
    "$(id)",
    "%s%n%s%n",
    "k.*",
    "*",
    "\u202ek.1",
    "k．1",
    "a" * 257,
    "a" * 10000,
]


@pytest.mark.parametrize("kid", KIDS, ids=range(len(KIDS)))
def test_a_kid_that_reaches_for_something(hs, kid):
    """RFC 8725 section 3.10: kid is looked up, never interpreted. The attacker knows what
    /dev/null holds."""
    for key in (b"", KEY):
        assert hs.reason(jose.token(key, jose.claims(hs), kid=kid)) in ("signature", "malformed")


def test_crit_that_nobody_knows(hs):
    """RFC 7515 section 4.1.11."""
    for crit in (["http://example.com/x"], ["exp"], ["alg"], [], "x", {}):
        assert hs.reason(jose.token(KEY, jose.claims(hs), crit=crit)) == "malformed"


def test_unencoded_payload(hs):
    """RFC 7797 is not spoken: b64 false without crit is an unknown header member, with crit
    malformed."""
    payload = json.dumps(jose.claims(hs))
    head = jose.b64(
        json.dumps({"alg": "HS256", "typ": "JWT", "b64": False, "crit": ["b64"]}).encode()
    )
    text = f"{head}.{payload}"
    assert (
        hs.reason(text + "." + jose.b64(jose.signature("HS256", KEY, text.encode()))) == "malformed"
    )


@pytest.mark.parametrize(
    "name", ["exp", "iat", "iss", "aud", "sub", "tid", "prf", "jti", "nbf", "x"]
)
def test_claims_given_twice(hs, name):
    """RFC 7519 section 4: parsers differ on which one counts."""
    claims = jose.claims(
        hs, **({name: "p"} if name in ("prf", "jti", "x") else {"nbf": 1} if name == "nbf" else {})
    )
    first = json.dumps({name: claims[name]})[1:-1]
    payload = "{" + first + "," + json.dumps(claims)[1:]
    assert hs.reason(jose.token(KEY, payload)) == "malformed"


def test_claims_given_twice_by_an_escape(hs):
    payload = json.dumps(jose.claims(hs))[:-1] + ',"\\u0065xp":4000000000}'
    assert hs.reason(jose.token(KEY, payload)) == "malformed"


@pytest.mark.parametrize("member", ["alg", "kid", "typ", "x"])
def test_header_members_given_twice(hs, member):
    """RFC 7515 section 4: the second alg or kid is not the one that another parser believes."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "k.1", "x": 1}
    twice = json.dumps(header)[:-1] + "," + json.dumps({member: header[member]})[1:]
    text = jose.signing_input(twice, jose.claims(hs))
    text += "." + jose.b64(jose.signature("HS256", KEY, text.encode()))
    assert hs.reason(text) == "malformed"


def test_an_hmac_key_that_is_named_like_a_public_one(ed):
    """Whatever the header names, the profile's key says the algorithm (RFC 8725 section 3.1)."""
    ed.import_hs(PUBLIC, "public")
    ed.import_hs(jose.jwk(PUBLIC).encode(), "jwk")
    tokens = []
    for kid, secret in (("public.1", PUBLIC), ("jwk.1", jose.jwk(PUBLIC).encode())):
        tokens.append(jose.token(secret, jose.claims(ed), kid=kid))
        header = {"alg": "EdDSA", "typ": "JWT", "kid": kid}
        text = jose.signing_input(header, jose.claims(ed))
        tokens.append(
            text + "." + jose.b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())
        )
    assert verify_all(ed, tokens) == ["algorithm", "signature"] * 2


def test_encrypted_and_five_part_tokens(hs):
    """A JWE is no JWS, whatever its parts hold."""
    head, body, signature = hs.sign()["token"].split(".")
    jwe = jose.b64(json.dumps({"alg": "dir", "enc": "A128GCM"}).encode())
    tokens = [
        ".".join([jwe, "", "AAAAAAAAAAAAAAAA", body, signature]),
        ".".join([head, body, signature, body, signature]),
        ".".join([head, "", "", body, signature]),
        "....",
    ]
    assert set(verify_all(hs, tokens)) == {"malformed"}


def test_json_that_readers_understand_differently(hs):
    good = json.dumps(jose.claims(hs))
    bad = [
        b"\xef\xbb\xbf" + good.encode(),
        good.encode() + b"\0",
        b"\0" + good.encode(),
        good.encode()[:-1] + b',"a\\u0000b":1}',
        good.encode()[:-1] + b',"a":"\xff"}',
        good.encode()[:-1] + b',"a":"\\ud800"}',
        good.encode()[:-1] + b',"a":NaN}',
        good.encode()[:-1] + b',"a":01}',
        good.encode()[:-1] + b",}",
        good.encode()[:-1] + b"/**/}",
        good.encode() * 2,
        good.encode("utf-16"),
        b"[" + good.encode() + b"]",
        good.encode()[:-1] + b',"a":' + b"[" * 5 + b"]" * 5 + b"}",
        good.encode()[:-1] + b',"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        good.encode()[:-1] + b',"a":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}",
    ]
    assert set(verify_all(hs, [jose.token(KEY, payload) for payload in bad])) == {"malformed"}
    nested = good.encode()[:-1] + b',"a":' + b"[" * 4 + b"]" * 4 + b"}"
    assert hs.verify(jose.token(KEY, nested))["valid"] is True


def test_many_members_cost_little(hs):
    """Looking for a name given twice must not take the square of their number."""
    names = ",".join(f'"{i:x}":1' for i in range(1200))
    text = jose.token(KEY, json.dumps(jose.claims(hs))[:-1] + "," + names + "}")
    assert len(text) <= 16384
    started = time.monotonic()
    tenant_calls = [("token.verify", hs.fields(profile="p", token=text))] * 200
    assert all(a["valid"] for a in hs.conn.call_many(tenant_calls))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("aud", [0, 1, True, None, {"aud": "aud"}, [], [["aud"]], [1], "AUD", ""])
def test_an_audience_of_another_type(hs, aud):
    assert hs.reason(jose.token(KEY, jose.claims(hs, aud=aud))) == "audience"


def test_base64url_that_is_not_canonical(hs):
    token = hs.sign()["token"]
    head, body, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signature[-1])
    stray = [signature[:-1] + alphabet[last ^ bit] for bit in (1, 2, 3)]
    assert jose.unb64(stray[0]) == jose.unb64(signature), "32 bytes leave two bits over"
    tokens = [f"{head}.{body}.{s}" for s in stray]
    tokens += [
        f"{head}.{body}.{signature}=",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}=.{signature}",
        f"{head}.{body}.{signature.replace('-', '+').replace('_', '/')}+",
        f"{head}.{body}.{signature}A",
    ]
    assert set(verify_all(hs, tokens)) <= {"malformed", "signature"}


def test_whitespace_and_dots(hs):
    token = hs.sign()["token"]
    head, body, signature = token.split(".")
    tokens = [
        f" {token}",
        f"{token} ",
        f"{token}\n",
        f"\t{token}",
        f"{token}\0",
        f"\ufeff{token}",
        f"{token}.",
        f".{token}",
        f"{token}..",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head} .{body}.{signature}",
        f"{head}.{body[:5]}\n{body[5:]}.{signature}",
        "",
        ".",
        "..",
        "...",
        "." * 1000,
        "a",
        "a.b.c",
        f"Bearer {token}",
        token.upper(),
        token[::-1],
        f"{head}.{head}.{signature}",
        token + "a",
        "=.=.=",
        "é.é.é",
    ]
    reasons = verify_all(hs, tokens)
    assert set(reasons) <= {"malformed", "signature"}
    assert set(reasons[:9]) == {"malformed"}


DATES = [
    "1e400",
    "-1e400",
    "1e19",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "1" + "0" * 400,
    "1e5000",
    "-1",
    "0.1e-400",
    "253402300800",
    "-0",
]


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_numbers_that_are_no_date(hs, claim, date):
    payload = json.dumps(jose.claims(hs, **{claim: "DATE"})).replace('"DATE"', date)
    answer = hs.verify(jose.token(KEY, payload))
    if claim == "nbf" and date.startswith(("-", "0.")):
        return  # long past, if it is a number at all
    assert answer["valid"] is False and answer["reason"] in ("malformed", "expired", "not_yet")


def test_a_life_that_overflows(hs):
    payload = json.dumps(jose.claims(hs, iat=-(1 << 62), exp=(1 << 62)))
    assert hs.reason(jose.token(KEY, payload)) == "malformed"


@pytest.mark.parametrize("size", [16 * 1024, 17 * 1024, 100 * 1024, 700 * 1024])
def test_tokens_that_are_large(hs, size):
    started = time.monotonic()
    for text in (
        "a" * size,
        "." * size,
        "a" * (size // 3) + "." + "b" * (size // 3) + "." + "c" * (size // 3),
    ):
        assert hs.reason(text) == "malformed"
    good = jose.token(KEY, jose.claims(hs, x="y" * size))
    answer = hs.verify(good)
    assert (
        answer["claims"]["x"] == "y" * size if answer["valid"] else answer["reason"] == "malformed"
    )
    assert time.monotonic() - started < 2


def test_every_changed_character(hs):
    token = hs.sign()["token"]
    tokens = []
    for at, char in enumerate(token):
        for new in {"A", "B", "_", "-", "9", ".", "=", " ", "\0", "é"} - {char}:
            tokens.append(token[:at] + new + token[at + 1 :])
    verify_all(hs, tokens)
    assert hs.verify(token)["valid"] is True


def test_every_removed_and_doubled_character(ed):
    token = ed.sign()["token"]
    tokens = [
        token[:at] + token[at + 1 :] for at in range(len(token)) if token[at - 1 : at] != token[at]
    ]
    tokens += [token[:at] + token[at] + token[at:] for at in range(len(token))]
    verify_all(ed, [t for t in tokens if t != token])


def test_every_truncation(ed):
    token = ed.sign()["token"]
    verify_all(ed, [token[:n] for n in range(len(token))])


def test_parts_of_two_tokens(hs):
    one, two = (hs.sign(subject=s)["token"].split(".") for s in ("one", "two"))
    assert set(
        verify_all(hs, [".".join((one[0], two[1], one[2])), ".".join((one[0], one[1], two[2]))])
    ) == {"signature"}


def test_ed25519_malleability(ed):
    """S + L verifies where S is not checked (RFC 8032 section 5.1.7)."""
    order = (1 << 252) + 27742317777372353535851937790883648493
    head, body, signature = ed.sign()["token"].split(".")
    raw = jose.unb64(signature)
    s = int.from_bytes(raw[32:], "little") + order
    assert (
        ed.reason(f"{head}.{body}.{jose.b64(raw[:32] + s.to_bytes(32, 'little'))}") == "signature"
    )


def test_a_webhook_or_raw_signature_is_no_token(hs):
    hs.import_hs(KEY, "r", usage="raw")
    text = jose.signing_input({"alg": "HS256", "typ": "JWT", "kid": "r.1"}, jose.claims(hs))
    signature = hs.call("key.sign", name="r", message=text.encode())["signature"]
    assert hs.reason(f"{text}.{jose.b64(signature)}") == "signature"


def test_the_answer_never_repeats_the_token(hs):
    error = hs.error("token.verify", profile="none", token="secret-looking-token")
    assert "secret-looking" not in str(error.error)
