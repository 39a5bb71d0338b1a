"""What is shipped agrees with what is built: versions, settings, files. Needs nothing running."""
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_migrations_say_which_builds_can_use_the_schema():
    """0001 to 0017 are of the first release, before which there is none."""
    for file in sorted((ROOT / "sql").glob("[0-9]*.sql"))[17:]:
        first, number = file.read_text(encoding="utf-8").splitlines()[0], int(file.name[:4])
        named = re.fullmatch(r"-- compatible-from: (\d{4})", first)
        assert named and 17 <= int(named.group(1)) <= number, f"{file.name}: {first}"


def documents(name):
    return [document for document in yaml.safe_load_all(text_of(name)) if document]


def version():
    return re.search(r"^project\(luna VERSION (\d+\.\d+\.\d+) ", text_of("CMakeLists.txt"), re.M).group(1)


def settings_of(program):
    return set(re.findall(r"^#?(LUNA_\w+)=", text_of(f"conf/{program}.env.example"), re.M))


def is_setting(name, program):
    return name in settings_of(program) or name.removesuffix("_FILE") in settings_of(program)


@pytest.mark.parametrize("name, pattern", [
    ("libkalman/CMakeLists.txt", r"project\(kalman VERSION (\S+)"),
    ("Dockerfile.worker", r"ARG LUNA_VERSION=(\S+)"),
    ("Dockerfile.syncd", r"ARG LUNA_VERSION=(\S+)"),
    ("Dockerfile.gateway", r"ARG LUNA_VERSION=(\S+)"),
    ("conf/kubernetes/kustomization.yaml", r"newTag: (\S+)"),
    ("CHANGELOG.md", r"^## (\d+\.\d+\.\d+)"),
])
def test_version_is_the_same_everywhere(name, pattern):
    found = re.findall(pattern, text_of(name), re.M)
    assert found and found[0] == version() and (name == "CHANGELOG.md" or set(found) == {version()})


@pytest.mark.parametrize("name", ["Dockerfile.worker", "Dockerfile.syncd", "Dockerfile.gateway"])
def test_dockerfile_copies_what_is_there(name):
    passed = re.findall(r"^!(\S+)", text_of(".dockerignore"), re.M)
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text_of(name), re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert any(source == path or source.startswith(path + "/") for path in passed), f"{source} is in .dockerignore"


def test_dockerfiles_share_their_first_layers():
    def stage(name):
        return text_of(name).split("AS build\n")[1].split("RUN cmake")[0]
    assert stage("Dockerfile.worker") == stage("Dockerfile.syncd")
    assert stage("Dockerfile.gateway").startswith(stage("Dockerfile.worker"))


def test_compose_mounts_what_is_there():
    for name in ("docker-compose.yml", "conf/docker/extras.yml"):
        for service, settings in documents(name)[0]["services"].items():
            for volume in settings.get("volumes", []):
                source = volume.split(":")[0]
                assert not source.startswith("./conf") or (ROOT / source).exists(), f"{service}: {source}"


def test_compose_settings_are_settings():
    programs = {"worker": "fcgi-worker", "syncd": "quota-syncd", "luna": "luna", "migrate": "luna"}
    services = documents("docker-compose.yml")[0]["services"]
    for service, program in programs.items():
        for name in services[service]["environment"]:
            assert is_setting(name, program), f"{service}: {name}"


def test_compose_variables_are_in_the_example_and_none_is_a_password():
    used = set(re.findall(r"\$\{(\w+)", text_of("docker-compose.yml")))
    named = set(re.findall(r"^#(\w+)=", text_of(".env.example"), re.M))
    assert used <= named
    assert not re.search(r"(?i)password[^\n]*\$\{|PASSWORD:", text_of("docker-compose.yml"))


def test_compose_services_are_hardened():
    for service, settings in documents("docker-compose.yml")[0]["services"].items():
        assert "restart" in settings or "profiles" in settings, service
        if service not in ("setup", "postgres"):  # they change owners of files, and then their own user
            assert settings["read_only"] and settings["cap_drop"] == ["ALL"], service


