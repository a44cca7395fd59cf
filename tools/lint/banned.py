"""Searches the code for what tools/lint/banned lists, and all files for what tools/lint/words lists."""
import collections
import re

import sources


def read_table():
    rules, allowed = [], {}
    for line in sources.table("tools/lint/banned"):
        fields = re.split(r"\t+", line)
        if fields[0] == "allow":
            allowed[fields[1], fields[2]] = int(fields[3])
        else:
            name, where, pattern, why = fields
            rules.append((name, where.split(), re.compile(pattern), why))
    return rules, allowed


def applies(path, where):
    if any(w[0] == "!" and path.startswith(w[1:]) for w in where):
        return False
    return any(w == "*" or path.startswith(w) for w in where)


def banned():
    rules, allowed = read_table()
    found = collections.defaultdict(list)
    for path in sources.files("*.c", "*.h"):
        code = sources.code(path)
        for name, where, pattern, why in rules:
            if applies(path, where):
                for match in pattern.finditer(code):
                    line = code.count("\n", 0, match.start()) + 1
                    found[name, path].append(f"{path}:{line}: {' '.join(match.group(0).split())} ({name}: {why})")
    problems = []
    for key, lines in found.items():
        if len(lines) != allowed.get(key, 0):
            problems += lines
    # An exception that is no longer used is one somebody else would use unseen.
    problems += [f"{path}: {count} exceptions from {name} allowed, {len(found[name, path])} used"
                 for (name, path), count in allowed.items() if len(found[name, path]) < count]
    return problems


def words():
    patterns = [re.compile(line) for line in sources.table("tools/lint/words")]
    return [f"{path}:{number}: {line.strip()[:100]}"
            for path in sources.files() if not path.startswith("tests/vectors/")
            for number, line in enumerate(sources.text(path).splitlines(), 1)
            if any(p.search(line) for p in patterns)]


sources.end(banned() + words(), "banned")
