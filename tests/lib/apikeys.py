"""API keys as tests make and ask for them."""

import time
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HOUR = 3600


def crc_digits(text):
    crc = zlib.crc32(text.encode())
    out = ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        out = DIGITS[digit] + out
    return out


def with_crc(body):
    """A key text whose CRC is right, whatever stands in it."""
    return body + crc_digits(body)


class Keys:
    def __init__(self, tenant):
        self.tenant = tenant
        self.call, self.error = tenant.call, tenant.error

    def create(self, name="gw", scopes=("read",), **fields):
        return self.call("apikey.create", name=name, scopes=list(scopes), **fields)

    def verify(self, key, conn=None, **fields):
        return (conn or self.tenant.conn).call("apikey.verify", key=key, **fields)

    def reason(self, key, **fields):
        answer = self.verify(key, **fields)
        assert answer["valid"] is False and set(answer) <= {"valid", "reason", "retry_after_ms"}
        return answer["reason"]

    def get(self, id):
        return self.call("apikey.get", id=id)

    def state(self, id):
        return self.get(id)["state"]


def wait_until(then):
    while time.time() < then:
        time.sleep(0.02)