def test_compose_bounds_every_log():
    for name in ("docker-compose.yml", "conf/docker/extras.yml"):
        for service, settings in documents(name)[0]["services"].items():
            if "image" in settings and service not in ("migrate", "luna"):  # they end
                options = settings["logging"]["options"]
                assert options["max-size"] and options["max-file"] and options["mode"] == "non-blocking", service


def test_compose_monitors_with_everything_that_is_shipped():
    services = documents("conf/docker/extras.yml")[0]["services"]
    monitoring = {service: settings["volumes"] for service, settings in services.items() if settings.get("profiles") == ["monitoring"]}
    assert set(monitoring) == {"prometheus", "blackbox", "grafana"}
    mounted = {volume.split(":")[0] for volumes in monitoring.values() for volume in volumes}
    shipped = ["conf/prometheus/rules.yml", "conf/prometheus/alerts.yml", *(f"conf/grafana/{path.name}" for path in (ROOT / "conf/grafana").glob("*.json"))]
    assert {f"./{name}" for name in shipped} <= mounted
    jobs = {job["job_name"] for name in ("conf/prometheus/prometheus.yml", "conf/docker/prometheus.yml") for job in documents(name)[0]["scrape_configs"]}
    assert jobs == {job["job_name"] for job in documents("conf/docker/prometheus.yml")[0]["scrape_configs"]}


def test_luna_in_compose_knows_where_the_programs_answer():
    """Without it, luna health looks on its own loopback, and calls the workers failed."""
    settings = documents("docker-compose.yml")[0]["services"]["luna"]["environment"]
    assert (settings["LUNA_MONITOR_LISTEN"], settings["LUNA_METRICS_LISTEN"]) == ("worker:9100", "syncd:9101")


def test_kubernetes_settings_are_settings():
    programs = {"worker": "fcgi-worker", "syncd": "quota-syncd", "migrate": "luna"}
    for name in ("worker", "migrate"):
        for document in documents(f"conf/kubernetes/{name}.yaml"):
            for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                for variable in container["env"]:
                    assert is_setting(variable["name"], programs[container["name"]]), variable["name"]


def test_kubernetes_has_all_of_nginx():
    kustomization = documents("conf/kubernetes/kustomization.yaml")[0]
    files = {file for generator in kustomization["configMapGenerator"] for file in generator["files"]}
    nginx = {f"../nginx/{path.name}" for path in (ROOT / "conf/nginx").glob("*.conf") if path.name != "upstream.conf"}
    assert nginx <= files and "upstream.conf" in files
    for name in [*files, *kustomization["resources"]]:
        assert (ROOT / "conf/kubernetes" / name).exists(), name


def test_kubernetes_renders(tmp_path):
    """A copy in which no file lies outside the folder: Debian's kubectl has no --load-restrictor."""
    for folder in ("nginx", "docker", "kubernetes"):
        shutil.copytree(ROOT / "conf" / folder, tmp_path / folder)
    for folder in ("nginx", "docker"):
        (tmp_path / folder).rename(tmp_path / "kubernetes" / folder)
    kustomization = tmp_path / "kubernetes/kustomization.yaml"
    kustomization.write_text(kustomization.read_text(encoding="utf-8").replace("../", ""), encoding="utf-8")
    rendered = subprocess.run(["kubectl", "kustomize", kustomization.parent], capture_output=True, text=True, check=True).stdout
    kinds = {document["kind"] for document in yaml.safe_load_all(rendered)}
    assert {"StatefulSet", "HorizontalPodAutoscaler", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "Job"} <= kinds


def test_kubernetes_denies_what_it_does_not_allow():
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in documents("conf/kubernetes/network.yaml")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(rule for policy in policies.values() for rule in [*policy.get("ingress", []), *policy.get("egress", [])]), "a rule without a port allows all"
    pods = {document["spec"]["template"]["metadata"]["labels"]["app"]
            for name in ("worker", "nginx", "migrate") for document in documents(f"conf/kubernetes/{name}.yaml") if "template" in document["spec"]}
    selected = str(policies["worker"]) + str(policies["nginx"]) + str(policies["stores"])
    assert all(app in selected for app in pods), pods


def test_kubernetes_keeps_a_gateway_during_a_drain():
    budgets = [document["spec"]["selector"]["matchLabels"]["app"] for name in ("worker", "nginx") for document in documents(f"conf/kubernetes/{name}.yaml")
               if document["kind"] == "PodDisruptionBudget"]
    assert budgets == ["luna-worker", "luna-nginx"]


