"""Checks every #include against tools/lint/layers."""
import os
import re

import sources

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def read_table():
    layers, libraries = {}, {}
    for line in sources.table("tools/lint/layers"):
        who, *may = line.split()
        if who.startswith("<"):
            libraries[who[1:]] = may
        else:
            layers[who] = may
    return layers, libraries


def fits(path, beginnings):
    """Of what is beside "!" and not of what is behind it."""
    without = [b[1:] for b in beginnings if b.startswith("!")]
    return path.startswith(tuple(beginnings)) and not path.startswith(tuple(without))


def problem(path, kind, name, layers, libraries):
    """Why the file may not include it, or None."""
    if kind == "<":
        users = next((may for library, may in libraries.items() if name.startswith(library)), None)
        if users is None or fits(path, users) or path.startswith("tests/"):
            return None
        return f"<{name}> belongs to {' '.join(users)}"
    layer = max((who for who in layers if path.startswith(who)), key=len, default=None)
    if layer is None:
        return "no line of tools/lint/layers is about this file"
    if os.path.dirname(name) == "" and not fits(name, layers[layer]):
        return f'"{name}" must be written from the root of the tree'
    if fits(name, [layer, *layers[layer]]):
        return None
    return f'"{name}" is beyond its layer: {layer} may include {" ".join(layers[layer])}'


def main():
    layers, libraries = read_table()
    problems = []
    for path in sources.files("*.c", "*.h", "*.h.in"):
        for match in INCLUDE.finditer(sources.text(path)):
            why = problem(path, match.group(1), match.group(2), layers, libraries)
            if why:
                line = sources.text(path).count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: {why}")
    sources.end(problems, "layers")


main()
