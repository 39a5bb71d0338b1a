"""The rules of the tree hold, and the checks that say so notice when one is broken."""
import collections
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ROOT / "scripts/lib/layers.py"
sys.path.insert(0, str(ROOT / "scripts/lib"))
import layers  # noqa: E402

# One line put into one file, and what the layer check has to say to it. A second name of a function
# is what the compiler would accept, too: an include is not the only arrow.
VIOLATIONS = [
    ("libkalman/model/probe.c", '#include "luna/base/error.h"', "libkalman may not use libluna/base/include/luna/base/error.h"),
    ("libkalman/model/probe.c", "#include <stdio.h>", "it is arithmetic only"),
    ("libluna/base/probe.c", "#include <kalman/model.h>", "libluna/base may not use libkalman/include/kalman/model.h"),
    ("libluna/base/probe.c", "#include <hiredis/hiredis.h>", "only libluna/store/client/redis*.[ch] may include"),
    ("libluna/store/client/probe.c", '#include "luna/modelling/decode.h"', "libluna/store may not use libluna/modelling/"),
    ("libluna/store/client/probe.c", "#include <libpq-fe.h>", "only libluna/store/client/pg*.[ch] may include"),
    ("libluna/modelling/probe.c", '#include "luna/store/admission.h"', "libluna/modelling may not use libluna/store/"),
    ("quota-syncd/probe.c", "#include <kalman/model.h>", "quota-syncd may not use libkalman/"),
    ("quota-syncd/probe.c", '#include "fcgi_io.h"', '"fcgi_io.h" is not a header of quota-syncd'),
    ("fcgi-worker/probe.c", "#include <fastcgi.h>", "only fcgi-worker/fastcgi/fcgi_*.[ch] may include <fastcgi.h>"),
    ("quota-syncd/probe.c", "#include <microhttpd.h>", "only libluna/http/listener.c may include <microhttpd.h>"),
    ("luna-cli/probe.c", '#include "worker_config.h"', "is not a header of luna-cli"),
    ("luna-cli/probe.c", "#include <curl/curl.h>", "is not in scripts/lib/layers.py"),
    # Rooms: by quotes, by angle brackets, and however a directive may be written.
    ("fcgi-worker/master/probe.c", '#include "worker/worker.h"', "fcgi-worker/master may not use fcgi-worker/worker/worker.h"),
    ("fcgi-worker/monitor/probe.c", '#include "http/http.h"', "fcgi-worker/monitor may not use fcgi-worker/http/http.h"),
    ("fcgi-worker/request/probe.c", '#include "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/request/probe.c", "#include <master/pool.h>", "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/request/probe.c", '/* x */ # include /* x */ "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/request/probe.c", '%: include "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/request/probe.c", '#inc\\\nlude "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/request/probe.def", '#include "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/api/probe.c", '#include "master/pool.h"', "fcgi-worker/api may not use fcgi-worker/master/pool.h"),
    ("libluna/store/journal/probe.c", '#include "booking/booker.h"', "libluna/store/journal may not use libluna/store/booking/booker.h"),
    ("libluna/store/quota/probe.c", '#include "accounts/operator.h"', "libluna/store/quota may not use libluna/store/accounts/operator.h"),
    ("libkalman/run/probe.c", '#include "fit/problem.h"', "libkalman/run may not use libkalman/fit/problem.h"),
    ("luna-cli/terminal/probe.c", '#include "session/session.h"', "luna-cli/terminal may not use luna-cli/session/session.h"),
    # Paths that only the compiler would follow.
    ("fcgi-worker/request/probe.c", '#include "../master/pool.h"', "name the file from the part's folder"),
    ("libluna/store/journal/probe.c", '#include "../booking/booker.h"', "name the file from the part's folder"),
    ("libkalman/run/probe.c", '#include "../fit/general.h"', "name the file from the part's folder"),
    ("libkalman/run/probe.c", '#include "./general.h"', "name the file from the part's folder"),
    ("fcgi-worker/request/probe.c", "#include POOL_HEADER", "name the file, so that it can be checked"),
    ("fcgi-worker/request/probe.c", '#include_next "master/pool.h"', "name the file, so that it can be checked"),
    # Public headers belong to rooms.
    ("libkalman/run/probe.c", "#include <kalman/fit.h>", "libkalman/run may not use libkalman/include/kalman/fit.h (of choice/)"),
    ("libluna/store/journal/probe.c", '#include "luna/store/booking.h"', "libluna/store/journal may not use libluna/store/include/luna/store/booking.h"),
    ("libluna/store/include/luna/store/meter.h", '#include "booking/booker.h"', "may not use libluna/store/booking/booker.h"),
    # Functions and variables without an include.
    ("libkalman/run/probe.c", "int probe(void) { return kalman_fit(); }", "kalman_fit: libkalman/run may not use"),
    ("fcgi-worker/request/probe.c", "extern const int probe_target;", "probe_target: fcgi-worker/request may not use fcgi-worker/master/target.c"),
    ("fcgi-worker/request/probe.h", "int pool_count_all(void); static inline int probe(void) { return pool_count_all(); }",
     "pool_count_all: fcgi-worker/request may not use fcgi-worker/master/pool.c"),
    ("fcgi-worker/request/probe.h", "#define PROBE() pool_count_all()", "pool_count_all: fcgi-worker/request may not use"),
    ("fcgi-worker/request/probe.h", "#define PROBE pool_count_all()", "pool_count_all: fcgi-worker/request may not use"),
    ("fcgi-worker/request/probe.def", "X(pool_count_all)", "pool_count_all: fcgi-worker/request may not use"),
    ("libluna/base/probe.c", "int pool_count_all(void);", "libluna/base may not use fcgi-worker/master/pool.c"),
    ("libluna/modelling/probe.c", "void luna_admit(void);", "libluna/modelling may not use libluna/store/quota/admission.c"),
    ("libluna/modelling/probe.c", "int level_fit(void);", "libluna/modelling may use only what libkalman/include/ declares"),
    ("fcgi-worker/request/probe.c", "#define PROBE(name) pool_##name", "names that are pasted (##)"),
    ("fcgi-worker/request/probe.c", "int probe(void) __asm__(\"pool_count_all\");", "names that are pasted (##) or assembled"),
]

# Files where nothing would be checked.
PLACES = [
    ("libkalman/attic/probe.c", "libkalman/attic/ is not a room"),
    ("libkalman/probe.c", "libkalman/(top)/ is not a room"),
    ("fcgi-worker/util/probe.c", "fcgi-worker/util/ is not a room"),
    ("libluna/base/util/probe.c", "libluna/base/util/ is not a room"),
    ("quota-syncd/util/probe.h", "quota-syncd/util/ is not a room"),
    ("libluna/mail/probe.c", "libluna/mail/ is not a part"),
    ("mailer/probe.c", "mailer/ is not a part"),
    ("libkalman/include/kalman/probe.h", "a public header has the functions of one room"),
]


def run_layers(root):
    return subprocess.run([sys.executable, LAYERS, root], capture_output=True, text=True, check=False)


def test_every_dependency_follows_the_arrows():
    outcome = run_layers(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.fixture(scope="module", name="copy")
def fixture_copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for part in ("libkalman", "libluna", "fcgi-worker", "quota-syncd", "luna-cli"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("*.lua"))
    (root / "fcgi-worker/master/target.c").write_text("const int probe_target = 1;\n", encoding="utf-8")
    return root


def complaints_about(copy, path, text):
    """What the check says of a file with this text, in a copy of the tree that is left as it was."""
    file = copy / path
    before = file.read_text(encoding="utf-8") if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    outcome = run_layers(copy)
    if before is None:
        file.unlink()
    else:
        file.write_text(before, encoding="utf-8")
    assert outcome.returncode == (1 if outcome.stdout else 0), outcome.stderr
    return outcome.stdout.splitlines()


@pytest.mark.parametrize("path, line, complaint", VIOLATIONS, ids=lambda value: str(value)[:40])
def test_a_forbidden_dependency_is_noticed(copy, path, line, complaint):
    found = complaints_about(copy, path, f"/* probe */\n{line}\n")
    assert any(said.startswith(f"{path}:2: ") and complaint in said for said in found), found


@pytest.mark.parametrize("path, complaint", PLACES, ids=lambda value: str(value)[:40])
def test_a_file_in_no_room_is_noticed(copy, path, complaint):
    found = complaints_about(copy, path, "enum { PROBE };\n")
    assert any(said.startswith(f"{path}:1: ") and complaint in said for said in found), found


@pytest.mark.parametrize("text", ['/* #include "master/pool.h" */', 'const char *probe = "pool_count_all";', "struct pool_count_all;",
                                  "#define ENTRY(name) WORD_##name##_##name,"])
def test_what_only_resembles_a_dependency_is_left_alone(copy, text):
    assert complaints_about(copy, "fcgi-worker/request/probe.c", text + "\n") == []


@pytest.mark.parametrize("folder", ["var", "build"])
def test_the_check_looks_where_others_write_meanwhile(tmp_path, monkeypatch, folder):
    """A bare Debian that a suite was unpacking below var/ had a /proc whose entries vanished: the check failed."""
    (tmp_path / folder / "debian/proc").mkdir(parents=True)
    (tmp_path / "libluna/base").mkdir(parents=True)
    opened, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(pathlib.Path(path)) or scandir(path))
    layers.Tree(tmp_path)
    assert tmp_path / "libluna/base" in opened
    assert [path for path in opened if path.is_relative_to(tmp_path / folder)] == []


# Files of one room that use each other, and the circle that the layer check has to show.
CIRCLES = {
    "of includes": {"one.h": '#include "model/two.h"\n', "two.h": '#include "model/one.h"\n'},
    "of includes in angle brackets": {"one.h": "#include <model/two.h>\n", "two.h": "#include <model/one.h>\n"},
    "of includes without the folder": {"one.h": '#include "two.h"\n', "two.h": '#include "one.h"\n'},
    "of calls": {"one.c": "void one(void) { two(); }\n", "two.c": "void two(void) { one(); }\n"},
    "of variables": {"one.c": "extern int two; int one = &two;\n", "two.c": "extern int one; int two = &one;\n"},
    "of a header whose function its includer defines": {"one.h": "void two(void);\n", "one.c": "void one(void) { two(); }\n",
                                                        "two.c": '#include "model/one.h"\nvoid two(void) { }\n'},
}


def circle_in(root, folder, files):
    (root / folder).mkdir(parents=True)
    for name, text in files.items():
        (root / folder / name).write_text(text, encoding="utf-8")
    outcome = run_layers(root)
    assert outcome.returncode == 1
    return next((line for line in outcome.stdout.splitlines() if "a circle: " in line), outcome.stdout)


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_noticed(tmp_path, files):
    circle = circle_in(tmp_path, "libkalman/model", files)
    assert "a circle: model/one -> model/two" in circle and "model/two -> model/one" in circle


@pytest.mark.parametrize("part", layers.PARTS)
def test_a_circle_of_three_is_noticed_in_each_part(tmp_path, part):
    folder = f"{part}/{next(iter(layers.ROOMS.get(part, [''])))}".rstrip("/")
    circle = circle_in(tmp_path, folder, {"one.h": '#include "two.h"\n', "two.h": '#include "three.h"\n', "three.h": '#include "one.h"\n'})
    assert circle.count(" -> ") == 3 and all(f"#include {name}.h" in circle for name in ("one", "two", "three"))


# Whose README lists the modules below its folder, unless a nearer README does.
READMES = ("fcgi-worker", "gateway", "libkalman", "libluna", "libluna/modelling", "libluna/store", "libluna/table", "luna-cli", "quota-syncd")


def modules_of(folder):
    """What a README has to list: each .c, .cc, .lua, .def or .h file, by its name without the ending; public headers list themselves."""
    for path in (ROOT / folder).rglob("*"):
        inside = path.relative_to(ROOT / folder)
        nearer = any((parent / "README.md").exists() for parent in path.parents if parent.is_relative_to(ROOT / folder) and parent != ROOT / folder)
        if path.suffix in (".c", ".cc", ".h", ".lua", ".def") and not nearer and not {"include", "examples"} & set(inside.parts):
            yield inside.with_suffix("").as_posix()


def listed_in(text):
    """The names in backquotes and in indented lines; one with a * stands for several files."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^    .*$", text, re.MULTILINE)
    return [re.sub(r"\.(c|cc|h|lua|def)$", "", word).rsplit("/", 1)[-1] for line in code for word in re.findall(r"[\w*./-]+", line)]


@pytest.mark.parametrize("folder", READMES)
def test_every_module_is_in_its_readme(folder):
    names = listed_in((ROOT / folder / "README.md").read_text(encoding="utf-8"))
    missing = {module for module in modules_of(folder) if not any(fnmatch.fnmatchcase(module.rsplit("/", 1)[-1], name) for name in names)}
    assert missing == set()


def test_only_code_and_indented_lines_list_a_module():
    assert listed_in("the pool, `pool.c`, `step_*.c`\n\n    main.c starts\n") == ["pool", "step_*", "main", "starts"]


@pytest.mark.parametrize("program", ["fcgi-worker", "quota-syncd", "luna"])
def test_every_setting_is_described_in_sentences(program):
    text = (ROOT / f"conf/{program}.env.example").read_text(encoding="utf-8")
    described = re.findall(r"((?:^# .*\n)+?)^# \(", text.split("\n\n", 1)[1], re.MULTILINE)
    assert len(described) >= 10 and [words for words in described if not words.endswith(".\n")] == []


FOLDER_FILES_MAX = 25


def test_a_folder_holds_over_twenty_five_files():
    """A folder is a room, and a room is taken in at a glance. Data and what Python caches are not read there."""
    parts = ("libkalman", "libluna", "fcgi-worker", "quota-syncd", "luna-cli", "gateway", "scripts", "tests")
    sources = [path for part in parts for path in (ROOT / part).rglob("*")
               if path.is_file() and not {"vectors", "corpus", "__pycache__"} & set(path.parts)]
    counts = collections.Counter(path.parent.relative_to(ROOT).as_posix() for path in sources)
    assert {folder: count for folder, count in counts.items() if count > FOLDER_FILES_MAX} == {}


def run_lengths(function, file):
    script = f'set -eo pipefail; . "{ROOT}/scripts/lib/lengths.sh"; {function} "$1"'
    return subprocess.run(["bash", "-c", script, "bash", file], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("lines, complains", [(70, False), (71, True)])
def test_a_function_over_seventy_lines_is_noticed(tmp_path, lines, complains):
    source = tmp_path / "probe.c"
    source.write_text("int probe(void)\n{\n" + "    ;\n" * (lines - 4) + "    return 0;\n}\n", encoding="utf-8")
    assert bool(run_lengths("lengths_of_functions", source)) == complains


@pytest.mark.parametrize("lines, complains", [(500, False), (501, True)])
def test_a_file_over_five_hundred_lines_is_noticed(tmp_path, lines, complains):
    source = tmp_path / "probe.c"
    source.write_text(";\n" * lines, encoding="utf-8")
    assert bool(run_lengths("lengths_of_files", source)) == complains


@pytest.mark.parametrize("check", ["lengths", "words"])
def test_lint_is_clean(check):
    outcome = subprocess.run([ROOT / "scripts/lint", check], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
