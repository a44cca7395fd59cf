"""Checkpoints and proofs, checked as somebody outside would: RFC 6962 and RFC 9162, c2sp.org/signed-note
and c2sp.org/tlog-checkpoint, with nothing of the vault's but the verifier key that it gave once."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DASH = "\u2014"


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(hashes):
    """RFC 6962 section 2.1, to the letter."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return node_hash(tree_root(hashes[:k]), tree_root(hashes[k:]))


def root_from_proof(index, size, leaf, proof):
    """RFC 9162 section 2.1.3.2."""
    assert index < size
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        assert sn != 0, "the proof is too long"
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            if not fn & 1:
                while fn != 0 and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return r


class Verifier:
    """Of notes under one key, as "NAME+ID+KEY"."""

    def __init__(self, key):
        self.name, ident, text = key.split("+", 2)
        self.id = bytes.fromhex(ident)
        data = base64.b64decode(text, validate=True)
        assert data[0] == 1 and len(data) == 33, "an Ed25519 key"
        assert hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4] == self.id
        assert self.name and not set(self.name) & set("+ \t\n")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])

    def open(self, note):
        """The size and the root of a checkpoint whose signature is good."""
        body, signatures = note.rsplit("\n\n", 1)
        body += "\n"
        lines = signatures.splitlines()
        assert signatures.endswith("\n") and len(lines) == 1
        dash, name, text = lines[0].split(" ")
        data = base64.b64decode(text, validate=True)
        assert (dash, name, data[:4]) == (DASH, self.name, self.id)
        self.public.verify(data[4:], body.encode())
        origin, size, root, end = body.split("\n")
        assert origin == self.name and end == "" and str(int(size)) == size
        return int(size), base64.b64decode(root, validate=True)


def check_proof(verifier, seq, answer):
    """Whether audit.prove's answer proves record seq; the size of the tree that it is in."""
    size, root = verifier.open(answer["checkpoint"])
    proof = [base64.b64decode(p, validate=True) for p in answer["proof"]]
    assert all(len(p) == 32 for p in proof)
    assert root_from_proof(seq - 1, size, leaf_hash(answer["leaf"]), proof) == root
    return size
