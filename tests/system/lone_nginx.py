"""nginx with Luna's module and nothing behind it: for what depends on its settings alone, which a test may change."""
import contextlib
import http.client
import os
import re
import subprocess

from luna_stack import BUILD, ROOT, WAIT_S
from waiting import free_port, wait_until

SETTINGS = """
load_module "{build}/lib/ngx_http_luna_source_module.so";
worker_processes 1;
pid nginx.pid;
daemon off;
error_log error.log warn;
{user}
events {{ worker_connections {worker_connections}; }}
http {{
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {http}
  server {{ listen 127.0.0.1:{port}; {server} }}
}}
"""


def answers(port, path):
    """Is it answered with 204?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    with contextlib.suppress(ConnectionRefusedError), contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status == 204
    return False


@contextlib.contextmanager
def running(folder, http="", server="", worker_connections=512, stdout=subprocess.DEVNULL):
    """The process and its port. /up is answered with 204."""
    port = free_port()
    text = SETTINGS.format(build=BUILD, port=port, user="user root;" if os.geteuid() == 0 else "", worker_connections=worker_connections,
                           http=http, server=f"location = /up {{ return 204; }} {server}")
    (folder / "nginx.conf").write_text(text, encoding="ascii")
    with subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"], stdout=stdout) as process:
        try:
            wait_until(lambda: process.poll() is not None or answers(port, "/up"), what="nginx")
            assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
            yield process, port
        finally:
            process.terminate()


def limits(**changed):
    """conf/nginx/limits.conf, with other values, as in limit_conn_everyone="4"."""
    text = (ROOT / "conf/nginx/limits.conf").read_text(encoding="utf-8").replace("${LUNA_BODY_BYTES_MAX}", "1000000")
    for name, value in changed.items():
        directive = name.replace("limit_conn_", "limit_conn ")
        text, count = re.subn(rf"(?m)^{directive} [^ ;]+;", f"{directive} {value};", text)
        assert count == 1, f"{directive} in limits.conf"
    return text
