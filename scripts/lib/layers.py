"""The allowed dependencies between components and between their rooms, as data, and a check of the source.

    layers.py [ROOT]    prints each violation as FILE:LINE: what is wrong; exit status 1 if there is one

An arrow is an #include, or the use of a function or variable that another file defines. Circles are looked for between
modules (a .c file and the header of its name), so a header that declares what its includer defines does not hide one.
"""
import fnmatch
import pathlib
import posixpath
import re
import sys

import arrows
import circles

# A part (the longest matching folder counts) and whose headers it may include besides its own
# folder's.
PARTS = {
    "libkalman": ["kalman/"],
    "libkalman/examples": ["kalman/"],
    "libluna/base": ["luna/base/"],
    "libluna/http": ["luna/base/", "luna/http/"],
    "libluna/sandbox": ["luna/base/", "luna/sandbox/"],
    "libluna/store": ["luna/base/", "luna/store/"],
    "libluna/modelling": ["luna/base/", "luna/modelling/", "kalman/"],
    "libluna/table": ["luna/base/", "luna/modelling/", "luna/table/"],
    "fcgi-worker": ["luna/base/", "luna/http/", "luna/sandbox/", "luna/store/", "luna/modelling/", "luna/table/"],
    "quota-syncd": ["luna/base/", "luna/http/", "luna/sandbox/", "luna/store/"],
    "luna-cli": ["luna/base/", "luna/store/", "luna/modelling/", "luna/table/"],
    "gateway": [],
    "stream-gateway": ["luna/base/", "luna/store/", "luna/modelling/"],
    "job-worker": ["luna/base/", "luna/store/", "luna/modelling/"],
}

# The rooms of a part, and the rooms whose headers, functions and variables each may use besides its
# own. The part's own folder ("") is above its rooms. A public header (include/) belongs to the room
# that defines its functions; when several do, to the one of them that may use the others. A part
# that is not listed is one room.
ROOMS = {
    "fcgi-worker": {
        "shared": [],
        "fastcgi": ["shared"],
        "http": ["shared"],
        "request": ["fastcgi", "http", "shared"],
        "api": ["request", "http", "shared"],
        "worker": ["api", "request", "fastcgi", "http", "shared"],
        "master": ["shared"],
        "monitor": ["shared"],
        "": ["master", "monitor", "worker", "shared", "api", "http"],
    },
    "libkalman": {
        "numeric": [],
        "stats": ["numeric"],
        "model": ["numeric"],
        "filter": ["model", "stats", "numeric"],
        "score": ["filter", "model", "numeric"],
        "smooth": ["filter", "model", "numeric"],
        "run": ["smooth", "filter", "model", "stats", "numeric"],
        "fit": ["run", "score", "filter", "model", "stats", "numeric"],
        "choice": ["fit", "run", "score", "filter", "model", "stats", "numeric"],
    },
    "libluna/modelling": {
        "faults": [],
        "run": ["faults"],
        "formats": ["run", "faults"],
    },
    "libluna/store": {
        "client": [],
        "journal": ["client"],
        "quota": ["journal", "client"],
        "accounts": ["quota", "client"],
        "booking": ["accounts", "quota", "journal", "client"],
    },
    "luna-cli": {
        "terminal": [],
        "session": ["terminal"],
        "support": [],
        "series": ["terminal"],
        "commands": ["series", "session", "support", "terminal"],
        "": ["commands", "series", "session", "support", "terminal"],
    },
}

# Folders of a part that are not rooms.
NOT_ROOMS = ("include", "cmake", "examples")

# Public headers that each room of their part may include, because all of them need the types. Their
# functions still count where they are used.
OPEN = {
    "kalman/status.h": "every function returns it",
    "kalman/spec.h": "the limits of a model's size",
    "kalman/run.h": "the arguments of a call: series, options with the hook that cancels, output, summary",
    "luna/modelling/request.h": "the options of a computation, which formats read",
    "luna/modelling/result.h": "what a computation returns and a format writes",
    "luna/store/worker_slots.h": "the slots of a host's workers",
    "luna/store/*.def": "tables that C shares with Lua and SQL",
}

