"""An export that somebody wrote who knows its passphrase: nothing of it may do harm."""

import struct

import pytest

from lib import forge
from lib.rich import Rich
from lib.rpc import VaultError
from test_export import PASSPHRASE, export, take

KEY, VERSION, PROFILE, ISSUANCE, GRAVE, APIKEY, SECRET = 4, 5, 7, 8, 9, 20, 40
HEAD = 25 + 4  # place, version
LARGE = forge.integer(2**32 - 1)
ES256 = 4  # algorithm
TOKEN, RAW, ENCRYPT = 1, 3, 4  # usages


@pytest.fixture(scope="module")
def exported(module_vault):
    acme = module_vault.new_tenant("acme")
    Rich(acme).fill()
    acme.call("secret.put", name="gone", value=b"v")
    acme.call("secret.destroy", name="gone")
    return export(module_vault, "acme")


@pytest.fixture(scope="module")
def module_vault():
    from lib.vault import Vault

    vault = Vault()
    try:
        vault.start()
        vault.init()
        yield vault
    finally:
        vault.close()


def first(kind, change, name=None):
    """Changes the fields of the first record of a kind, or of that with a name."""

    def apply(items):
        out, done = [], False
        for item, body in items:
            if item == forge.RECORD and body[4] == kind and not done:
                fields = forge.fields_of(body[HEAD:])
                if name in (None, fields[1]):
                    change(fields)
                    body, done = body[:HEAD] + forge.record_of(fields), True
            out.append((item, body))
        assert done
        return out

    return apply


def version(change):
    """Changes the fields of the only version that stands in a key's record."""

    def apply(fields):
        count, at = forge.read_integer(fields[12], 0)
        size, at = forge.read_integer(fields[12], at)
        assert count == 1 and at + size == len(fields[12])
        inner = forge.fields_of(fields[12][at:])
        change(inner)
        body = forge.record_of(inner)
        fields[12] = forge.integer(1) + forge.integer(len(body)) + body

    return apply


def with_field(number, value):
    return lambda fields: fields.__setitem__(number, value)


def without(number):
    return lambda fields: fields.pop(number)


def all_of(*changes):
    def apply(items):
        for change in changes:
            items = change(items)
        return items

    return apply


def twice(kind):
    def apply(items):
        (found, *_) = (i for i in items if i[0] == forge.RECORD and i[1][4] == kind)
        return [*items, found]

    return apply


def retagged(kind):
    def apply(items):
        return [
            (item, body[:5] + bytes(12) + body[17:])
            if item == forge.RECORD and body[4] == kind
            else (item, body)
            for item, body in items
        ]

    return apply


def of_kind(kind):
    """A record of the store's own."""
    body = struct.pack("<IB12sQI", 0, kind, bytes(12), 1, 1)
    return lambda items: [*items, (forge.RECORD, body)]


def tenant(change):
    def apply(items):
        fields = forge.fields_of(items[0][1])
        inner = forge.fields_of(fields[2])
        change(inner)
        fields[2] = forge.record_of(inner)
        return [(forge.INFO, forge.record_of(fields)), *items[1:]]

    return apply


HOSTILE = {
    "a key's name longer than any": first(KEY, with_field(1, b"n" * 60000)),
    "a key's name that is none": first(KEY, with_field(1, b"../x")),
    "a key without a name": first(KEY, without(1)),
    "an algorithm that is none": first(KEY, with_field(2, forge.integer(200))),
    "a usage that is none": first(KEY, with_field(3, forge.integer(77))),
    "four billion versions": first(KEY, with_field(5, LARGE)),
    "a first version behind the last": first(KEY, with_field(15, LARGE)),
    "the last version there can be": first(KEY, lambda f: f.update({5: LARGE, 15: LARGE}), b"hs"),
    "the last version of what is gone": first(GRAVE, with_field(3, LARGE)),
    "an encryption key of HS256": first(KEY, with_field(3, forge.integer(ENCRYPT)), b"hs"),
    "a token key of XC20P": first(KEY, with_field(3, forge.integer(TOKEN)), b"box"),
    "a raw key of XC20P": first(KEY, with_field(3, forge.integer(RAW)), b"box"),
    "a webhook key of ES256": first(KEY, with_field(2, forge.integer(ES256)), b"hook"),
    "an Ed25519 key without its private half": first(KEY, version(without(7)), b"raw"),
    "an HMAC key without its secret": first(KEY, version(without(7)), b"hs"),
    "an HMAC key of a byte": first(KEY, version(with_field(7, b"x")), b"hs"),
    "a key id twice": all_of(
        first(KEY, version(with_field(6, b"ours")), b"raw"),
        first(KEY, version(with_field(6, b"ours")), b"hook"),
    ),
    "a profile's name longer than any": first(PROFILE, with_field(1, b"n" * 60000)),
    "a token type that is not text": first(PROFILE, with_field(5, b"\xff\xfe")),
    "fixed claims that claim to be huge": first(PROFILE, with_field(18, b"\xdf\xff\xff\xff\xff")),
    "a secret's name longer than any": first(SECRET, with_field(1, b"n" * 60000)),
    "metadata that is no map": first(SECRET, with_field(6, b"\xdd\xff\0\0\0")),
    "an API key's id longer than any": first(APIKEY, with_field(1, b"1" * 5000)),
    "an API key of no kind": first(APIKEY, with_field(5, forge.integer(99))),
    "a short tag": first(APIKEY, with_field(3, b"x")),
    "a short MAC": first(APIKEY, with_field(4, b"x")),
    "a network of 255 bits": first(APIKEY, with_field(13, b"\xff" + bytes(16))),
    "half a network": first(APIKEY, with_field(13, bytes(9))),
    "the last number of all": first(ISSUANCE, with_field(1, forge.integer(2**63 - 1))),
    "a key twice": twice(KEY),
    "a secret twice": twice(SECRET),
    "keys under another's name": retagged(KEY),
    "a grant": of_kind(3),
    "the head": of_kind(10),
    "a tenant's wraps": of_kind(2),
    "a state that is none": tenant(with_field(4, forge.integer(9))),
    "labels that are no map": tenant(with_field(6, b"\xdf\xff\xff\xff\xff")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_no_vault_writes_is_refused(module_vault, exported, vault, what):
    data = forge.forged(exported, PASSPHRASE, HOSTILE[what])
    with pytest.raises(VaultError) as e:
        take(vault, data)
    assert e.value.code in ("integrity", "unsupported", "invalid_params"), what
    assert vault.alive()
    assert vault.admin_call("tenant.list")["items"] == []


def test_unchanged_it_is_taken(exported, vault):
    assert take(vault, forge.forged(exported, PASSPHRASE, list)) == "acme"


def test_openers_that_each_cost_the_slow_lane(exported, vault):
    """An export has one: sixteen, of a gigabyte each, would keep all others from it for minutes."""
    with pytest.raises(VaultError) as e:
        take(vault, forge.forged(exported, PASSPHRASE, list, openers=2))
    assert (e.value.code, e.value.field) == ("invalid_params", "data")


def test_an_older_version_without_its_private_half(exported, vault):
    """The record of a version does not say whose it is: it shows when the key is used."""
    take(vault, forge.forged(exported, PASSPHRASE, first(VERSION, without(7))))
    with vault.app() as app:
        codes = set()
        for n in (1, 2, 3):
            try:
                app.call("key.sign", tenant="acme", name="raw", message=b"m", version=n)
            except VaultError as e:
                codes.add(e.code)
    assert codes <= {"integrity"}
    vault.assert_alive()
