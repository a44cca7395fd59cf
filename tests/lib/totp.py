"""An authenticator app: RFC 6238 by the standard library."""

import base64
import hashlib
import hmac
import struct
import time
import urllib.parse

STEP = 30


def secret_of(uri):
    """The key that an otpauth URI carries."""
    text = urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query)["secret"][0]
    return base64.b32decode(text)


def code(secret, step):
    mac = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    at = mac[-1] & 15
    value = struct.unpack(">I", mac[at : at + 4])[0] & 0x7FFFFFFF
    return f"{value % 1000000:06}"


def step_now(rest=8):
    """The step that it is, with so many seconds left in it."""
    while time.time() % STEP > STEP - rest:
        time.sleep(0.2)
    return int(time.time()) // STEP


def wrong(secret):
    """A code of no step near now."""
    now = int(time.time()) // STEP
    near = {code(secret, now + i) for i in range(-3, 4)}
    return next(c for c in ("000000", "111111", "222222", "3" * 6, "4" * 6, "5" * 6, "6" * 6, "7" * 6) if c not in near)