# Public headers that rooms below their own may use as well, for the types: header, rooms.
LENT = {"kalman/fit.h": ["fit"]}  # choice/ has kalman_fit(); fit/ makes its report

# The files that may paste names together (##) which do not start with a capital letter: the check
# of uses cannot see what they make.
PASTING = {
    "libkalman/numeric/wide.h": "the static variants of one function of the caller's file",
}

# A foreign header, and the one family of files that may know it: one per program or library that
# has a use for it.
FOREIGN = {
    "fastcgi.h": ["fcgi-worker/fastcgi/fcgi_*.[ch]"],
    "hiredis/*": ["libluna/store/client/redis*.[ch]"],
    "libpq-fe.h": ["libluna/store/client/pg*.[ch]"],
    "microhttpd.h": ["libluna/http/listener.c"],
    "jansson.h": ["libluna/modelling/formats/options.c", "fcgi-worker/api/small_body.c", "luna-cli/session/pool_status.c"],
    "dragonbox/*": ["libluna/modelling/formats/number_print.cc"],
    "jwt.h": ["fcgi-worker/http/token.c"],
    "sodium.h": ["libluna/store/client/digest.c", "fcgi-worker/http/body_hash.c"],
    "xxhash.h": ["fcgi-worker/http/body_hash.c"],
    "uuid.h": ["libluna/store/quota/key.c"],
    "zlib.h": ["fcgi-worker/http/content_coding.c"],
    "ngx_*.h": [f"gateway/{name}" for name in ("counters.c", "counters.h", "error_lines.c", "error_lines.h", "gateway.c", "gateway.h", "header_lists.c", "header_lists.h", "log_pipes.c", "log_pipes.h", "module.c", "throttle.c", "throttle.h", "unread_body.c", "unread_body.h",
                                               "variables.c", "variables.h")],
    "nlopt.h": ["libkalman/fit/nlopt.c"],
    "seccomp.h": ["libluna/sandbox/sandbox.c"],
    "systemd/sd-daemon.h": ["*/service_manager.c"],
}

# libkalman is arithmetic: of the C library it sees only what computes, copies and names types.
KALMAN_LIBC = "assert.h float.h limits.h math.h stdalign.h stdbool.h stddef.h stdint.h stdlib.h string.h".split()

# What else is in angle brackets has to be the C or C++ library, POSIX or Linux; a new one of these
# is added here.
SYSTEM = """
assert.h arpa/inet.h bit cerrno charconv cmath cstddef cstdint cstdlib cstring ctype.h dirent.h dlfcn.h elf.h endian.h err.h errno.h fcntl.h
float.h getopt.h grp.h inttypes.h limits.h linux/* locale.h malloc.h math.h net/if.h netdb.h netinet/in.h netinet/tcp.h poll.h
pwd.h sched.h semaphore.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h
string.h strings.h sys/* sysexits.h syslog.h system_error termios.h threads.h time.h ucontext.h unistd.h wchar.h
""".split()

OURS = ("luna/", "kalman/")
# Folders of the tree whose code is not a part: what tests, builds and packages the parts.
NOT_PARTS = ("tests", "build", "var", "conf", "scripts", "docs", "sql", "web", "cmake")


def part_of(path):
    matching = [part for part in PARTS if path.startswith(part + "/")]
    return max(matching, key=len, default=None)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def prefix_of(part):
    """What the names of a part's public headers start with; a program has none."""
    return {"libkalman": "kalman/"}.get(part, part.removeprefix("lib") + "/" if part.startswith("libluna/") else None)


