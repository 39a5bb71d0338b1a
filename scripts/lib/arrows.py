"""The dependencies in the source: what each file includes, and which functions and variables of other files it names.

Read without a build, so that a violation has a file and a line. What only the preprocessor could tell is a violation of
its own (see includes_in and pasting_in).
"""
import collections
import dataclasses
import functools
import pathlib
import re
import subprocess

SOURCE = (".c", ".cc")
CODE = (".c", ".cc", ".h", ".def")
DIRECTIVE = re.compile(r"\s*(?:#|%:|\?\?=)\s*(include\w*|import|embed)\b\s*(.*)")
OPERAND = re.compile(r'([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# Tags: `struct kalman_fit` is not a use of kalman_fit().
TAG = re.compile(r"\b(?:struct|union|enum)\s+\w+")
NAME = re.compile(r"[A-Za-z_]\w*")
# A function as clang-format leaves it: ctags loses some after an unusual initialiser.
FUNCTION = re.compile(r"^(?!static\b|typedef\b|extern\b)[a-z][\w *\n]*?\b(\w+)\([^;{}]*\)\n\{", re.M)


@dataclasses.dataclass(frozen=True)
class Include:
    path: str  # the file that includes, relative to the root
    line: int
    bracket: str  # '"' or '<'; "" when the operand is a macro
    header: str


@dataclasses.dataclass(frozen=True)
class Arrow:
    source: str  # a file, relative to the root
    line: int
    what: str  # the header, function or variable
    target: str  # the file that is used


def spliced(text):
    """Continued lines joined, the others where they were."""
    lines = iter(text.split("\n"))
    for line in lines:
        count = 0
        while line.endswith("\\"):
            line, count = line[:-1] + next(lines, ""), count + 1
        yield line + "\n" * count


@functools.lru_cache(maxsize=None)
def without_comments(text, strings):
    """Spaces for comments, and for strings if `strings`; the lines stay where they were."""
    def replacement(match):
        return match[0] if match[0][0] in "\"'" and not strings else " " + "\n" * match[0].count("\n")
    return COMMENT_OR_STRING.sub(replacement, "\n".join(spliced(text)))


def includes_in(path, text):
    for number, line in enumerate(without_comments(text, strings=False).splitlines(), 1):
        directive = DIRECTIVE.match(line)
        if directive:
            operand = OPERAND.match(directive[2]) if directive[1] == "include" else None
            yield Include(path, number, *(operand.groups() if operand else ("", f"{directive[1]} {directive[2].strip()}")))


def pasting_in(text):
    """The lines that make names which this reading cannot see: by ##, or in assembler. A name that starts with a capital
    letter is a constant's or a macro's, never a function's or a variable's."""
    for number, line in enumerate(without_comments(text, strings=True).splitlines(), 1):
        line = re.sub(r"\b[A-Z][A-Z0-9_]*(\s*##\s*\w+)+", " ", line)
        if re.search(r"##|%:%:|\b(?:asm|__asm|__asm__)\b", line):
            yield number


def is_declared(line, name):
    """Does a declaration outside of braces declare this name? Then a type is before it, and ( ; or [ after it."""
    before = line[:name.start()].rstrip()
    return (not before or re.search(r"[\w*]$", before)) and re.match(r"\s*[(;\[]", line[name.end():])


def names_in(path, text):
    """The names that a file uses, with their lines. A declaration in a header is not a use: those who call it are."""
    header, depth = not path.endswith(SOURCE), 0
    for number, line in enumerate(TAG.sub(" ", without_comments(text, strings=True)).splitlines(), 1):
        macro = line.lstrip().startswith("#")
        for match in re.finditer(r"[{}]|[A-Za-z_]\w*", line):
            if match[0] in "{}":
                # That of extern "C" opens no body.
                opens = match[0] == "{" and not re.search(r"\bextern\s*$", line[:match.start()])
                depth = depth if macro else depth + 1 if opens else max(depth - 1, 0) if match[0] == "}" else depth
                continue
            if header and not macro and depth == 0 and is_declared(line, match):
                continue
            yield match[0], number


def is_static(path, cells):
    """Of a row of ctags, which does not see that a variable is static whose type ends on its line."""
    if any(cell.startswith(("file:", "namespace:__anon")) for cell in cells):
        return True
    if not cells[0].startswith("/^}"):
        return False
    number = next(int(cell[5:]) for cell in cells if cell.startswith("line:"))
    before = without_comments(path.read_text(encoding="utf-8"), strings=True).splitlines()[:number]
    text, depth = "\n".join(before[:-1]), 1
    while text and depth:
        depth += {"}": 1, "{": -1}.get(text[-1], 0)
        text = text[:-1]
    return "static" in re.split(r"[;}]", text)[-1].split()


class Definitions:
    """Where each function and variable that is not static is defined; several files may define one name."""

    def __init__(self, root, paths):
        """Of the files in `paths`, which maps each to its text."""
        self.files, self.own = collections.defaultdict(set), collections.defaultdict(set)
        sources = [str(root / path) for path in paths if path.endswith(SOURCE)]
        listing = subprocess.run(["ctags", "--languages=C,C++", "--kinds-C=fv", "--kinds-C++=fv", "--fields=+fn", "-L", "-", "-f", "-"],
                                 input="\n".join(sources), capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            name, file, *cells = line.split("\t")
            path = pathlib.Path(file).relative_to(root).as_posix()
            self.own[path].add(name)
            if name != "main" and not is_static(root / path, cells):
                self.files[name].add(path)
        for path in paths:
            for name in FUNCTION.findall(without_comments(paths[path], strings=True)) if path.endswith(".c") else ():
                self.own[path].add(name)
                if name != "main":
                    self.files[name].add(path)


def uses_in(path, text, definitions, part_of):
    """An arrow for each name of another file: to that of its own part when that has one, else to each."""
    seen = set(definitions.own[path])
    for name, number in names_in(path, text):
        if name in seen or name not in definitions.files:
            continue
        seen.add(name)
        inside = {target for target in definitions.files[name] if part_of(target) == part_of(path)}
        for target in sorted(inside or definitions.files[name]):
            yield Arrow(path, number, name, target)
