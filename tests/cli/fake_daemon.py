"""What the command line's tests have in place of a daemon: serve(PATH, MAKE) answers each connection
by what MAKE() makes, a function of the method and its fields that returns (error, result)."""

import socket
import threading

import msgpack

HELLO = {
    "server": "vaultd",
    "version": "0",
    "protocol": 1,
    "sealed": False,
    "initialized": True,
    "principal": "uid:0",
    "limits": {"max_frame": 1048576, "max_depth": 8, "max_in_flight": 1024},
}


def error(code):
    return {"code": code, "message": code}


def talk(conn, answer):
    unpacker = msgpack.Unpacker(raw=False)
    with conn:
        while data := conn.recv(65536):
            unpacker.feed(data)
            for _, msgid, method, params in unpacker:
                fault, result = (
                    (None, HELLO)
                    if method == "sys.hello"
                    else answer(method, params[0] if params else {})
                )
                conn.sendall(msgpack.packb([1, msgid, fault, result]))


def serve(path, make):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=talk, args=(conn, make()), daemon=True).start()