def test_nginx_templates_find_a_value_in_every_deployment():
    """A ${LUNA_…} that one of the three that fill them in does not know would end up in nginx's configuration as it is."""
    used = {name for path in (ROOT / "conf/nginx").glob("*.conf") for name in re.findall(r"\$\{(LUNA_\w+)\}", path.read_text(encoding="utf-8"))}
    host_only = {"LUNA_WORKER_SOCKET", "LUNA_MONITOR_PORT"}
    for name in used:
        assert name in text_of("scripts/lib/programs.sh") and name in text_of("conf/debian/luna-setup"), name
        assert name in host_only or f"[{name}]" in text_of("conf/docker/nginx.sh"), name


def directives_of(*names):
    text = "".join(text_of(f"conf/nginx/{name}") for name in names)
    return re.findall(r"(?m)^ *([a-z0-9_]+) +([^;\n]+);", re.sub(r"(?m)^ *#.*$", "", text))


def in_the_table(name, value):
    """How the table in OPERATIONS.md names a directive and its value."""
    zone, _, rest = value.partition(" ")
    if name in ("limit_conn", "limit_req"):
        return f"{name} {zone}", rest
    return name, re.sub(r"^\$\w+ |[${}]", "", value)


def table_of_the_gateways_limits():
    """Directive, value and test of each row."""
    section = text_of("docs/OPERATIONS.md").split("## Limits of the gateway")[1].split("\n## ")[0]
    return re.findall(r"(?m)^\| `([a-z0-9_= ]+)` \| `?([^|`]+)`? \| [^|]+ \| [^|]*\| `(\w+\.\w+)::(\w+)` \|$", section)


def test_limits_of_the_gateway_are_as_documented():
    not_limits = {"limit_conn_zone", "limit_req_zone", "limit_conn_status", "limit_req_status", "limit_conn_log_level", "limit_req_log_level", "default"}
    set_values = dict(in_the_table(name, value) for name, value in directives_of("limits.conf") if name not in not_limits)
    rate = re.search(r"zone=anonymous:10m rate=(\S+);", text_of("conf/nginx/limits.conf")).group(1)
    set_values["limit_req zone=anonymous"] = f"{rate} {set_values['limit_req zone=anonymous']}"
    set_values |= {name: value for name, value in directives_of("nginx.conf") if name in ("worker_connections", "worker_rlimit_nofile")}
    assert {name: value.strip() for name, value, *_ in table_of_the_gateways_limits()} == set_values


def test_each_limit_of_the_gateway_has_a_test():
    files = {path.name: path for folder in ("system", "abuse", "unit/gateway") for path in (ROOT / "tests" / folder).rglob("test_*")}
    for name, _, file, test in table_of_the_gateways_limits():
        assert re.search(rf"\b{test}\(", files[file].read_text(encoding="utf-8")), (name, file, test)


def test_one_sources_share_is_far_below_the_total():
    values = {name if name != "limit_conn" else f"{name} {value.split()[0]}": value for name, value in directives_of("nginx.conf", "limits.conf")}
    connections = int(values["luna_source_connections"])
    assert int(values["worker_connections"]) >= 16 * connections
    assert int(values["worker_rlimit_nofile"]) >= 2 * int(values["worker_connections"])
    assert int(values["limit_conn everyone"].split()[1]) >= 16 * int(values["limit_conn address"].split()[1])
    assert f"LimitNOFILE={values['worker_rlimit_nofile']}" in text_of("conf/systemd/luna-nginx.service")


@pytest.mark.parametrize("name", ["luna-worker@.service", "quota-syncd.service", "luna-nginx.service", "redis-server.conf", "postgresql.conf"])
def test_no_number_of_ends_leaves_a_unit_stopped(name):
    """What this does is tested on a booted machine: tests/machines/booted.sh."""
    text = text_of(f"conf/systemd/{name}")
    assert "\nStartLimitIntervalSec=0\n" in text and "\nRestartSec=1\n" in text and "RestartPreventExitStatus" not in text


