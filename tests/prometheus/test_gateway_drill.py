"""The gateway as clients see it: Debian's blackbox exporter probes the stack's nginx, and Prometheus reads what it finds.

The certificate's end is asked of the handshake, not of the file: a certificate that was renewed on the disk and that nginx has not
read yet is the usual way for one to run out. The shipped scrape configuration and module are used; only addresses, the
development authority and the pace are this test's.
"""
import os
import signal
import subprocess
import time

import pytest
import yaml
from promtool import CONF
from running_prometheus import firing, running, running_prometheus, scrapes
from stack_control import Process
from waiting import free_port, wait_until

AUTHORITY = "# tls_config: { ca_file: /etc/luna/ca.crt }"
EXTENSIONS = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"


def scrape_config(stack, exporter):
    """The job luna-gateway as it is shipped."""
    jobs = yaml.safe_load((CONF / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    job = next(job for job in jobs if job["job_name"] == "luna-gateway")
    job["static_configs"] = [{"targets": [f"{stack.env['LUNA_URL']}/readyz"]}]
    rule = next(rule for rule in job["relabel_configs"] if rule.get("target_label") == "__address__")
    rule["replacement"] = exporter
    return job


@pytest.fixture
def prometheus(stack, tmp_path):
    module = (CONF / "blackbox.yml").read_text(encoding="utf-8")
    assert module.count(AUTHORITY) == 1
    settings, exporter = tmp_path / "blackbox.yml", f"127.0.0.1:{free_port()}"
    settings.write_text(module.replace(AUTHORITY, f"tls_config: {{ ca_file: {stack.ca} }}"), encoding="utf-8")
    command = ["prometheus-blackbox-exporter", f"--config.file={settings}", f"--web.listen-address={exporter}"]
    with running(command, tmp_path / "blackbox.log"), running_prometheus(tmp_path, [scrape_config(stack, exporter)]) as address:
        yield address


@pytest.fixture
def gateway(stack):
    """nginx, whose certificate is put back afterwards."""
    file = stack.var / "tls" / "server.crt"
    kept = file.read_bytes()
    stack.var.chmod(0o755)  # it starts again as its own user, who has to reach its settings
    yield Process(stack, "nginx")
    file.write_bytes(kept)
    os.kill(stack.pid("nginx"), signal.SIGHUP)


def renew(stack, folder, days, reload=True):
    """A certificate of the development authority for so many days."""
    tls, request, extensions = stack.var / "tls", folder / "csr", folder / "ext"
    extensions.write_text(EXTENSIONS, encoding="utf-8")
    made = folder / "crt"
    for command in (["req", "-new", "-key", tls / "server.key", "-subj", "/CN=localhost", "-out", request],
                    ["x509", "-req", "-in", request, "-CA", tls / "ca.crt", "-CAkey", tls / "ca.key", "-set_serial", str(time.time_ns()),
                     "-days", str(days), "-extfile", extensions, "-out", made]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    (tls / "server.crt").write_bytes(made.read_bytes())
    if reload:
        os.kill(stack.pid("nginx"), signal.SIGHUP)


def await_alerts(prometheus, wanted, after):
    # The daemons are not scraped here, so the alerts about their absence fire all the time.
    wait_until(lambda: (firing(prometheus) or set()) - {"LunaWorkerPoolAbsent", "LunaSyncdAbsent"} == wanted, f"{wanted or 'silence'} after {after}")


@pytest.mark.usefixtures("long_form")
def test_a_certificate_that_ends_is_told_of_in_time_and_a_gateway_that_is_gone(stack, gateway, prometheus, tmp_path, capsys):
    began = time.monotonic()
    wait_until(lambda: scrapes(prometheus, 1) >= 5, "Prometheus to have asked the exporter")
    await_alerts(prometheus, set(), "a certificate for 397 days")
    renew(stack, tmp_path, 10)
    await_alerts(prometheus, {"LunaCertificateExpiry"}, "one for ten days")
    renew(stack, tmp_path, 2)
    await_alerts(prometheus, {"LunaCertificateExpiry", "LunaCertificateExpiryNear"}, "one for two days")
    renew(stack, tmp_path, 90, reload=False)
    time.sleep(5)
    await_alerts(prometheus, {"LunaCertificateExpiry", "LunaCertificateExpiryNear"}, "a renewed file that nginx has not read")
    os.kill(stack.pid("nginx"), signal.SIGHUP)
    await_alerts(prometheus, set(), "nginx has read it")
    gateway.kill(signal.SIGTERM)
    try:
        await_alerts(prometheus, {"LunaGatewayDown"}, "nginx was stopped")
    finally:
        gateway.start_and_await()
    await_alerts(prometheus, set(), "nginx was started")
    with capsys.disabled():
        print(f"\n  drill: certificates of 10 and 2 days, a renewed one, nginx stopped and started: {time.monotonic() - began:.0f}s")