class Tree:
    """The files of the parts, and what is known of them. All paths are relative to the root."""

    def __init__(self, root):
        self.root = root
        # Only inside of the parts: what others build and delete meanwhile is never looked at.
        parts = [folder for folder in root.iterdir() if folder.is_dir() and not self.is_ignored((folder.name,))]
        self.found = [path for folder in sorted(parts) for path in sorted(folder.rglob("*")) if not self.is_ignored(path.relative_to(root).parts)]
        self.files = [path.relative_to(root).as_posix() for path in self.found if path.is_file()]
        self.text = {path: (root / path).read_text(encoding="utf-8") for path in self.files if path.endswith(arrows.CODE)}
        self.definitions = arrows.Definitions(root, self.text)
        self.rooms = {path: self.room_of(path) for path in self.text if part_of(path)}
        self.published = {part: set(arrows.NAME.findall(" ".join(text for path, text in self.text.items() if path.startswith(f"{part}/include/"))))
                          for part in PARTS}

    @staticmethod
    def is_ignored(parts):
        return parts[0] in NOT_PARTS or parts[0].startswith(".") or "node_modules" in parts or "__pycache__" in parts

    def room_of(self, path):
        """A room, "" for a part's own folder, None for a public header without functions."""
        part = part_of(path)
        inside = pathlib.PurePosixPath(path).relative_to(part).parts
        if inside[0] != "include" or part not in ROOMS:
            return inside[0] if len(inside) > 1 and inside[0] != "include" else ""
        declared = {target for name in arrows.NAME.findall(arrows.without_comments(self.text[path], strings=True))
                    for target in self.definitions.files.get(name, ()) if part_of(target) == part}
        rooms = {pathlib.PurePosixPath(target).relative_to(part).parts[0] for target in declared}
        return next((room for room in sorted(rooms) if rooms <= {room, *ROOMS[part].get(room, [])}), "several" if rooms else None)

    def resolved(self, include):
        """The file of the tree that an include means, as the compiler finds it; None: a foreign one."""
        folders = [posixpath.dirname(include.path)] if include.bracket == '"' else []
        part = part_of(include.path)
        folders += [part, *(f"{provider}/include" for provider in PARTS)]
        named = [posixpath.join(folder, include.header) for folder in folders]
        return next((path for path in named if (self.root / path).is_file()), None)


def fault_of_foreign(path, header):
    for pattern, families in FOREIGN.items():
        if fnmatch.fnmatchcase(header, pattern):
            return None if matches(path, families) else f"only {' and '.join(families)} may include <{header}>"
    return f"<{header}> is not in scripts/lib/layers.py: add it to FOREIGN with the one file that may know it, or to SYSTEM"


def fault_of_outside(include):
    """What is wrong with an include of what is not in the tree."""
    part, header = part_of(include.path), include.header
    if include.bracket == '"' or header.startswith(OURS):
        return f'"{header}" is not a header of {part}'
    # Its examples are programs: they may print.
    if part == "libkalman" and header not in KALMAN_LIBC and not matches(header, FOREIGN):
        return f"libkalman may not include <{header}>: it is arithmetic only"
    return None if matches(header, SYSTEM) else fault_of_foreign(include.path, header)


def fault_of_spelling(include):
    if not include.bracket:
        return f"{include.header}: name the file, so that it can be checked"
    if include.header.startswith("/") or ".." in include.header.split("/") or "." in include.header.split("/"):
        return f'"{include.header}": name the file from the part\'s folder, without . and ..'
    return None


def fault_of_part(tree, arrow):
    """What is wrong with an arrow from one part to another."""
    part, other = part_of(arrow.source), part_of(arrow.target)
    prefix = prefix_of(other)
    if prefix not in PARTS[part]:
        return f"{part} may not use {arrow.target}; it may use {', '.join(PARTS[part]) or 'no other part'}"
    published = arrow.target.startswith(f"{other}/include/") or arrow.what in tree.published[other]
    return None if published else f"{part} may use only what {other}/include/ declares, not {arrow.target}"


def is_open(path):
    return matches(path.removeprefix(f"{part_of(path)}/include/"), OPEN)


