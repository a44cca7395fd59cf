"""A daemon whose audit.verify and sys.check take a while: slow_daemon.py SOCKET SECONDS MODE LOG. MODE is
what sys.status says of the first: work; denied; before: that the second is at work, then work. The
log has a line for each sys.status."""

import sys
import time

from fake_daemon import error, serve

TOTAL = 4000
path, seconds, mode, log = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
begun = []  # when audit.verify was


def status():
    with open(log, "a", encoding="utf-8") as lines:
        lines.write("asked\n")
    if mode == "denied":
        return error("denied"), None
    spent = (time.monotonic() - begun[-1]) / seconds if begun else 0
    before = mode == "before" and spent < 0.5
    work = {
        "method": "sys.check" if before else "audit.verify",
        "done": int(TOTAL * min(spent, 1)),
        "total": TOTAL,
        "unit": "entries" if before else "records",
        "since": int(time.time()),
    }
    return None, {
        "initialized": True,
        "sealed": False,
        "version": "0",
        "uptime": 1,
        "store_id": "",
        "slots": 1,
        "sandbox": "",
        "memory_lock": "",
        "audit": {"seq": TOTAL, "ok": True},
        "work": [work] if begun else [],
    }


def answer(method, _):
    if method == "sys.status":
        return status()
    begun.append(time.monotonic())
    time.sleep(seconds)
    return None, {"ok": True, "first": 1, "last": TOTAL, "blocks": 9}


serve(path, lambda: answer)
