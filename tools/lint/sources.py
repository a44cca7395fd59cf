"""The files of the tree, and C without its comments and strings."""
import re
import subprocess

_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*patterns):
    """Tracked files and new ones, without what git ignores; not those deleted but not yet committed."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "--", *patterns],
                            check=True, capture_output=True, text=True).stdout.split("\n")
    gone = set(subprocess.run(["git", "ls-files", "-d"], check=True, capture_output=True, text=True).stdout.split("\n"))
    return sorted(f for f in listed if f and f not in gone)


def text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def code(path):
    """The file with comments and strings blanked, its lines where they were."""

    def blank(match):
        s = match.group(0)
        return re.sub(r"[^\n]", " ", s) if s[0] == "/" else s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]

    return _NOISE.sub(blank, text(path))


def table(path):
    """A table's lines without comments."""
    return [line for line in text(path).splitlines() if line.strip() and not line.startswith("#")]


def end(problems, what):
    for problem in problems:
        print(problem)
    raise SystemExit(f"{what}: {len(problems)} problems" if problems else 0)