def test_requests_cannot_leave_the_socket_failed():
    assert "\nTriggerLimitIntervalSec=0\n" in text_of("conf/systemd/luna-worker@.socket")


def test_workflows_call_scripts_that_exist():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            for step in job["steps"]:
                script = step.get("run", "").split(" ")[0]
                assert not script.startswith(("scripts/", "tests/")) or (ROOT / script).exists(), script


def workflows():
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / ".github/workflows").glob("*.yml")}


def test_actions_are_pinned_by_commit():
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for used in re.findall(r"(?m)uses: (.*)$", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_code_of_the_tree_runs_without_a_token_that_can_write():
    for name, workflow in workflows().items():
        assert workflow["permissions"] == {"contents": "read"}, name
        for job in workflow["jobs"].values():
            runs = " ".join(step.get("run", "") for step in job["steps"])
            if re.search(r"scripts/|tests/|docker build|cmake", runs):
                assert "permissions" not in job, runs
            for step in job["steps"]:
                assert not step.get("uses", "").startswith("actions/checkout@") or step["with"]["persist-credentials"] is False


def test_a_release_has_sbom_signature_and_provenance():
    jobs = workflows()["release"]["jobs"]
    used = {name: {step["uses"].split("@")[0] for step in job["steps"] if "uses" in step} for name, job in jobs.items()}
    runs = {name: " ".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert {"anchore/sbom-action", "actions/attest-build-provenance"} <= used["images"] and "cosign sign --yes" in runs["images"]
    assert "anchore/sbom-action" in used["packages"]
    assert "actions/attest-build-provenance" in used["publish"] and "cosign sign-blob" in runs["publish"]
    assert "scripts/images --check" in runs["packages"]
    programs = {path.suffix[1:] for path in ROOT.glob("Dockerfile.*")}
    assert all(set(jobs[name]["strategy"]["matrix"]["program"]) == programs for name in ("build", "images"))


def test_images_are_debians_or_official():
    """nginx and pgbouncer come from Debian's packages: the images of that name are not maintained as long as Debian is."""
    allowed = ("debian:", "postgres:", "redis:", "prom/", "grafana/grafana:")
    for name in ("docker-compose.yml", "conf/docker/extras.yml"):
        for service, settings in documents(name)[0]["services"].items():
            if service == "setup" and "image" not in settings:
                continue  # what the optional parts add to it
            image = settings["image"].removeprefix("docker.io/").removeprefix("library/")
            assert image.startswith(("luna-", *allowed)), f"{service}: {image}"
    for path in [*ROOT.glob("Dockerfile.*"), *ROOT.glob("conf/docker/*.Dockerfile")]:
        assert set(re.findall(r"(?m)^FROM docker\.io/library/(\w+):", path.read_text(encoding="utf-8"))) == {"debian"}, path.name


def test_code_that_is_compiled_in_has_its_licence_in_the_packages():
    told = text_of("conf/debian/copyright")
    headers_only = {"dragonbox": "libdragonbox-dev", "xxhash.h": "libxxhash-dev", "ngx_core.h": "nginx-dev"}
    sources = "".join(path.read_text(encoding="utf-8") for folder in ("fcgi-worker", "libluna", "libkalman", "gateway") for path in (ROOT / folder).rglob("*.c*"))
    for header, package in headers_only.items():
        assert header in sources and f"Files: compiled in from {package}\n" in told, package
    for name in re.findall(r"(?m)^License: (\S+)$", told):
        assert re.search(rf"(?m)^License: {re.escape(name)}\n .+", told), f"no text of {name}"


def test_vulnerabilities_can_be_reported():
    text = text_of("SECURITY.md")
    assert "security advisory" in text and "docs/SECURITY.md" in text
    assert "../SECURITY.md" in text_of("docs/SECURITY.md")


def test_the_gateway_has_a_user_of_its_own():
    """www-data is every web program's user: one of them that is compromised would open the workers' socket and read the TLS key."""
    owners = ["conf/systemd/luna-nginx.service", "conf/systemd/luna-worker@.socket", "conf/systemd/luna-worker@.service", "conf/debian/luna-setup", "conf/logrotate/luna-worker",
              "fcgi-worker/shared/worker_config.c"]
    for name in owners:
        assert "www-data" not in text_of(name), name
    assert "User=luna-gateway" in text_of("conf/systemd/luna-nginx.service") and "SocketGroup=luna-gateway" in text_of("conf/systemd/luna-worker@.socket")
    assert 'socket_peers, 0, "luna-gateway"' in text_of("fcgi-worker/shared/worker_config.c")
    assert re.search(r"(?m)^u luna-gateway ", text_of("conf/systemd/luna-gateway.sysusers")) and "adduser --quiet --system --group --no-create-home --home /var/lib/luna-nginx luna-gateway" in text_of("conf/debian/worker/postinst")


def test_packages_carry_every_unit():
    package = text_of("cmake/Package.cmake")
    for unit in (ROOT / "conf/systemd").iterdir():
        assert unit.name in package, unit.name


def test_units_are_understood(tmp_path):
    for unit in (ROOT / "conf/systemd").glob("luna*.service"):
        text = re.sub(r"(?m)^(ExecStart|ExecStartPre)=\S+", r"\1=/bin/true", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name.replace("@", "@main")).write_text(text, encoding="utf-8")
    for unit in (ROOT / "conf/systemd").glob("*.socket"):
        shutil.copy(unit, tmp_path / unit.name.replace("@", "@main"))
    outcome = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *tmp_path.iterdir()], capture_output=True, text=True, check=False)
    complaints = [line for line in outcome.stderr.splitlines() if str(tmp_path) in line]
    assert complaints == []