def is_lent(path, room):
    return room in LENT.get(path.removeprefix(f"{part_of(path)}/include/"), [])


def fault_of_room(tree, arrow):
    """What is wrong with an arrow inside one part."""
    part, rooms = part_of(arrow.source), ROOMS.get(part_of(arrow.source), {"": []})
    here, there = tree.rooms[arrow.source], tree.rooms[arrow.target]
    if here == there or is_open(arrow.target) or is_lent(arrow.target, here) or there in rooms.get(here, []):
        return None
    allowed = ", ".join(rooms.get(here, [])) or "no other room"
    return f"{part}/{here or '(top)'} may not use {arrow.target} (of {there or '(top)'}/); it may use {allowed}"


def fault_of_arrow(tree, arrow):
    return (fault_of_room if part_of(arrow.source) == part_of(arrow.target) else fault_of_part)(tree, arrow)


def place_violations(tree):
    """Files and folders that are in no part or room, so that nothing would be checked."""
    for path in tree.files:
        part = part_of(path)
        if not part:
            if path.endswith(arrows.CODE):
                yield f"{path}:1: {posixpath.dirname(path)}/ is not a part of scripts/lib/layers.py"
            continue
        if (tree.root / path).is_symlink():
            yield f"{path}:1: a symbolic link"
        inside = pathlib.PurePosixPath(path).relative_to(part).parts
        room = inside[0] if len(inside) > 1 else ""
        if room not in (*ROOMS.get(part, {"": []}), *NOT_ROOMS) and (room or path.endswith(arrows.CODE)):
            yield f"{path}:1: {part}/{room or '(top)'}/ is not a room of scripts/lib/layers.py"
        elif path in tree.rooms and tree.rooms[path] in ("several", None) and not is_open(path):
            yield f"{path}:1: a public header has the functions of one room; else name it in OPEN with the reason"


def include_violations(tree, found):
    """Also appends the arrows inside the tree to `found`."""
    for path in tree.rooms:
        for include in arrows.includes_in(path, tree.text[path]):
            target = tree.resolved(include)
            trouble = fault_of_spelling(include)
            if not trouble and target:
                found.append(arrows.Arrow(path, include.line, f"#include {include.header}", target))
                trouble = None if target.endswith(arrows.CODE) else f'"{include.header}" is not named as code: {", ".join(arrows.CODE)}'
            elif not trouble:
                trouble = fault_of_outside(include)
            if trouble:
                yield f"{path}:{include.line}: {trouble}"
        for line in arrows.pasting_in(tree.text[path]) if path not in PASTING else ():
            yield f"{path}:{line}: names that are pasted (##) or assembled are not checked: see PASTING in scripts/lib/layers.py"


def is_own_function(arrow):
    """An inline function of a public header calls what the header itself declares: one module, in two folders."""
    return "/include/" in arrow.source and not arrow.what.startswith("#include")


def text_of_circle(part, circle):
    steps = [[circles.module_of(path).removeprefix(f"{part}/") for path in (arrow.source, arrow.target)] for arrow in circle]
    return ", ".join(f"{source} -> {target} ({arrow.what})" for (source, target), arrow in zip(steps, circle))


def violations(root):
    tree, found = Tree(root), []
    yield from place_violations(tree)
    yield from include_violations(tree, found)
    for path in tree.rooms:
        found += arrows.uses_in(path, tree.text[path], tree.definitions, part_of)
    for arrow in found:
        trouble = fault_of_arrow(tree, arrow)
        if trouble:
            yield f"{arrow.source}:{arrow.line}: {arrow.what}: {trouble}"
    for part in PARTS:
        inside = [arrow for arrow in found if part_of(arrow.source) == part == part_of(arrow.target) and not is_own_function(arrow)]
        for circle in circles.circles_of(inside):
            yield f"{circle[0].source}:{circle[0].line}: a circle: {text_of_circle(part, circle)}"


def main():
    found = list(violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
