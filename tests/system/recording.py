"""The recording of what tests and service say to each other, by `redocly proxy`, for `redocly drift` to compare with the document.

LUNA_TEST_HAR names the file that the recording goes to, LUNA_TEST_NODE the node that runs the proxy; without the first nothing is
recorded. Every test is recorded but those of NOT_RECORDED. At the end the gateway's own log is read: a request that is in there, that
the recording does not have, and that no test of NOT_RECORDED made, is a failure, so that no test gets around the proxy unnoticed.
"""
import bisect
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import httpx
import pytest
from waiting import WAIT_S, free_port

REDOCLY = pathlib.Path(__file__).resolve().parents[2] / "build/web/node_modules/@redocly/cli/bin/cli.js"

RAW = "bytes on the connection that no HTTP client sends"
TLS = "what TLS itself refuses or takes; the proxy ends it"
ADDRESS = "the client's own address counts; the proxy has one of its own"
MEGABYTES = "tens of megabytes: the proxy holds them whole, and the recording would"
COMPRESSED = "compressed answers; the proxy does not ask for them"
BLANK = "a header value that ends in a blank, which goes over HTTP/2 only; the proxy speaks HTTP/1.1"
METHOD = "a method that the proxy does not know"
PATH = "a path that the proxy rewrites before it passes it on"
LIST = "a list in one parameter, which drift does not divide"
REPEATED = "a header that is sent twice; the proxy joins the two"
OTHER_STACK = "other programs than the tests ask, or another stack than the session's is asked"

