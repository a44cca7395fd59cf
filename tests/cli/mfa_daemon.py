"""A daemon that wants a one-time code for all but sys.hello: mfa_daemon.py SOCKET LOG. The code is
123456, and counts on its connection; the log has a line for each request: method, request_id."""

import sys

from fake_daemon import error, serve


class Connection:
    given = False

    def __init__(self, log):
        self.log = log

    def __call__(self, method, fields):
        self.log.write(f"{method} {fields.get('request_id', '-')}\n")
        self.log.flush()
        if method == "auth.totp":
            right = fields["code"] == "123456"
            self.given |= right
            return (None, {}) if right else (error("denied"), None)
        return (None, {"version": 7, "signs_at": 1}) if self.given else (error("mfa_required"), None)


with open(sys.argv[2], "w", encoding="utf-8") as lines:
    serve(sys.argv[1], lambda: Connection(lines))
