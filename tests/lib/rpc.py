"""A connection that speaks MessagePack-RPC, independent of libvaultclient."""

import socket

import msgpack

from lib import encode

TIMEOUT = 15  # seconds any one answer may take


class VaultError(Exception):
    """The daemon's error: what the contract's map holds."""

    def __init__(self, error):
        self.code = error["code"]
        self.message = error["message"]
        self.field = error.get("field")
        self.retry_after_ms = error.get("retry_after_ms")
        self.error = error
        super().__init__(f"{self.code}: {self.message} (field {self.field})")


class Conn:
    """One connection. call() waits for its answer; start() and wait() keep many in flight."""

    def __init__(self, path, timeout=TIMEOUT, sock=None):
        """sock: one that is connected already, and then whose it is the daemon's to say."""
        self.sock = sock or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if sock is None:
            self.sock.connect(path)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 30)
        self.msgid = 0
        self.replies = {}

    def send_raw(self, data):
        self.sock.sendall(data)

    def recv(self):
        """The next message, or EOFError once the daemon closed."""
        while True:
            for message in self.unpacker:
                return message
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError("the daemon closed the connection")
            self.unpacker.feed(data)

    def recv_error(self):
        """The next message, which must be an error reply: (msgid, VaultError)."""
        kind, msgid, error, result = self.recv()
        assert kind == 1 and result is None, (kind, msgid, error, result)
        return msgid, VaultError(error)

    def at_end(self):
        """Whether the daemon closes without another message."""
        try:
            message = self.recv()
        except (EOFError, BrokenPipeError):
            return True
        raise AssertionError(f"one message too many: {message!r}")

    def start(self, method, fields=None):
        self.msgid = (self.msgid + 1) & 0xFFFFFFFF
        self.send_raw(encode.request(self.msgid, method, fields or {}))
        return self.msgid

    def wait(self, msgid):
        while msgid not in self.replies:
            kind, got, error, result = self.recv()
            assert kind == 1 and got not in self.replies, (kind, got)
            self.replies[got] = (error, result)
        error, result = self.replies.pop(msgid)
        if error is not None:
            assert result is None
            raise VaultError(error)
        return result

    def call(self, method, /, **fields):
        return self.wait(self.start(method, fields))

    def call_map(self, method, fields):
        return self.wait(self.start(method, fields))

    def call_params(self, method, *params):
        """params as they are: for shapes that call() never sends."""
        self.msgid += 1
        self.send_raw(encode.request(self.msgid, method, *params))
        return self.wait(self.msgid)

    def call_many(self, calls):
        """Pipelines (method, fields) and answers a list of results or VaultErrors, in order."""
        out = []
        for at in range(0, len(calls), 500):
            ids = [self.start(method, fields) for method, fields in calls[at : at + 500]]
            for msgid in ids:
                try:
                    out.append(self.wait(msgid))
                except VaultError as e:
                    out.append(e)
        return out

    def error(self, method, /, **fields):
        """The error a call must end with."""
        return self.error_map(method, fields)

    def error_map(self, method, fields):
        try:
            result = self.call_map(method, fields)
        except VaultError as e:
            return e
        raise AssertionError(f"{method} answered {result!r} where an error was due")

    def pages(self, method, limit, /, **fields):
        """All items of a list, page by page."""
        items, cursor = [], None
        for _ in range(10000):
            page = self.call(method, limit=limit, cursor=cursor, **fields)
            assert len(page["items"]) <= limit
            items += page["items"]
            cursor = page.get("cursor")
            if cursor is None:
                return items
        raise AssertionError("the list never ends")

    def shut_write(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
