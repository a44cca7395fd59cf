"""Directories of the unified hierarchy, to run a caller in."""

import contextlib
import errno
import os
import pathlib
import socket
import time

import pytest

PEERPIDFD = 77  # SO_PEERPIDFD, Linux 6.5


def kernel_tells_units():
    """Without SO_PEERPIDFD the daemon knows no unit, and is right not to."""
    here, there = socket.socketpair()
    with here, there:
        try:
            os.close(here.getsockopt(socket.SOL_SOCKET, PEERPIDFD))
            return True
        except OSError as e:
            assert e.errno == errno.ENOPROTOOPT, e
            return False


def root():
    """Where cgroup2 is mounted. The tests are root; what can be missing all the same is a mount of
    it that shows its own root and can be written to, as in a container, and then nobody could be put
    into a unit's cgroup: the only reason for which these tests are skipped."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(" - ")
        _, _, _, top, where, options = fields.split()[:6]
        if kind.split()[0] == "cgroup2" and top == "/" and "ro" not in options.split(","):
            return pathlib.Path(where)
    return pytest.skip("no cgroup2 is mounted that root can write to")


@contextlib.contextmanager
def made(path):
    """The directory path below the root, with those above it; what was made is removed."""
    at, new = root(), []
    try:
        for part in pathlib.PurePath(path).parts:
            at /= part
            if not at.exists():
                at.mkdir()
                new.append(at)
        yield at
    finally:
        for directory in reversed(new):
            remove(directory)


def remove(directory):
    """Its processes were waited for, but leave it a moment later."""
    end = time.monotonic() + 5
    while True:
        try:
            directory.rmdir()
            return
        except OSError as e:
            if e.errno != errno.EBUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