@pytest.mark.parametrize("unit", sorted(path.name for path in (ROOT / "conf/systemd").glob("*.service")))
def test_a_unit_names_documentation_that_the_packages_do_not_have(unit):
    package = text_of("cmake/Package.cmake")
    named = re.search(r"(?m)^Documentation=(.+)$", text_of(f"conf/systemd/{unit}"))[1].split()
    for place in named:
        page = re.fullmatch(r"man:([\w-]+)\((\d)\)", place)
        name, folder = (f"{page[1]}.{page[2]}", "docs/man/") if page else (place.rpartition("/")[2], "docs/")
        assert f"{folder}{name}" in package and (page or place.startswith("file:/usr/share/doc/luna-worker/")), place


EXPOSURE_MAX = 1.5


@pytest.mark.parametrize("unit", ["luna-worker@.service", "quota-syncd.service"])
def test_a_unit_of_a_daemon_loses_a_restriction(unit):
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", ROOT / "conf/systemd" / unit], capture_output=True, text=True,
                          check=True).stdout
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    assert exposure <= EXPOSURE_MAX, said


def test_prometheus_of_the_packages_scrapes_an_address_of_scripts_up():
    """Nothing listens there, so that LunaGatewayDown pages after each installation."""
    replaced = re.findall(r'REPLACE "(127\.0\.0\.1:\d+)"', text_of("cmake/Package.cmake"))
    scraped = re.findall(r"127\.0\.0\.1:848\d", text_of("conf/prometheus/prometheus.yml"))
    assert scraped and set(scraped) <= set(replaced)


def test_a_script_waits_for_a_server_that_hangs():
    """psql is not among them: what it does may take long."""
    paths = [path for folder in ("conf/debian", "scripts") for path in (ROOT / folder).rglob("*") if path.is_file()]
    without_end = re.compile(r"(?m)^[^#\n]*(?<!timeout 5 )(?<!timeout 10 )\b(?:redis-cli|openssl s_client) .*")
    found = {path.name: without_end.findall(path.read_text(encoding="utf-8")) for path in paths if path.suffix in ("", ".sh")}
    assert not any(found.values()), found


def test_a_password_stands_in_the_log_of_postgresql():
    """Where it logs such statements, or those that fail or take long: the session that has a password in one says before that it does not."""
    unlogged = "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;"
    paths = [path for folder in ("conf/debian", "conf/docker", "scripts") for path in (ROOT / folder).rglob("*")]
    setting = [path for path in paths if path.is_file() and re.search(r"(ALTER|CREATE) ROLE [^\n]*PASSWORD '", path.read_text(encoding="utf-8"))]
    assert len(setting) == 5 and not [path.name for path in setting if unlogged not in path.read_text(encoding="utf-8")]