# What the proxy cannot carry. `file::test`, for all of its cases, or `file::test[case]`: why.
NOT_RECORDED = {
    "test_bad_input.py::test_a_wrong_method_is_not_405_or_lacks_allow[BREW]": METHOD,
    "test_bad_input.py::test_a_bad_key_is_taken_or_charged[bearer without a key]": BLANK,
    "test_bad_input.py::test_a_strange_account_id_is_not_404[..]": PATH,
    "test_batch_stream.py::test_an_answer_of_many_megabytes_is_in_memory_whole": MEGABYTES,
    "test_batch_stream.py::test_an_answer_of_many_megabytes_hides_what_failed": MEGABYTES,
    "test_batch_stream.py::test_who_leaves_after_some_megabytes_pays_for_more_or_less_than_was_done": MEGABYTES,
    "test_batch_stream.py::test_the_retry_after_some_megabytes_under_an_idempotency_key_gets_less_or_is_charged_again": MEGABYTES,
    "test_batch_stream.py::test_an_answer_whose_charge_is_lost_after_some_megabytes_looks_whole_or_is_charged": MEGABYTES,
    "test_contract.py::test_a_clients_request_id_is_lost_or_a_strange_one_is_kept": BLANK,
    "test_gateway.py::test_forty_megabytes_are_not_413_or_are_charged": MEGABYTES,
    "test_gateway.py::test_a_chunked_body_over_the_limit_is_not_413": MEGABYTES,
    "test_door.py::test_a_repeat_gets_the_series_of_a_batch_that_were_not_charged": RAW,
    "test_gateway.py::test_a_body_shorter_than_its_length_over_http2_is_not_400": RAW,
    "test_gateway.py::test_a_body_shorter_than_its_length_over_http1_reaches_a_worker": RAW,
    "test_gateway.py::test_a_body_longer_than_its_length_is_not_cut_there": RAW,
    "test_gateway.py::test_broken_http_is_not_answered_as_json": RAW,
    "test_gateway.py::test_plain_http_on_the_tls_port_is_not_told_so": TLS,
    "test_gateway.py::test_an_operators_page_is_public[//metrics]": PATH,
    "test_gateway.py::test_an_old_tls_version_is_spoken_or_a_modern_one_is_not": TLS,
    "test_gateway_cors.py::test_a_listed_page_cannot_read_that_its_body_is_too_large": RAW,
    "test_gateway_security.py::test_a_flood_without_a_key_goes_on_at_full_speed_or_stops_who_has_one": ADDRESS,
    "test_gateway_security.py::test_hundreds_of_requests_with_a_key_from_one_address_are_limited_here": ADDRESS,
    "test_gateway_security.py::test_old_tls_is_spoken": TLS,
    "test_gateway_slow.py::test_slow_headers_from_one_address_keep_the_service_from_the_others": RAW,
    "test_gateway_slow.py::test_a_body_that_stops_in_the_middle_reaches_a_worker": RAW,
    "test_gateway_sources.py::test_a_source_is_shut_out_when_its_connections_have_ended": ADDRESS,
    "test_gateway_sources.py::test_a_handshake_that_never_ends_outlives_the_header_timeout": RAW,
    "test_gateway_sources.py::test_large_bodies_of_one_address_fill_the_gateways_disk": RAW,
    "test_gateway_sources.py::test_wrong_keys_whose_answers_nobody_waits_for_are_not_counted": RAW,
    "test_gateway_sources.py::test_a_key_that_ignores_its_429_keeps_the_workers_busy": ADDRESS,
    "test_gateway_sources.py::test_an_answer_before_the_key_is_checked_lets_guesses_pass": ADDRESS,
    "test_gateway_sources.py::test_connections_of_a_killed_nginx_worker_stay_counted": ADDRESS,
    "test_gateway_sources.py::test_an_address_of_refused_keys_reaches_a_worker_or_its_known_key_is_refused": ADDRESS,
    "test_gateway_throttle.py::test_guesses_that_are_sent_together_pass_the_throttle_together": ADDRESS,
    "test_gateway_throttle.py::test_any_number_of_streams_waits_for_the_throttles_answer": ADDRESS,
    "test_gateway_throttle.py::test_a_key_in_another_spelling_is_another_key_to_the_throttle": ADDRESS,
    "test_gateway_throttle.py::test_the_gateway_reads_a_large_body_that_it_refuses": ADDRESS,
    "test_gateway_throttle.py::test_refused_megabytes_count_like_small_bodies": ADDRESS,
    "test_gateway_throttle.py::test_the_gateway_takes_a_refused_body_over_http2": ADDRESS,
    "test_gateway_throttle.py::test_the_gateway_takes_a_large_body_without_a_key_over_http2": ADDRESS,
    "test_http.py::test_a_long_text_is_not_compressed_for_those_who_take_it": COMPRESSED,
    "test_http.py::test_the_documentation_weighs_more_than_half_a_megabyte_and_a_bit": COMPRESSED,
    "test_large_body.py::test_a_million_points_take_many_times_their_body": MEGABYTES,
    "test_manners.py::test_a_repeated_parameter_is_refused_instead_of_read_as_a_list": LIST,
    "test_manners.py::test_a_tag_is_not_found_in_a_second_line_or_with_a_proxys_suffix": REPEATED,
    "test_manners.py::test_a_header_is_sent_twice": REPEATED,
    "test_manners.py::test_a_worker_sends_a_header_twice": REPEATED,
    "test_manners.py::test_a_letter_that_is_written_as_a_code_is_another_path": PATH,
    "test_manners.py::test_a_slash_that_is_written_as_a_code_divides_the_path": PATH,
    "test_manners.py::test_the_gateway_names_other_methods_than_the_worker": METHOD,
    "test_manners.py::test_trace_is_refused_without_naming_a_method": METHOD,
    "test_one_credential.py::test_the_first_of_two_credentials_is_taken": REPEATED,
    "test_one_credential.py::test_a_credential_of_another_kind_is_in_the_way": REPEATED,
    "test_one_credential.py::test_the_first_of_two_headers_is_taken": REPEATED,
    "test_one_credential.py::test_a_second_line_of_accept_is_not_read": REPEATED,
    "test_readme.py::test_a_command_of_the_readme_fails": OTHER_STACK,
    "test_refusals.py::test_an_authorization_without_a_token_is_not_401": BLANK,
    "test_refusals.py::test_a_long_body_is_read_before_a_credential_that_cannot_be_one_is_refused": RAW,
    "test_refusals.py::test_over_http2_a_long_body_without_a_key_is_not_refused": RAW,
    "test_secrets.py::test_a_key_is_in_the_error_log": RAW,
    "test_scripts.py::test_a_second_up_starts_something_or_loses_the_account": OTHER_STACK,
    "test_secrets.py::test_a_key_is_in_a_log": BLANK,
}


def reason_not_recorded(file, name):
    """Why this test is not recorded; None for one that is."""
    return NOT_RECORDED.get(f"{file}::{name}") or NOT_RECORDED.get(f"{file}::{name.partition('[')[0]}")


