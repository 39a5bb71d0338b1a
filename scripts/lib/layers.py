"""The allowed dependencies between components and between their rooms, as data, and a check of the source.

    layers.py [ROOT]    prints each violation as FILE:LINE: what is wrong; exit status 1 if there is one

An arrow is an #include or the use of a function that another file defines. Circles are looked for between modules (a .c
file and the header of its name), so a header that declares what its includer defines does not hide one.
"""
import fnmatch
import pathlib
import re
import sys

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
    "fcgi-worker": ["luna/base/", "luna/http/", "luna/sandbox/", "luna/store/", "luna/modelling/"],
    "quota-syncd": ["luna/base/", "luna/http/", "luna/sandbox/", "luna/store/"],
    "luna-cli": ["luna/base/", "luna/store/", "luna/modelling/"],
    "gateway": [],
    "stream-gateway": ["luna/base/", "luna/store/", "luna/modelling/"],
    "job-worker": ["luna/base/", "luna/store/", "luna/modelling/"],
}

# The rooms of a part, and the rooms whose headers and functions each may use besides its own. A
# public header (include/) belongs to no room: every room may include it, and who defines its
# functions counts. The part's own folder ("") is above its rooms.
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
        "smooth": ["filter", "model", "numeric"],
        "run": ["smooth", "filter", "model", "stats", "numeric"],
        "fit": ["run", "filter", "model", "stats", "numeric"],
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
        "commands": ["session", "terminal"],
        "": ["commands", "session", "terminal"],
    },
}

# A foreign header, and the one family of files that may know it: one per program or library that
# has a use for it.
FOREIGN = {
    "fastcgi.h": ["fcgi-worker/fastcgi/fcgi_*.[ch]"],
    "hiredis/*": ["libluna/store/client/redis*.[ch]"],
    "libpq-fe.h": ["libluna/store/client/pg*.[ch]"],
    "microhttpd.h": ["libluna/http/listener.c"],
    "jansson.h": ["libluna/modelling/options.c", "fcgi-worker/api/small_body.c", "luna-cli/session/pool_status.c"],
    "dragonbox/*": ["libluna/modelling/number_print.cc"],
    "jwt.h": ["fcgi-worker/http/token.c"],
    "sodium.h": ["libluna/store/client/digest.c", "fcgi-worker/http/body_hash.c"],
    "xxhash.h": ["fcgi-worker/http/body_hash.c"],
    "uuid.h": ["libluna/store/quota/key.c"],
    "zlib.h": ["fcgi-worker/http/content_coding.c"],
    "ngx_*.h": ["gateway/module.c"],
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

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OURS = ("luna/", "kalman/")


def part_of(path):
    matching = [part for part in PARTS if path.startswith(part + "/")]
    return max(matching, key=len, default=None)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def fault_of_ours(part, header):
    if any(header.startswith(allowed) for allowed in PARTS[part]):
        return None
    return f"{part} may not include <{header}>; it may include {', '.join(PARTS[part])}"


def fault_of_foreign(path, header):
    for pattern, families in FOREIGN.items():
        if fnmatch.fnmatchcase(header, pattern):
            return None if matches(path, families) else f"only {' and '.join(families)} may include <{header}>"
    return f"<{header}> is not in scripts/lib/layers.py: add it to FOREIGN with the one file that may know it, or to SYSTEM"


def fault(root, path, bracket, header):
    part = part_of(path)
    if header.startswith(OURS):
        return fault_of_ours(part, header)
    if bracket == '"':
        own = any((root / part).glob(f"**/{pathlib.PurePath(header).name}"))
        return None if own else f'"{header}" is not a header of {part}'
    # Its examples are programs: they may print.
    if part == "libkalman" and "/examples/" not in str(path) and header not in KALMAN_LIBC and not matches(header, FOREIGN):
        return f"libkalman may not include <{header}>: it is arithmetic only"
    return None if matches(header, SYSTEM) else fault_of_foreign(path, header)


def sources(root):
    for part in PARTS:
        for file in sorted((root / part).glob("**/*")):
            if file.suffix in (".c", ".h", ".cc"):
                yield file.relative_to(root).as_posix()


def fault_of_room(part, path, target):
    """What is wrong with an arrow from one file of a part to another; both relative to the root."""
    rooms = ROOMS.get(part, {})
    here, there = circles.room_of(part, path), circles.room_of(part, target)
    if not rooms or here == there or there == "include":
        return None
    if here not in rooms:
        return f"{part}/{here}/ is no room of scripts/lib/layers.py"
    if there in rooms[here]:
        return None
    return f"{part}/{here or '(top)'} may not use {target}; it may use {', '.join(rooms[here]) or 'no other room'}"


def structure_violations(root):
    for part in PARTS:
        if part == "libkalman/examples":
            continue
        arrows = circles.arrows_of(root, part)
        for arrow in arrows:
            trouble = fault_of_room(part, arrow.source, arrow.target)
            if trouble:
                yield f"{arrow.source}:{arrow.line}: {arrow.what}: {trouble}"
        for circle in circles.circles_of(part, arrows):
            yield f"{circle[0].source}:{circle[0].line}: a circle: " + ", ".join(arrow.text(part) for arrow in circle)


def violations(root):
    for path in sources(root):
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
            include = INCLUDE.match(line)
            trouble = include and fault(root, path, include[1], include[2])
            if trouble:
                yield f"{path}:{number}: {trouble}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = [*violations(root), *structure_violations(root)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
