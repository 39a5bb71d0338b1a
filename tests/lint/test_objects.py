"""The check of the arrows reads the source; these tests hold what it reads against the objects that the compiler made."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LUNA_BUILD", ROOT / "build/dev"))
sys.path.insert(0, str(ROOT / "scripts/lib"))
import arrows  # noqa: E402
import layers  # noqa: E402


@pytest.fixture(scope="module", name="tree")
def fixture_tree():
    return layers.Tree(ROOT)


@pytest.fixture(scope="module", name="objects")
def fixture_objects(tree):
    """The symbols of each object: by the source of the parts that it is compiled from, lists of (kind, name)."""
    if not (BUILD / "build.ninja").exists():
        pytest.skip("nothing is built")
    sources = {}
    for file in BUILD.glob("**/CMakeFiles/*.dir/**/*.o"):
        folder, _, inside = file.relative_to(BUILD).as_posix().partition("/CMakeFiles/")
        source = f"{folder}/{inside.partition('.dir/')[2].removesuffix('.o')}"
        if source in tree.rooms:
            listing = subprocess.run(["nm", "-g", file], capture_output=True, text=True, check=True).stdout
            sources[source] = [tuple(line.split()[-2:]) for line in listing.splitlines()]
    assert len(sources) > 150
    return sources


def test_every_symbol_of_an_object_is_known(tree, objects):
    """Those of C++, whose names are mangled, have C names where another file uses them."""
    missing = {(source, name) for source, symbols in objects.items() for kind, name in symbols
               if kind in "TDBRC" and name != "main" and not name.startswith("_Z") and source not in tree.definitions.files.get(name, ())}
    assert missing == set()


def test_no_object_shows_an_arrow_that_the_rooms_forbid(tree, objects):
    """Also what a macro of an included header uses: the source of the includer does not name it."""
    found = [arrows.Arrow(source, 1, name, target) for source, symbols in objects.items() for kind, name in symbols if kind == "U"
             for target in tree.definitions.files.get(name, ())]
    # Programs may define a name each: then the one of the own part is meant.
    own = {(arrow.source, arrow.what) for arrow in found if layers.part_of(arrow.source) == layers.part_of(arrow.target)}
    crossing = [arrow for arrow in found if (arrow.source, arrow.what) not in own or layers.part_of(arrow.source) == layers.part_of(arrow.target)]
    assert len(crossing) > 1000
    assert [(arrow.source, arrow.what, layers.fault_of_arrow(tree, arrow)) for arrow in crossing if layers.fault_of_arrow(tree, arrow)] == []
