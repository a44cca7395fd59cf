"""Runs a command on a terminal of its own: terminal.py [PROMPT=ANSWER ...] -- COMMAND. Each answer
is typed once when its prompt shows. Prints what the terminal got; ends as the command did."""

import os
import pty
import signal
import sys
import time

SECONDS = 30


def main():
    split = sys.argv.index("--")
    answers = [a.split("=", 1) for a in sys.argv[1:split]]
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[split + 1], sys.argv[split + 1 :])
    shown, seen, end = b"", 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        shown += data
        if answers and answers[0][0].encode() in shown[seen:]:
            seen = len(shown)
            # The echo goes off before the prompt is written.
            os.write(fd, answers.pop(0)[1].encode() + b"\n")
    else:
        os.kill(pid, signal.SIGKILL)  # nobody reads what it writes any more
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
