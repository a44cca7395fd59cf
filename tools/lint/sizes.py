"""Files of more than 500 lines and functions of more than 60: ask what is hiding in them."""
import sources

FILE_MAX = 500
FUNCTION_MAX = 60


def long_functions(path):
    """By the layout that clang-format gives: a function's braces, and nothing else's, stand alone in the first column."""
    begin, name = None, None
    lines = sources.text(path).splitlines()
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin, name = number, lines[number - 2].strip()
        elif line == "}" and begin is not None:
            if number - begin - 1 > FUNCTION_MAX:
                yield f"{path}:{begin}: {number - begin - 1} lines in {name}"
            begin = None


def main():
    problems = []
    for path in sources.files("*.c", "*.h", "*.py", "*.sh", "*.mk", "Makefile"):
        if path.startswith("tests/vectors/"):
            continue
        count = sources.text(path).count("\n")
        if count > FILE_MAX:
            problems.append(f"{path}: {count} lines")
        if path.endswith((".c", ".h")):
            problems += long_functions(path)
    sources.end(problems, "sizes")


main()
