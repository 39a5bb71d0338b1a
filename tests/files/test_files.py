"""Files as people have them (cases.json), through the command line and through the API: each is read as it is meant, or refused with
a message that names the fix. None may be read as something else."""
import json
import math
import os
import pathlib
import re
import subprocess
from urllib.parse import unquote_to_bytes

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CASES = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def account(account_factory, luna):
    """Its plan allows as many requests as these tests send at once on a fast machine."""
    luna("plan", "set", "files", "--rate", "10000", "--burst", "10000")
    return account_factory(100000, "--plan", "files")


def name_of(case):
    return " ".join([case["file"], *[f"{name}={value}" for name, value in case.get("query", {}).items()]])


def of_series(cases):
    return [case for case in cases if not case.get("batch")]


def check_values(answer, case):
    got = answer["input_data"]
    assert len(got) == len(case["values"]), got
    for value, wanted in zip(got, case["values"]):
        assert value == wanted or (value is not None and wanted is not None and math.isclose(value, wanted, rel_tol=1e-15)), got
    for name, wanted in case.get("input", {}).items():
        assert answer["input"][name] == wanted, answer["input"]


def check_fault(answer, case):
    told = [answer["title"], *[f"{fault['msg']} {fault.get('hint', '')}" for fault in answer["detail"]]]
    assert any(case["fault"] in text for text in told), told


def test_there_are_eighty_files_and_each_has_a_case():
    files = {str(path.relative_to(HERE)) for path in HERE.glob("*/*") if path.is_file() and "__pycache__" not in path.parts}
    assert files == {case["file"] for case in CASES}
    assert len(files) >= 80


@pytest.mark.parametrize("case", [case for case in CASES if not case.get("not_by_command_line")], ids=name_of)
def test_command_line(case):
    luna = ROOT / os.environ.get("LUNA_BUILD", "build/dev") / "bin/luna"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in case.get("query", {}).items()]
    ran = subprocess.run([luna, "kalman", HERE / case["file"], "--output-format=json", "--include=input", *options],
                         capture_output=True, text=True, timeout=60)
    if "fault" in case:
        assert ran.returncode != 0, ran.stdout
        assert case["fault"] in re.sub(r"\s+", " ", ran.stderr)
    else:
        assert ran.returncode == 0, ran.stderr
        check_values(json.loads(ran.stdout), case)


@pytest.mark.parametrize("case", of_series(CASES), ids=name_of)
def test_api(client, account, case):
    body = (HERE / case["file"]).read_bytes()
    media = case.get("type", "text/csv")
    is_json = media == "application/json"
    answer = client.post(account.url, params=case.get("query", {}) | ({} if is_json else {"include": "input"}), content=body,
                         headers=account.headers | {"Content-Type": media, "Accept": "application/json"})
    if "fault" in case:
        assert answer.status_code == 422, answer.text
        check_fault(answer.json(), case)
    else:
        assert answer.status_code == 200, answer.text
        check_values(answer.json(), case)
        if media.startswith("text/"):
            assert f"rows={len(case['values'])}" in answer.headers["Luna-Input"]
            unquote_to_bytes(answer.headers["Luna-Input"]).decode("utf-8")  # as RFC 9651 demands of display strings


SERIES = {"a": [1120, 1160, 963, 1210, 1160, 1160, 813], "b": [1.5, None, 7.25, 3.1, 9.7], "c": [5]}
BATCHES = {
    "text/csv": "unique_id,ds,y\n" + "".join(f"{name},{2000 + i},{'' if value is None else value}\n"
                                             for name, values in SERIES.items() for i, value in enumerate(values)),
    "application/json": json.dumps({"series": [{"id": name, "results": values} for name, values in SERIES.items()]}),
    "application/x-ndjson": "".join(json.dumps({"id": name, "results": values}) + "\n" for name, values in SERIES.items()) + "nonsense\n",
}


@pytest.mark.parametrize("media", BATCHES)
def test_the_command_line_answers_a_batch_otherwise_than_the_api(client, account, tmp_path, media):
    path = tmp_path / {"text/csv": "batch.csv", "application/json": "batch.json", "application/x-ndjson": "batch.ndjson"}[media]
    path.write_text(BATCHES[media], encoding="utf-8")
    answer = client.post(account.url + "/batch", content=BATCHES[media], headers=account.headers | {"Content-Type": media})
    luna = ROOT / os.environ.get("LUNA_BUILD", "build/dev") / "bin/luna"
    ran = subprocess.run([luna, "kalman", path, "--batch"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == (1 if media == "application/x-ndjson" else 0), ran.stderr
    assert ran.stdout == answer.text.replace(',"charged":3}', "}")
    assert ',"charged":3}' in answer.text
