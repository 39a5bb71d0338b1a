"""scripts/images: digests come from a registry into every file, or nothing is changed. The registry is a fake one on loopback."""
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Registry(http.server.BaseHTTPRequestHandler):
    """Docker's registry API: a manifest by tag, for an anonymous token."""

    lies = False

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/token?"):
            self.answer(200, json.dumps({"token": "anonymous"}).encode(), {})
        elif self.headers.get("Authorization") != "Bearer anonymous":
            realm = f"http://127.0.0.1:{self.server.server_port}/token"
            self.answer(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="fake",scope="repository:x:pull"'})
        elif "unknown" in self.path:
            self.answer(404, b"", {})
        else:
            text = manifest_of(self.path)
            said = "sha256:" + "0" * 64 if type(self).lies else "sha256:" + hashlib.sha256(text).hexdigest()
            self.answer(200, text, {"Docker-Content-Digest": said})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def manifest_of(path):
    return json.dumps({"schemaVersion": 2, "of": path}).encode()


def digest_of(name, tag):
    return "sha256:" + hashlib.sha256(manifest_of(f"/v2/{name}/manifests/{tag}")).hexdigest()


@pytest.fixture(name="tree")
def small_tree(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/images", tmp_path / "scripts/images")
    (tmp_path / "Dockerfile.a").write_text("FROM docker.io/library/debian:bookworm-slim AS build\nFROM docker.io/library/debian:bookworm-slim\n", encoding="utf-8")
    (tmp_path / "docker-compose.yml").write_text("image: docker.io/library/redis:7\nimage: luna-worker:latest\n", encoding="utf-8")
    return tmp_path


@pytest.fixture(name="registry")
def fake_registry():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Registry.lies = False
    server.shutdown()
    server.server_close()


def images(tree, *words, registry="http://127.0.0.1:9"):
    return subprocess.run([sys.executable, tree / "scripts/images", *words], env=os.environ | {"LUNA_REGISTRY": registry}, capture_output=True, text=True,
                          check=False, timeout=60)


def test_an_image_without_a_digest_fails_the_check(tree):
    outcome = images(tree, "--check")
    assert outcome.returncode == 1 and outcome.stderr.count("has no digest") == 3


def test_update_writes_every_digest_and_renews_it(tree, registry):
    assert images(tree, "--update", registry=registry).returncode == 0
    debian = digest_of("library/debian", "bookworm-slim")
    text = (tree / "Dockerfile.a").read_text(encoding="utf-8")
    assert text == f"FROM docker.io/library/debian:bookworm-slim@{debian} AS build\nFROM docker.io/library/debian:bookworm-slim@{debian}\n"
    compose = (tree / "docker-compose.yml").read_text(encoding="utf-8")
    assert compose == f"image: docker.io/library/redis:7@{digest_of('library/redis', '7')}\nimage: luna-worker:latest\n"
    assert images(tree, "--check").returncode == 0
    (tree / "Dockerfile.a").write_text(text.replace(debian, "sha256:" + "1" * 64, 1), encoding="utf-8")
    assert "another digest" in images(tree, "--check").stderr
    assert images(tree, "--update", registry=registry).returncode == 0
    assert (tree / "Dockerfile.a").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("trouble", ["unreachable", "unknown tag", "another manifest than it says"])
def test_update_changes_nothing_when_a_registry_fails(tree, registry, trouble):
    before = (tree / "docker-compose.yml").read_text(encoding="utf-8")
    if trouble == "unknown tag":
        before += "image: docker.io/library/unknown:1\n"
        (tree / "docker-compose.yml").write_text(before, encoding="utf-8")
    Registry.lies = trouble.startswith("another")
    outcome = images(tree, "--update", registry=registry if trouble != "unreachable" else "http://127.0.0.1:9")
    assert outcome.returncode == 1 and "nothing was changed" in outcome.stderr
    assert (tree / "docker-compose.yml").read_text(encoding="utf-8") == before


def test_an_image_of_the_tree_is_named_by_its_tag_alone():
    outcome = images(ROOT, "--check")
    assert outcome.returncode == 0, outcome.stderr


def test_every_image_of_the_tree_is_seen():
    """An image that scripts/images does not find would keep its tag."""
    listed = images(ROOT).stdout.split()
    patterns = ["Dockerfile.*", "conf/docker/*.Dockerfile", "conf/docker/*.yml", "docker-compose.yml", "conf/kubernetes/*", ".github/workflows/*"]
    for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.strip(" -").replace('"', " ").replace("container: { image", "image").replace(",", " ").split()
            if words[:1] in (["FROM"], ["image:"]):
                image = words[1]
                assert image.startswith(("luna-", "${{")) or image.split("@")[0] in listed, f"{path.name}: {image}"
