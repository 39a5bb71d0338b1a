"""The rules of the tree hold, and the checks that say so notice when one is broken."""
import collections
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ROOT / "scripts/lib/layers.py"

# One line put into one file, and what the layer check has to say to it.
VIOLATIONS = [
    ("libkalman/probe.c", '#include "luna/base/error.h"', "libkalman may not include <luna/base/error.h>"),
    ("libkalman/probe.c", "#include <stdio.h>", "it is arithmetic only"),
    ("libluna/base/probe.c", "#include <kalman/model.h>", "libluna/base may not include <kalman/model.h>"),
    ("libluna/base/probe.c", "#include <hiredis/hiredis.h>", "only libluna/store/client/redis*.[ch] may include"),
    ("libluna/store/probe.c", '#include "luna/modelling/decode.h"', "libluna/store may not include"),
    ("libluna/store/probe.c", "#include <libpq-fe.h>", "only libluna/store/client/pg*.[ch] may include"),
    ("libluna/modelling/probe.c", '#include "luna/store/admission.h"', "libluna/modelling may not include"),
    ("quota-syncd/probe.c", "#include <kalman/model.h>", "quota-syncd may not include"),
    ("quota-syncd/probe.c", '#include "fcgi_io.h"', '"fcgi_io.h" is not a header of quota-syncd'),
    ("fcgi-worker/probe.c", "#include <fastcgi.h>", "only fcgi-worker/fastcgi/fcgi_*.[ch] may include <fastcgi.h>"),
    ("quota-syncd/probe.c", "#include <microhttpd.h>", "only libluna/http/listener.c may include <microhttpd.h>"),
    ("luna-cli/probe.c", '#include "worker_config.h"', "is not a header of luna-cli"),
    ("luna-cli/probe.c", "#include <curl/curl.h>", "is not in scripts/lib/layers.py"),
    ("fcgi-worker/master/probe.c", '#include "worker/worker.h"', "fcgi-worker/master may not use fcgi-worker/worker/worker.h"),
    ("fcgi-worker/monitor/probe.c", '#include "http/http.h"', "fcgi-worker/monitor may not use fcgi-worker/http/http.h"),
    ("fcgi-worker/request/probe.c", '#include "master/pool.h"', "fcgi-worker/request may not use fcgi-worker/master/pool.h"),
    ("fcgi-worker/api/probe.c", '#include "master/pool.h"', "fcgi-worker/api may not use fcgi-worker/master/pool.h"),
    ("libluna/store/journal/probe.c", '#include "booking/booker.h"', "libluna/store/journal may not use libluna/store/booking/booker.h"),
    ("libluna/store/quota/probe.c", '#include "accounts/operator.h"', "libluna/store/quota may not use libluna/store/accounts/operator.h"),
    ("libkalman/run/probe.c", '#include "fit/problem.h"', "libkalman/run may not use libkalman/fit/problem.h"),
    ("libkalman/run/probe.c", "int probe(void) { return kalman_fit(); }", "kalman_fit(): libkalman/run may not use"),
    ("luna-cli/terminal/probe.c", '#include "session/session.h"', "luna-cli/terminal may not use luna-cli/session/session.h"),
    ("libkalman/attic/probe.c", '#include "model/system.h"', "libkalman/attic/ is no room"),
]


def run_layers(root):
    return subprocess.run([sys.executable, LAYERS, root], capture_output=True, text=True, check=False)


def test_every_include_follows_the_arrows():
    outcome = run_layers(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("path, line, complaint", VIOLATIONS, ids=lambda value: str(value)[:40])
def test_a_forbidden_include_is_noticed(tmp_path, path, line, complaint):
    for part in ("libkalman", "libluna", "fcgi-worker", "quota-syncd", "luna-cli"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("*.lua"))
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(f"/* probe */\n{line}\n", encoding="utf-8")
    outcome = run_layers(tmp_path)
    assert outcome.returncode == 1
    assert any(said.startswith(f"{path}:2: ") and complaint in said for said in outcome.stdout.splitlines()), outcome.stdout


# Two files of one room that use each other, and the circle that the layer check has to show.
CIRCLES = {
    "of includes": {"one.h": '#include "model/two.h"\n', "two.h": '#include "model/one.h"\n'},
    "of calls": {"one.c": "void one(void) { two(); }\n", "two.c": "void two(void) { one(); }\n"},
    "of a header whose function its includer defines": {"one.h": "void two(void);\n", "one.c": "void one(void) { two(); }\n",
                                                        "two.c": '#include "model/one.h"\nvoid two(void) { }\n'},
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_noticed(tmp_path, files):
    folder = tmp_path / "libkalman/model"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    outcome = run_layers(tmp_path)
    assert outcome.returncode == 1
    assert "a circle: model/one -> model/two" in outcome.stdout, outcome.stdout
    assert "model/two -> model/one" in outcome.stdout, outcome.stdout


FOLDER_FILES_MAX = 25


def test_no_folder_holds_over_twenty_five_files():
    """A folder is a room, and a room is taken in at a glance."""
    sources = [path for part in ("libkalman", "libluna", "fcgi-worker", "quota-syncd", "luna-cli") for path in (ROOT / part).rglob("*")]
    counts = collections.Counter(path.parent.relative_to(ROOT).as_posix() for path in sources if path.is_file())
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
