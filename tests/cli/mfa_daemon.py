"""A daemon that wants a one-time code for all but sys.hello: mfa_daemon.py SOCKET LOG. The code is
123456, and counts on its connection; the log has a line for each request: method, request_id."""

import socket
import sys

import msgpack


def error(code):
    return {"code": code, "message": code}


def answer(method, fields, given):
    """(error, result, whether the code has been given)."""
    if method == "sys.hello":
        limits = {"max_frame": 1048576, "max_depth": 8, "max_in_flight": 1024}
        return None, {
            "server": "vaultd",
            "version": "0",
            "protocol": 1,
            "sealed": False,
            "initialized": True,
            "principal": "uid:0",
            "limits": limits,
        }, given
    if method == "auth.totp":
        right = fields["code"] == "123456"
        return (None, {}, True) if right else (error("denied"), None, given)
    return (None, {"version": 7, "signs_at": 1}, given) if given else (error("mfa_required"), None, given)


def serve(conn, log):
    unpacker, given = msgpack.Unpacker(raw=False), False
    while data := conn.recv(65536):
        unpacker.feed(data)
        for _, msgid, method, params in unpacker:
            fields = params[0] if params else {}
            fault, result, given = answer(method, fields, given)
            if method != "sys.hello":
                log.write(f"{method} {fields.get('request_id', '-')}\n")
                log.flush()
            conn.sendall(msgpack.packb([1, msgid, fault, result]))


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    with open(sys.argv[2], "w", encoding="utf-8") as log:
        while True:
            conn, _ = listener.accept()
            with conn:
                serve(conn, log)


main()
