"""Reads an LMDB environment's file as far as tests need it: which entries the index has. Written from the file
format alone (a page header of 16 bytes, nodes behind 16-bit offsets), so that nothing needs to be installed."""

import struct
import time

PAGE = 4096
HEADER, NODE = 16, 8
BRANCH, LEAF, LEAF2, SUBPAGE = 0x01, 0x02, 0x20, 0x40
BIGDATA, SUBDATA, DUPDATA = 0x01, 0x02, 0x04
META_MAIN = HEADER + 24 + 48  # in a meta page: magic, version, address, size, then two tables
TABLE_ROOT = 40  # in a table's 48 bytes
NOWHERE = 2**64 - 1


class Lmdb:
    def __init__(self, path):
        self.data = path.read_bytes()
        metas = [self.data[at : at + PAGE] for at in (0, PAGE)]
        newest = max(metas, key=lambda m: struct.unpack_from("<Q", m, META_MAIN + 48 + 8)[0])
        self.main = newest[META_MAIN : META_MAIN + 48]

    def table(self, name):
        """The 48 bytes of a named table."""
        return next(value for key, value, _ in self.entries(self.main) if key == name)

    def entries(self, table):
        """(key, value, flags) of each leaf's nodes."""
        root = struct.unpack_from("<Q", table, TABLE_ROOT)[0]
        return [] if root == NOWHERE else self.page(root)

    def nodes(self, page):
        lower = struct.unpack_from("<H", page, 12)[0]
        for (at,) in struct.iter_unpack("<H", page[HEADER:lower]):
            low, high, flags, size = struct.unpack_from("<HHHH", page, at)
            yield low | high << 16, flags, page[at + NODE : at + NODE + size], at + NODE + size

    def page(self, number):
        page = self.data[number * PAGE : (number + 1) * PAGE]
        flags = struct.unpack_from("<H", page, 10)[0]
        for value, node_flags, key, at in self.nodes(page):
            if flags & BRANCH:
                low = struct.unpack_from("<H", page, at - len(key) - 4)[0]
                yield from self.page(value | low << 32)
            elif not node_flags & BIGDATA:
                yield key, page[at : at + value], node_flags


def meta(path):
    """What the store's meta table holds, but values with pages of their own."""
    env = Lmdb(path)
    return {key: value for key, value, _ in env.entries(env.table(b"meta"))}


def kinds(path):
    """The kinds of row that the store's index has entries of, as {(tenant, kind)}."""
    env = Lmdb(path)
    return {struct.unpack(">IB", key) for key, _, _ in env.entries(env.table(b"index"))}


ROW_SCRUB = 15  # is there until freed pages are overwritten
PART = 24  # bytes: half a sealed key of 32


def file_of(vault):
    return vault.state / "store" / "data.mdb"


def stop_scrubbed(vault):
    """Stops it once freed pages are overwritten. The file is looked at while nobody writes to it."""
    for _ in range(100):
        time.sleep(0.3)
        vault.stop()
        if (0, ROW_SCRUB) not in kinds(file_of(vault)):
            return
        vault.start()
        vault.unseal()
    raise AssertionError("freed pages are not overwritten")


def left(old, new, data):
    """Parts of a value that are not in the new one and still in the file."""
    parts = [old[at : at + PART] for at in range(0, len(old) - PART, PART // 2)]
    gone = [part for part in parts if part not in new]
    assert gone
    return [part for part in gone if part in data]
