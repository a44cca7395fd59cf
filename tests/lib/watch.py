"""A connection that watches: events apart from answers."""

import select
import time

from lib.rpc import Conn

WAIT = 10  # seconds an event may take


class Watcher(Conn):
    """watch() subscribes; event() gives the next, quiet() that there is none."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.events = []

    def wait(self, msgid):
        while msgid not in self.replies:
            message = self.recv()
            if message[0] == 2:
                self.keep(message)
                continue
            kind, got, error, result = message
            assert kind == 1 and got not in self.replies, message
            self.replies[got] = (error, result)
        return super().wait(msgid)

    def keep(self, message):
        kind, method, params = message
        assert (kind, method, len(params)) == (2, "event", 1), message
        assert isinstance(params[0]["kind"], str) and isinstance(params[0]["time"], int)
        self.events.append(params[0])

    def watch(self, **fields):
        assert self.call("sys.watch", **fields) == {}
        return self

    def event(self, seconds=WAIT):
        end = time.monotonic() + seconds
        while True:
            for message in self.unpacker:
                self.keep(message)
            if self.events:
                return self.events.pop(0)
            left = end - time.monotonic()
            assert left > 0 and select.select([self.sock], [], [], left)[0], "no event came"
            self.keep(self.recv())

    def quiet(self):
        """No event until an answer that was asked for now: they leave in order."""
        self.call("sys.ping")
        return self.events == []
