"""The pages that explain: every error has one, every page is also Markdown, and every address that is given exists."""
import re
import sys
import urllib.parse

import pytest
from document import bundle, load, resolve
from luna_stack import ROOT

sys.path.insert(0, str(ROOT / "web"))
import problems  # noqa: E402  (the path has to come first)
import website  # noqa: E402

LINK = re.compile(r"\]\((/[^)#]*)")


def get_text(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    kind = {"md": "text/markdown", "txt": "text/plain"}.get(path.rsplit(".", 1)[-1], "text/html")
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8", path
    return answer.text


def test_an_error_has_no_page_or_one_without_cause_fix_or_example(client):
    for problem in problems.load().values():
        page, text = get_text(client, problem.path), get_text(client, f"{problem.path}.md")
        assert all(f'<h2 id="{part}">' in page for part in ("cause", "fix", "example")), problem.code
        assert f'"code": "{problem.code}"' in page and problem.fix in text


@pytest.mark.parametrize("method, path, headers, code", [
    ("GET", "/api/v1/1", {}, "key_missing"),
    ("GET", "/api/v1/1", {"X-API-Key": "no such key"}, "key_invalid"),
    ("GET", "/nowhere", {}, "not_found"),
    ("POST", "/livez", {}, "method_not_allowed"),
])
def test_the_type_of_an_error_does_not_lead_to_its_page(client, method, path, headers, code):
    answer = client.request(method, path, headers=headers)
    assert answer.json()["code"] == code
    page = client.get(urllib.parse.urljoin(str(answer.url), answer.json()["type"]))
    assert page.status_code == 200 and f'"code": "{code}"' in page.text


def test_the_type_of_a_bad_body_does_not_lead_to_its_page(client, account):
    answer = client.post(account.url, headers=account.headers, json={})
    assert answer.status_code == 422 and answer.json()["type"] == problems.load()["validation_error"].path


def test_a_page_is_not_also_markdown(client):
    for path, text in website.pages().items():
        page, name = get_text(client, path), website.file_of(path)
        assert f'<link rel="alternate" type="text/markdown" href="/{name}.md">' in page, path
        assert get_text(client, f"/{name}.md") == text
    for name in ("docs", "redoc"):
        reference = get_text(client, f"/{name}.md")
        assert all(path in reference for path in load()["paths"])


def test_a_link_leads_to_nothing(client):
    targets = {target for text in website.pages().values() for target in LINK.findall(text)}
    listed = set(LINK.findall(get_text(client, "/llms.txt")))
    assert {f"/{website.file_of(path)}.md" for path in website.pages()} <= listed
    for target in sorted(targets | listed):
        # Without npm, these two are not built.
        assert client.get(target).status_code == 200 or target in ("/docs", "/redoc"), target


def test_another_file_of_the_site_is_served(client):
    for path in ("/problems/nowhere", "/problems/", "/problems/key_invalid.html", "/index.html", "/problems/key_invalid.md.gz", "/docs.html"):
        answer = client.get(path)
        assert answer.status_code == 404 and answer.json()["code"] == "not_found", path


def test_a_documented_error_shows_the_example_of_another():
    shown = set()
    for item in load()["paths"].values():
        for operation in (one for method, one in item.items() if method != "parameters"):
            for status, response in operation["responses"].items():
                for media in resolve(response).get("content", {}).values():
                    if media["schema"] not in bundle.PROBLEMS:
                        continue
                    values = [resolve(example)["value"] for example in media["examples"].values()]
                    assert int(status) in {value["status"] for value in values}, (operation["operationId"], status)
                    shown |= {value["code"] for value in values}
    # Those that belong to no operation: the method, the connection or the request line is wrong.
    assert set(problems.load()) - shown == {"method_not_allowed", "request_timeout", "length_required", "uri_too_long",
                                            "precondition_failed", "not_implemented", "http_version_not_supported"}
