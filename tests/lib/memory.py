"""What a process's memory holds, as root sees it through /proc."""

import os
import re


def mappings(pid):
    """(start, end, locked, name) of each readable mapping."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            if head:
                start, end = int(head[1], 16), int(head[2], 16)
                found.append([start, end, False, head[4].strip(), "r" in head[3]])
            elif line.startswith("VmFlags:"):
                found[-1][2] = "lo" in line.split()
    return [tuple(m[:4]) for m in found if m[4]]


def resident(pid, start, end):
    """The pages of a mapping that are in memory: a large, mostly empty map need not be read."""
    page = 4096
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        at = start
        while at < end:
            count = min((end - at) // page, 1 << 16)
            pagemap.seek(at // page * 8)
            data = pagemap.read(count * 8)
            if not data:
                return
            for i in range(len(data) // 8):
                if data[i * 8 + 7] & 0x80:
                    yield at + i * page
            at += count * page


def find(pid, needles):
    """[(needle, mapping's name, locked)] for each needle in each readable mapping (memfd_secret's
    is not readable)."""
    hits = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, locked, name in mappings(pid):
            if end - start > 1 << 30:
                data = b"".join(_read(mem, page, 4096) for page in _few_pages(pid, start, end))
            else:
                data = _read(mem, start, end - start)
            hits += [(needle, name, locked) for needle in needles if needle in data]
    return hits


def _few_pages(pid, start, end):
    # Of the store's map (1 TiB of addresses) only its first GiB can hold anything in a test.
    return resident(pid, start, min(end, start + (1 << 30)))


def _read(mem, at, size):
    """The readable bytes of a range; what cannot be read is passed over page by page."""
    out, end = [], at + size
    while at < end:
        try:
            mem.seek(at)
            data = mem.read(min(end - at, 1 << 20))
        except (OSError, OverflowError):
            data = b""
        out.append(data or b"\0")
        at += len(data) or 4096
    return b"".join(out)


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    """/proc status of each thread as a dict."""
    out = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8") as status:
            out.append(dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line))
    return out
