"""docs/SECURITY.md names tests; each exists."""
import re

import pytest
from luna_stack import ROOT

PAGE = (ROOT / "docs/SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+\.(?:py|c))(?:::(\w+))?`", PAGE)))
SOURCES = {}
for found in [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "tests").rglob("test_*.c")]:
    SOURCES[found.name] = SOURCES.get(found.name, "") + found.read_text(encoding="utf-8")


def test_the_page_names_few_tests():
    assert len(NAMED) > 30


@pytest.mark.parametrize("file, test", NAMED, ids=[f"{file}::{test}" for file, test in NAMED])
def test_a_test_that_the_page_names_does_not_exist(file, test):
    assert re.search(rf"\b{test}\(", SOURCES[file]) if test else file in SOURCES


def test_a_defence_has_no_test():
    rows = re.search(r"## Defences\n\n(.*?)\n\n", PAGE, re.DOTALL)[1].splitlines()[2:]
    assert [row for row in rows if "`test_" not in row.split("|")[3] and "scripts/test" not in row.split("|")[3]] == []
