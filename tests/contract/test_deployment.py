"""What is deployed agrees with what is served: ports, tags, names of settings and metrics. No engine is needed."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from service.errors import TextEraserError
from service.server import GRACE_S
from service.settings import Settings
from service.telemetry import Telemetry
from service.workers import Workers

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = DOCKER / "kubernetes"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMAGE = f"text-eraser:{PROJECT['project']['version']}"
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/text-eraser.json").read_text(encoding="utf-8"))

FROM_ELSEWHERE = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus' own, and those of its client library."""
DEADLINE_S = Settings.model_construct().deadline_s


def load(path: Path) -> Any:
    """The only document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def instructions(name: str) -> list[str]:
    """The arguments of each such Dockerfile instruction, continued lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.*)$", joined, re.MULTILINE)


def texts(node: Any) -> Iterator[str]:
    """Every string in a document."""
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in load(DOCKER / "prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    """Every PromQL expression that we ship."""
    drawn = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*drawn, *(rule["expr"] for rule in rules())]


def container() -> dict[str, Any]:
    """The container of the Deployment."""
    return load(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]


def service() -> dict[str, Any]:
    """The service of the compose file."""
    return load(DOCKER / "compose.yml")["services"]["text-eraser"]


@pytest.fixture(scope="module")
def metrics() -> dict[str, Metric]:
    """Every metric of the service by the name it has in a query, histograms by all of theirs."""
    telemetry = Telemetry()
    workers = Workers(slots=1, queue_size=1, memory_bytes=1)
    telemetry.watch(workers, memory_limit_bytes=1)
    found: dict[str, Metric] = {}
    for family in text_string_to_metric_families(telemetry.page().decode()):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {family.name + suffix: family for suffix in suffixes}
    return found


@pytest.mark.parametrize("path", sorted(DOCKER.rglob("*.y*ml")), ids=lambda path: str(path.relative_to(DOCKER)))
def test_every_yaml_file_can_be_read(path: Path) -> None:
    """One document a file, and it is a mapping."""
    assert isinstance(load(path), dict)


def test_queries_name_metrics_that_exist(metrics: dict[str, Metric]) -> None:
    """A renamed metric would leave a dashboard empty and an alert silent."""
    for query in queries():
        names = set(re.findall(r"\b(?:text_eraser|process)_[a-z_]+|\bup\b", query))

        assert names, query
        assert names <= metrics.keys() | FROM_ELSEWHERE, query


def test_what_alerts_count_is_there_before_anything_happens(metrics: dict[str, Metric]) -> None:
    """A counter born with its first event has no rate over it: the first burst of refusals would raise no alert."""
    for rule in rules():
        for name, label, value in re.findall(r'(text_eraser_\w+_total)\{(\w+)="([^"]+)"', rule["expr"]):
            values = [sample.labels.get(label) for sample in metrics[name].samples if sample.value == 0]

            assert value in values, rule["alert"]


def test_queries_name_labels_that_exist() -> None:
    """Labels are checked against those that telemetry declares, and those that Prometheus adds to a target."""
    source = (ROOT / "service/telemetry.py").read_text(encoding="utf-8")
    declared = {
        node.value
        for part in ast.walk(ast.parse(source))
        if isinstance(part, ast.List)
        for node in part.elts
        if isinstance(node, ast.Constant)
    }
    for query in queries():
        used = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", query))
        for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query):
            used |= {label.strip() for label in group.split(",")}

        assert used <= declared | {"job", "instance", "le"}, query


def test_queries_name_refusals_that_exist() -> None:
    """`reason` is a problem's code."""

    def codes(kind: type[TextEraserError]) -> set[str]:
        return {kind.code}.union(*(codes(below) for below in kind.__subclasses__()))

    reasons = {reason for query in queries() for reason in re.findall(r'reason="([^"]+)"', query)}

    assert reasons
    assert reasons <= codes(TextEraserError)


def test_queries_name_routes_that_exist() -> None:
    """The image routes of the queries are the POST routes of the document; a chapter's minutes say nothing of delay."""
    document = json.loads((ROOT / "openapi/openapi.json").read_text(encoding="utf-8"))
    posts = {path.removeprefix("/v1/") for path, methods in document["paths"].items() if "post" in methods}
    named = {group for query in queries() for group in re.findall(r'route=~"/\(([^)]*)\)"', query)}

    assert {frozenset(group.split("|")) for group in named} == {frozenset(posts - {"batch"})}


def test_the_dashboard_shows_what_was_promised() -> None:
    """Requests by code, stages, queue, slots, refusals, mask share, memory; no panel twice."""
    expressions = " ".join(queries())
    for name in ("requests_total", "stage_seconds", "queue_depth", "inflight", "slots", "rejected", "mask_share"):
        assert f"text_eraser_{name}" in expressions
    assert "process_resident_memory_bytes" in expressions
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_dashboard_asks_the_provisioned_source() -> None:
    """Its data source is the one in the provisioning folder, by uid, and that one is the compose file's Prometheus."""
    source = load(DOCKER / "grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}

    assert used == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in load(DOCKER / "compose.yml")["services"]


def test_each_alert_has_a_chapter_in_the_runbook() -> None:
    """Whoever is woken finds what the alert means, by its name; no chapter is left of an alert that is gone."""
    chapters = re.findall(r"^## (TextEraser\w+)$", (DOCKER / "RUNBOOK.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(chapters) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docker/RUNBOOK.md#{rule['alert'].lower()}"


def test_settings_that_are_named_exist() -> None:
    """Every TEXT_ERASER_ name in the Dockerfile, in docker/ and in SECURITY.md is a setting."""
    settings = {f"TEXT_ERASER_{name.upper()}" for name in Settings.model_fields}
    files = [ROOT / "Dockerfile", ROOT / "SECURITY.md", *(path for path in DOCKER.rglob("*.*") if path.is_file())]
    for path in files:
        named = set(re.findall(r"TEXT_ERASER_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))

        assert named <= settings, path.name


def test_settings_that_are_given_are_in_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service would start with the values of the compose file and of the Deployment."""
    given = dict(service()["environment"])
    given |= {entry["name"]: entry["value"] for entry in container()["env"] if "value" in entry}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert Settings().log_level == "info"


def test_the_image_has_one_name_and_the_version_of_the_package() -> None:
    """Compose, Deployment and kustomization run what `make image` builds."""
    listed = load(KUBERNETES / "kustomization.yaml")["images"]
    tags = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in listed}

    assert service()["image"] == IMAGE
    assert container()["image"] == IMAGE
    assert tags == {"text-eraser": IMAGE}


def test_ports_agree() -> None:
    """The port of the settings is the one that is exposed, published, probed and scraped."""
    port = Settings.model_construct().port
    pod = load(KUBERNETES / "deployment.yaml")["spec"]["template"]

    assert instructions("EXPOSE") == [str(port)]
    assert [entry.rsplit(":", 1)[1] for entry in service()["ports"]] == [str(port)]
    assert container()["ports"] == [{"name": "http", "containerPort": port}]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port)
    assert load(KUBERNETES / "service.yaml")["spec"]["ports"][0]["targetPort"] == "http"
    assert load(KUBERNETES / "network.yaml")["spec"]["ingress"][0]["ports"][0]["port"] == port
    targets = load(DOCKER / "prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"text-eraser:{port}"]


def test_a_stop_leaves_time_for_what_was_admitted() -> None:
    """The grace of compose and Kubernetes is longer than the deadline and the last answers take."""
    pod = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]
    pre_stop_s = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])

    assert int(service()["stop_grace_period"].removesuffix("s")) > DEADLINE_S + GRACE_S
    assert pod["terminationGracePeriodSeconds"] > pre_stop_s + DEADLINE_S + GRACE_S


def test_the_image_runs_as_a_numeric_user() -> None:
    """`runAsNonRoot` can be decided by numbers only; the last USER is the one of the Deployment."""
    security = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]["securityContext"]

    assert instructions("USER")[-1] == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert security["runAsUser"] > 0
    assert security["runAsNonRoot"] is True


def test_the_image_is_checked_and_started_by_our_own_command() -> None:
    """HEALTHCHECK and ENTRYPOINT are exec forms, for signals and exit codes; the check loads little."""
    (entry,) = instructions("ENTRYPOINT")
    (health,) = instructions("HEALTHCHECK")

    assert json.loads(entry) == ["text-eraser", "serve", "--host", "0.0.0.0"]  # noqa: S104  inside a container
    assert json.loads(health.partition("CMD ")[2]) == ["python", "-m", "service.health"]


def test_the_dockerfile_needs_no_special_builder() -> None:
    """No frontend to pull, no heredoc, no linked copies: Docker, Podman and Buildah read it as it is."""
    assert "# syntax" not in DOCKERFILE
    assert "<<" not in DOCKERFILE
    assert "--link" not in DOCKERFILE
    assert "--mount" not in DOCKERFILE
    assert instructions("ARG")[0] == "PYTHON_IMAGE=docker.io/library/python:3.13-slim"
    assert all(source.startswith("${PYTHON_IMAGE}") for source in instructions("FROM"))


def test_everything_the_package_is_made_of_reaches_the_build() -> None:
    """.dockerignore leaves out all but what it names; it names each file and folder that pyproject.toml packs."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = {*wheel["packages"], *wheel["force-include"], *project["license-files"], project["readme"]}

    assert "*" in lines
    assert {f"!{path}" for path in needed | {"pyproject.toml"}} <= set(lines)
    assert not [line for line in lines if line.startswith("!.")]


def test_the_pod_may_do_nothing_but_compute() -> None:
    """Read-only root, no capability, no privilege to gain, the runtime's seccomp profile, no account, no links."""
    pod = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]

    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    # A Service of our name would set TEXT_ERASER_PORT=tcp://..., which is no port.
    assert pod["enableServiceLinks"] is False
    assert load(KUBERNETES / "network.yaml")["spec"]["egress"] == []


def test_the_compose_service_may_do_nothing_but_compute() -> None:
    """The same in Docker's words, with limits, and reachable from this machine only."""
    assert service()["read_only"] is True
    assert service()["cap_drop"] == ["ALL"]
    assert service()["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit"} <= service().keys()
    for part in load(DOCKER / "compose.yml")["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in part["ports"])


def test_selectors_meet_the_pods() -> None:
    """Service, budget and policy select by the label that the pods carry; the autoscaler names the Deployment."""
    deployment = load(KUBERNETES / "deployment.yaml")
    label = deployment["spec"]["template"]["metadata"]["labels"]

    assert deployment["spec"]["selector"]["matchLabels"] == label
    assert load(KUBERNETES / "service.yaml")["spec"]["selector"] == label
    assert load(KUBERNETES / "disruption.yaml")["spec"]["selector"]["matchLabels"] == label
    assert load(KUBERNETES / "network.yaml")["spec"]["podSelector"]["matchLabels"] == label
    assert load(KUBERNETES / "autoscaler.yaml")["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_every_manifest_is_in_the_kustomization() -> None:
    """A file that is not listed is not applied."""
    listed = set(load(KUBERNETES / "kustomization.yaml")["resources"])

    assert listed == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
