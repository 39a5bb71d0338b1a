"""scripts/web without npm's registry: what it can, at once, and never less than was built before."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AWAY = "#!/bin/sh\necho \"$@\" >>\"$NPM_CALLS\"\nexit 1\n"
BUNDLES = ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "LICENSES.txt")


@pytest.fixture(name="tree")
def a_clean_tree_whose_npm_reaches_nothing(tmp_path):
    for folder in ("web", "scripts/lib"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "scripts/web", tmp_path / "scripts/web")
    for name in ("CMakeLists.txt", "CHANGELOG.md", "fcgi-worker/http/problem.h", "conf/nginx/error_maps.conf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/npm").write_text(AWAY, encoding="utf-8")
    (tmp_path / "bin/npm").chmod(0o755)
    return tmp_path


def web(tree, *arguments):
    environment = os.environ | {"PATH": f"{tree}/bin:{os.environ['PATH']}", "NPM_CALLS": str(tree / "calls"), "LUNA_ROOT": str(tree)}
    return subprocess.run([tree / "scripts/web", *arguments], capture_output=True, text=True, env=environment, check=False)


def site(tree, *names):
    return [(tree / "build/web/site" / name).exists() for name in names]


def test_the_description_is_built_without_the_registry(tree):
    outcome = web(tree)
    assert outcome.returncode == 0 and "/docs and /redoc are not built: npm's registry cannot be reached" in outcome.stdout
    assert site(tree, "openapi.json", "openapi.json.gz", "index.html", "docs.html", "redoc.html") == [True, True, True, False, False]


def test_the_registry_is_not_asked_again_and_again(tree):
    """npm tries each address for more than a minute unless its retries are turned off."""
    web(tree)
    first, *others = (tree / "calls").read_text(encoding="utf-8").splitlines()
    assert "--fetch-retries=0" in first and "--fetch-timeout=" in first
    assert all("--offline" in call for call in others)


def test_what_was_built_before_stays(tree):
    assets = tree / "build/web/site/assets"
    assets.mkdir(parents=True)
    for name in BUNDLES:
        (assets / name).write_text("of an earlier run", encoding="utf-8")
    outcome = web(tree)
    assert outcome.returncode == 0 and "not built" not in outcome.stdout
    assert site(tree, "docs.html", "redoc.html", "openapi.json") == [True, True, True]
    assert all((assets / name).read_text(encoding="utf-8") == "of an earlier run" for name in BUNDLES)


def test_the_tools_are_not_said_to_be_there(tree):
    outcome = web(tree, "--tools")
    assert outcome.returncode == 69 and "npm's registry cannot be reached" in outcome.stderr
