"""The dependencies inside one component: includes, and uses of functions that another file defines. No build is needed."""
import collections
import dataclasses
import pathlib
import re
import subprocess

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
# Comments, strings, and tags: `struct kalman_fit` is not a use of kalman_fit().
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\b(?:struct|union|enum)\s+\w+', re.S)
NAME = re.compile(r"[A-Za-z_]\w*")
SOURCE, HEADER = (".c", ".cc"), (".h",)


@dataclasses.dataclass(frozen=True)
class Arrow:
    source: str  # a file, relative to the root
    line: int
    what: str  # the header or the function
    target: str  # the file that is used

    def text(self, part):
        return f"{module_of(part, self.source)} -> {module_of(part, self.target)} ({self.what})"


def module_of(part, path):
    """A .c file and the header of its name are one module; a public header is one of its own."""
    return pathlib.PurePosixPath(path).relative_to(part).with_suffix("").as_posix()


def room_of(part, path):
    inside = pathlib.PurePosixPath(path).relative_to(part)
    return inside.parts[0] if len(inside.parts) > 1 else ""


def files_of(root, part):
    return [file for file in sorted((root / part).rglob("*")) if file.suffix in SOURCE + HEADER and "examples" not in file.parts]


def functions_of(root, files):
    """The file that defines each function which is not static."""
    listing = subprocess.run(["ctags", "--languages=C,C++", "--kinds-C=f", "--kinds-C++=f", "--fields=+f", "-f", "-", *map(str, files)],
                             capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in listing.splitlines() if not line.startswith("!_")]
    return {row[0]: pathlib.Path(row[1]).relative_to(root).as_posix() for row in rows if not any(cell.startswith("file:") for cell in row[3:])}


def without_noise(text):
    """The text without comments, strings and tags, its lines where they were."""
    return NOISE.sub(lambda match: " " + "\n" * match[0].count("\n"), text)


def includes_in(root, part, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        found = [folder for folder in (f"{part}/", f"{part}/include/") if match and (root / folder / match[1]).is_file()]
        if found:
            yield Arrow(path, number, f"#include {match[1]}", found[0] + match[1])


def uses_in(path, text, functions):
    seen = set()
    for number, line in enumerate(without_noise(text).splitlines(), 1):
        for name in NAME.findall(line):
            target = functions.get(name)
            if target and target != path and name not in seen:
                seen.add(name)
                yield Arrow(path, number, f"{name}()", target)


def arrows_of(root, part):
    files = files_of(root, part)
    sources = [file for file in files if file.suffix in SOURCE]
    functions = functions_of(root, sources) if sources else {}
    arrows = []
    for file in files:
        path, text = file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")
        arrows += includes_in(root, part, path, text)
        if file.suffix in SOURCE:
            arrows += uses_in(path, text, functions)
    return arrows


def reachable(edges, start):
    """The modules that can be reached from `start`, each with the one before it on a shortest way."""
    before, queue = {}, collections.deque([start])
    while queue:
        module = queue.popleft()
        for following in edges[module]:
            if following not in before:
                before[following] = module
                queue.append(following)
    return before


def circles_of(part, arrows):
    """One shortest circle for each set of modules that reach one another."""
    edges = collections.defaultdict(dict)
    for arrow in arrows:
        source, target = module_of(part, arrow.source), module_of(part, arrow.target)
        if source != target:
            edges[source].setdefault(target, arrow)
    told = set()
    for start in sorted(edges):
        before = reachable(edges, start)
        if start not in before or start in told:
            continue
        way, module = [], start
        while not way or module != start:
            way.insert(0, edges[before[module]][module])
            module = before[module]
        told.update(module_of(part, arrow.source) for arrow in way)
        yield way
