"""What the documents say of the words in a table, against what the program reads."""
import json
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
LUNA = ROOT / os.environ.get("LUNA_BUILD", "build/dev") / "bin/luna"


def of_help():
    return subprocess.run([LUNA, "kalman", "--help"], capture_output=True, text=True, check=True).stdout


def of_manual():
    text = (ROOT / "docs/man/luna.1").read_text(encoding="utf-8").replace("\\-", "-")
    return text[text.index("These words are known"):text.index(".SH ENVIRONMENT")]


def of_openapi():
    text = (ROOT / "web/openapi/30-kalman.yaml").read_text(encoding="utf-8").replace("`", "")
    return text[text.index("These words are known"):text.index("parameters:\n        - ")]


def words(text, what):
    """The words of one row of a table."""
    row = re.search(rf"{what}[\s|]+(.+?)(?=\n *(?:\||column of|\.TP|\.SH|\n)|\Z)", text, re.DOTALL).group(1)
    return {word.strip(" |\n") for word in row.replace("an empty field,", "").split(",")}


def read(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    ran = subprocess.run([LUNA, "kalman", path, "--output-format=json", "--include=input"], capture_output=True, text=True, timeout=60)
    return json.loads(ran.stdout) if ran.returncode == 0 else None


DOCUMENTS = [of_help, of_manual, of_openapi]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_lists_other_marks_than_are_read(document):
    lines = (HERE / "missing/every-mark.csv").read_text(encoding="utf-8").splitlines()[1:-1]
    marks = {line.split(",")[1].lower() for line in lines} - {""}
    assert {word.lower() for word in words(document(), "missing observation")} == marks


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("what, member, content", [
    ("column of times", "time_column", "%s,y\n1,5\n2,6\n"),
    ("column of numbers", "column", "%s,other\n5,1\n6,2\n"),
    ("column of ids", "id_column", "%s,y\na,5\na,6\n")])
def test_a_documented_name_is_not_found(document, what, member, content, tmp_path):
    for name in words(document(), what):
        assert read(tmp_path, content % name)["input"][member] == name


def test_a_document_lacks_a_name_that_is_read():
    source = (ROOT / "libluna/table/choose.c").read_text(encoding="utf-8")
    for function, what in (("bool is_named_as_time", "column of times"), ("void find_id", "column of ids")):
        body = source[source.index(f"static {function}("):]
        listed = set(re.findall(r'"(\w+)"', body[:body.index("NULL")]))
        assert all(words(document(), what) == listed for document in DOCUMENTS)