class Proxy:
    """`redocly proxy` in front of a stack; `url` is the way through it."""

    def __init__(self, target, ca, har):
        self.har = pathlib.Path(har)
        self.url = f"http://127.0.0.1:{free_port()}"
        command = [os.environ.get("LUNA_TEST_NODE", "node"), REDOCLY, "proxy", "--target", target, "--port", self.url.rpartition(":")[2],
                   "--har", har]
        with open(self.har.with_suffix(".log"), "wb") as log:
            self.process = subprocess.Popen(command, env=os.environ | {"NODE_EXTRA_CA_CERTS": ca}, stdout=log, stderr=log)
        self.await_start()

    def await_start(self):
        end = time.monotonic() + WAIT_S
        while True:
            assert self.process.poll() is None and time.monotonic() < end, self.har.with_suffix(".log").read_text(encoding="utf-8")
            with contextlib.suppress(httpx.TransportError):
                httpx.get(self.url + "/livez", trust_env=False, timeout=WAIT_S)
                return
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=WAIT_S)


class Recording:
    """Which tests ran, recorded or not, and where each began in the gateway's log."""

    def __init__(self):
        self.proxy = None
        self.is_paused = True
        self.access_log = None
        self.tests = []
        self.offsets = []

    def start(self, target, ca, access_log):
        if os.environ.get("LUNA_TEST_HAR"):
            self.access_log = access_log
            self.proxy = Proxy(target, ca, os.environ["LUNA_TEST_HAR"])
            self.offsets = [access_log.stat().st_size] * len(self.offsets)  # what the start of the stack asked is no test's

    def begin_test(self, file, name):
        begins_at = self.logged() if self.access_log else 0
        self.is_paused = reason_not_recorded(file, name) is not None
        self.tests.append((f"{file}::{name}", self.is_paused))
        self.offsets.append(begins_at)

    def logged(self):
        """The log's length. nginx writes a line when the answer has left: after a test that was not recorded, its last one is waited for."""
        before, size = None, self.access_log.stat().st_size
        while self.is_paused and size != before:
            time.sleep(0.03)
            before, size = size, self.access_log.stat().st_size
        return size

    def url(self, direct):
        return self.proxy.url if self.proxy and not self.is_paused else direct

    def stop(self):
        """Ends the recording; gives the tests with requests that got around it, each with its first such request."""
        if not self.proxy:
            return {}
        self.proxy.stop()
        with open(self.proxy.har, encoding="utf-8") as file:
            recorded = {header["value"] for entry in json.load(file)["log"]["entries"] for header in entry["response"]["headers"]
                        if header["name"].lower() == "x-request-id"}
        self.proxy = None
        return self.missed(recorded)

    def missed(self, recorded):
        found, offset = {}, 0
        for line in self.access_log.read_bytes().splitlines(keepends=True):
            logged = json.loads(line)
            if logged["request_id"] not in recorded:
                test, is_known = self.test_at(offset)
                if not is_known:
                    found.setdefault(test, f'{logged["method"]} {logged["path"]} {logged["status"]} {logged["request_id"]}')
            offset += len(line)
        return found

    def test_at(self, offset):
        """The test that ran when this was logged. A line may come late: it may be of the test before as well."""
        i = bisect.bisect_right(self.offsets, offset) - 1
        if i < 0 or not self.tests:
            return "before the first test", True
        return self.tests[i][0], self.tests[i][1] or (i > 0 and self.tests[i - 1][1])


RECORDING = Recording()  # of the session's stack


def pytest_runtest_setup(item):
    RECORDING.begin_test(item.path.name, item.name)


def pytest_collection_modifyitems(items):
    """A line of the table that names no test is wrong; in a file whose tests are here."""
    files = {item.path.name for item in items}
    names = {name for item in items for name in (f"{item.path.name}::{item.name}", f"{item.path.name}::{item.name.partition('[')[0]}")}
    unknown = [name for name in NOT_RECORDED if name.partition("::")[0] in files and name not in names]
    if unknown and os.environ.get("LUNA_TEST_HAR"):
        raise pytest.UsageError(f"recording.NOT_RECORDED names tests that there are not: {unknown}")


def pytest_terminal_summary(terminalreporter):
    if not os.environ.get("LUNA_TEST_HAR"):
        return
    reasons = {}
    unrecorded = [test for test, is_paused in RECORDING.tests if is_paused]
    for test in unrecorded:
        reasons.setdefault(reason_not_recorded(*test.split("::", 1)), set()).add(test.partition("[")[0])
    terminalreporter.write_line(f"{len(RECORDING.tests) - len(unrecorded)} tests recorded; {len(unrecorded)} not, because:")
    for reason, tests in reasons.items():
        terminalreporter.write_line(f"  {reason}: {', '.join(sorted(tests))}")
