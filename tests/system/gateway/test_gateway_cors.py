"""Errors that nginx makes are as readable to a page of another origin as a worker's: to those on the list, and to no other."""
import contextlib
import os
import re
import urllib.parse

import pytest
from luna_stack import PAGES
from raw_http import head_of, parse_raw, raw_connection, read_answer

STRANGERS = [
    "https://evil.example", "null", "https://pages.example.org.evil.example", "https://pages.example", "http://pages.example.org",
    "https://PAGES.example.org", "https://b.example.org", "*", "", ",", "|", "x|https://pages.example.org", "|https://pages.example.org",
    "https://pages.example.org|", "https://pages.example.org,https://b.example.org:8443", ",https://evil.example,|https://evil.example",
    "https://pages.example.org https://evil.example",
]


@pytest.fixture(autouse=True)
def _pages_are_listed(stack):
    settings = (stack.var / "etc/fcgi-worker.env").read_text(encoding="utf-8")
    if f"LUNA_CORS_ORIGINS={', '.join(PAGES)}" not in settings:
        pytest.skip("the running stack was not started with LUNA_CORS_ORIGINS for these tests")


@contextlib.contextmanager
def no_worker(stack):
    """The socket out of nginx's sight."""
    socket = re.search(r'"unix:([^"]+)"', (stack.var / "nginx/upstream.conf").read_text(encoding="utf-8"))[1]
    os.rename(socket, socket + ".away")
    try:
        yield
    finally:
        os.rename(socket + ".away", socket)


def too_large(stack, account, origin):
    with raw_connection(stack) as connection:
        head = head_of(account, 40_000_000)
        connection.sendall(head.replace(b"\r\n\r\n", f"\r\nOrigin: {origin}\r\n\r\n".encode()))
        answer = parse_raw(read_answer(connection))
        return answer.status_code, answer.headers


def by_client(method, path, **headers):
    def ask(client, origin):
        answer = client.request(method, path, headers={"Origin": origin} | headers)
        return answer.status_code, answer.headers

    return ask


MADE_BY_NGINX = {404: by_client("GET", "/metrics"), 405: by_client("POST", "/livez")}


def assert_readable(headers, origin):
    assert headers["access-control-allow-origin"] == origin
    assert "Origin" in headers["vary"]
    assert {"X-Request-Id", "Retry-After"} <= set(headers["access-control-expose-headers"].split(", "))
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("status", MADE_BY_NGINX)
@pytest.mark.parametrize("page", PAGES)
def test_a_listed_page_cannot_read_what_nginx_refuses(client, status, page):
    got, headers = MADE_BY_NGINX[status](client, page)
    assert got == status
    assert_readable(headers, page)


def test_a_listed_page_cannot_read_that_its_body_is_too_large(stack, account):
    status, headers = too_large(stack, account, PAGES[0])
    assert status == 413
    assert_readable(headers, PAGES[0])


def test_a_listed_page_cannot_read_that_no_worker_answers(stack, client, account):
    path = urllib.parse.urlsplit(account.url).path
    with no_worker(stack):
        status, headers = by_client("POST", path)(client, PAGES[1])
    assert status == 502 and headers["retry-after"]
    assert_readable(headers, PAGES[1])


@pytest.mark.parametrize("origin", STRANGERS)
def test_to_a_page_that_is_not_listed_something_is_said(client, account, origin):
    """The worker and nginx read one list, and agree on everybody."""
    path = urllib.parse.urlsplit(account.url).path
    for ask in (*MADE_BY_NGINX.values(), by_client("POST", path)):
        _, headers = ask(client, origin)
        assert "access-control-allow-origin" not in headers and "access-control-expose-headers" not in headers, headers
        assert "Origin" in headers["vary"], "else a cache gives one page the answer that was made for another"
