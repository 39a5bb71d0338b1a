"""Every error that a client can receive, joined from the tables that define them.

fcgi-worker/http/problem.h has the errors of the workers, conf/nginx/error_maps.conf those of nginx, and web/problems.yaml
the cause and the fix of each. An error that one side lacks ends the build.
"""
import dataclasses
import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
REQUEST_ID = "5f0c2f1e9f5b4a7e8d3c2b1a09f8e7d6"
# The types that IANA has registered; fcgi-worker/http/problem.c has the same list.
QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"
QUOTA_CODES = ("rate_limited", "concurrency_limited", "quota_exhausted")


@dataclasses.dataclass
class Problem:
    code: str
    title: str
    message: str
    statuses: list  # the usual one first
    cause: str = ""
    fix: str = ""
    retry: str = ""
    faults: list = None
    of_status: dict = dataclasses.field(default_factory=dict)  # another detail, for a status that only nginx answers with

    @property
    def path(self):
        return f"/problems/{self.code}"

    def body(self, status=None, rfc9457=False):
        """An answer with this error, as the service would send it."""
        answer = {
            "type": QUOTA_TYPE if self.code in QUOTA_CODES else self.path,
            "title": self.title,
            "status": status or self.statuses[0],
            "code": self.code,
            "request_id": REQUEST_ID,
            "detail": self.faults if self.faults and not rfc9457 else self.of_status.get(status, self.message),
        }
        if self.faults and rfc9457:
            answer["errors"] = self.faults
        return answer


def of_worker():
    text = (ROOT / "fcgi-worker/http/problem.h").read_text(encoding="utf-8").replace("\\\n", " ")
    row = re.compile(r'X\(PROBLEM_\w+,\s*(\d+),\s*"(\w+)",\s*"([^"]*)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
    for status, code, title, literals in row.findall(text):
        message = "".join(json.loads(literal) for literal in re.findall(r'"(?:[^"\\]|\\.)*"', literals))
        yield Problem(code, title, message, [int(status)])


def of_gateway():
    text = (ROOT / "conf/nginx/error_maps.conf").read_text(encoding="utf-8")

    def table(name):
        body = re.search(r"map \$status \$luna_error_" + name + r" \{\n(.*?)\n\}", text, re.DOTALL).group(1)
        return {int(status): value.strip('"') for status, value in re.findall(r'^  (\d+) (.*);$', body, re.MULTILINE)}

    codes, titles, details = table("code"), table("title"), table("detail")
    for status, code in codes.items():
        yield Problem(code, titles[status], details[status], [status])


def load():
    """{code: Problem}, by status. Where both answer with a code, the words are those of the worker."""
    problems = {}
    for problem in [*of_worker(), *of_gateway()]:
        known = problems.setdefault(problem.code, problem)
        for status in problem.statuses:
            if status not in known.statuses:
                known.statuses.append(status)
                known.of_status[status] = problem.message
    texts = yaml.safe_load((ROOT / "web/problems.yaml").read_text(encoding="utf-8"))
    if set(texts) != set(problems):
        raise SystemExit(f"web/problems.yaml and the tables of errors differ: {sorted(set(texts) ^ set(problems))}")
    for code, more in texts.items():
        problems[code] = dataclasses.replace(problems[code], **more)
    return dict(sorted(problems.items(), key=lambda item: (item[1].statuses[0], item[0])))


def with_status(status):
    return [problem for problem in load().values() if status in problem.statuses]
