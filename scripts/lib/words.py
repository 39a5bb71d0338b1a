"""The words, the width of lines and the subjects of commits, as far as a machine can check them.

    words.py [ROOT] <NAMES      checks the files whose names it reads, one a line, relative to ROOT
    words.py --subjects         checks the commit subjects that it reads, one a line

Prints each violation as FILE:LINE: what is wrong; exit status 1 when there is one.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 100

# Files that name the words in order to forbid them, and files that nobody here writes.
EXEMPT = re.compile(r"""
    docs/GLOSSARY\.md | scripts/lib/words\.txt | (.*/)?package-lock\.json | .*\.(svg|png|pdf|bin)
    | tests/fuzz/corpus/.* | tests/fuzz/.*/corpus/.* | tests/vectors/.*\.csv
""", re.VERBOSE)

# What of a file is held to WIDTH: the whole text, or its comments only.
WHOLE = {".c", ".h", ".cc", ".md"}
COMMENTS = {".py": r"\s*#", ".sh": r"\s*#", "": r"\s*#", ".sql": r"\s*--", ".lua": r"\s*--"}


def banned():
    """The rows of words.txt: compiled pattern, what to write in its place, example."""
    for line in (HERE / "words.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, instead, example = line.rsplit(" | ", 2)
            yield re.compile(pattern, re.IGNORECASE), instead, example


def word_violations(lines, words):
    for number, line in enumerate(lines, 1):
        for pattern, instead, _ in words:
            found = pattern.search(line)
            if found:
                yield number, f'"{found[0]}": write {instead}'


def prose_of_markdown(lines):
    """The lines of a Markdown file that can be wrapped: no table, no code, no heading, no lone link."""
    fenced = False
    for number, line in enumerate(lines, 1):
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        if not (fenced or fence or line.startswith(("|", "    ", "#", "![", "<!--"))):
            yield number, line


def lines_to_wrap(path, lines):
    if path.suffix == ".md":
        return prose_of_markdown(lines)
    if path.suffix in WHOLE:
        return enumerate(lines, 1)
    if path.suffix in COMMENTS:
        comment = re.compile(COMMENTS[path.suffix])
        return ((number, line) for number, line in enumerate(lines, 1) if comment.match(line))
    return ()


def width_violations(path, lines):
    for number, line in lines_to_wrap(path, lines):
        # A single long word, such as an address, cannot be wrapped.
        if len(line) > WIDTH and " " in line.strip()[2:WIDTH]:
            yield number, f"{len(line)} columns, at most {WIDTH}"


def violations(root, names):
    words = list(banned())
    for name in names:
        if EXEMPT.fullmatch(name):
            continue
        path = root / name
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, trouble in [*word_violations(lines, words), *width_violations(path, lines)]:
            yield f"{name}:{number}: {trouble}"


# A subject reads "area: verb …", the verb in the imperative.
SUBJECT = re.compile(r"[a-z0-9][\w./+-]*(, [\w./+-]+)*: (?P<first>[a-z][a-z-]*)( (?P<second>.*))?")
NOT_VERBS = set("""
a an the this that these those it its there here we you they he she who what where when why how no
nothing nobody none one two some any all each every less more most another other both such only
""".split())
AUXILIARIES = set("is are was were be been has have had does do did can may must should will would".split())
# Imperatives whose ending says otherwise.
IMPERATIVES = set("bring embed exceed feed focus need proceed seed shed speed string succeed alias".split())


def fault_of_subject(subject):
    match = SUBJECT.fullmatch(subject)
    if not match:
        return 'not of the form "area: verb …"'
    first, second = match["first"], (match["second"] or "").partition(" ")[0]
    if first in IMPERATIVES:
        return None
    if first in NOT_VERBS or first in AUXILIARIES - {"be", "do"} or second in AUXILIARIES:
        return f'"{match["first"]}" starts a statement; start with a verb in the imperative'
    if re.search(r"(ed|ing|[^s]s)$", first):
        return f'"{match["first"]}" is not an imperative ("add", not "adds", "added" or "adding")'
    return None


def subject_violations(subjects):
    for subject in subjects:
        trouble = fault_of_subject(subject)
        if trouble:
            yield f'commit "{subject}": {trouble}'


def main():
    lines = sys.stdin.read().splitlines()
    if sys.argv[1:] == ["--subjects"]:
        found = list(subject_violations(lines))
    else:
        found = list(violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."), lines))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
