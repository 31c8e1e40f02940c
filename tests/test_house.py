"""What people expect beside the code: hooks, owners, updates, a dev container."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Clone
from tests.tools import needs

CONTAINER = ROOT / ".devcontainer"


def test_the_hooks_pass_on_all_files_and_change_none(clone: Clone) -> None:
    clone.run(needs("prek"), "run", "--all-files")
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_a_hook_refuses_what_it_must(clone: Clone) -> None:
    clone.edit("params.yaml", "  target:", "  targett:")
    clone.write("src/pipeline/extra.py", "import os\n")
    clone.run("git", "add", "-A")
    done = clone.run(needs("prek"), "run", "--all-files", check=False)
    failed = {line.partition("...")[0] for line in done.stdout.splitlines() if line.endswith("Failed")}
    assert failed == {"params.yaml fits its schema", "ruff check"}, done.stdout


def test_hooks_ask_the_network_for_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"builtin", "local"}


def test_dependabot_fits_its_schema_and_finds_what_it_watches() -> None:
    file = ROOT / ".github" / "dependabot.yml"
    command = [needs("check-jsonschema"), "--builtin-schema", "vendor.dependabot", str(file)]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    watched = {"github-actions": ".github/workflows/ci.yml", "npm": "package.json", "docker": "Dockerfile"}
    for update in yaml.safe_load(file.read_text(encoding="utf-8"))["updates"]:
        assert (ROOT / update["directory"].strip("/") / watched[update["package-ecosystem"]]).is_file()


def owned(path: str) -> bool:
    """Whether a file has a code owner: the last line of CODEOWNERS that fits it decides."""
    owners = False
    for line in (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines():
        pattern, *names = line.partition("#")[0].split() or [""]
        if pattern == "*" or f"/{path}" == pattern or (pattern.endswith("/") and f"/{path}".startswith(pattern)):
            owners = bool(names)
    return owners


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", ".dvc/config", "data/raw/x.dvc", "dvc.yaml", "params.yaml", "src/yaml.py"]
)
def test_what_decides_has_owners(path: str) -> None:
    assert owned(path)


@pytest.mark.parametrize("path", ["README.md", "docs/gate.md", "dvc.lock", "metrics/evaluate/metrics.json"])
def test_text_and_results_need_none(path: str) -> None:
    assert not owned(path) and (ROOT / path).exists()


# What the specification (containers.dev) allows of what is used here: names of its schema, and their types.
TEXT, COMMAND = {"type": "string"}, {"type": ["string", "array"]}
OF_CONTAINER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["build"],
    "properties": {
        "name": TEXT,
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["dockerfile"],
            "properties": {
                **dict.fromkeys(("dockerfile", "context", "target"), TEXT),
                "args": {"type": "object", "additionalProperties": TEXT},
            },
        },
        "features": {"type": "object"},
        "remoteUser": TEXT,
        "remoteEnv": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        **dict.fromkeys(("onCreateCommand", "postCreateCommand", "postStartCommand"), COMMAND),
        "customizations": {"type": "object"},
    },
}


@pytest.mark.parametrize(
    ("change", "fits"), [({}, True), ({"dockerFile": "Dockerfile"}, False), ({"remoteEnv": {"PATH": 1}}, False)]
)
def test_the_dev_container_fits_its_schema(tmp_path: Path, change: dict[str, object], fits: bool) -> None:
    content = json.loads((CONTAINER / "devcontainer.json").read_text(encoding="utf-8")) | change
    for name, text in (("schema.json", OF_CONTAINER), ("devcontainer.json", content)):
        (tmp_path / name).write_text(json.dumps(text))
    command = [needs("check-jsonschema"), "--schemafile", str(tmp_path / "schema.json")]
    done = subprocess.run([*command, str(tmp_path / "devcontainer.json")], capture_output=True, text=True)
    assert (done.returncode == 0) == fits, done.stdout


def test_the_dev_container_runs_the_pipeline_on_the_python_of_the_locks() -> None:
    content = json.loads((CONTAINER / "devcontainer.json").read_text(encoding="utf-8"))
    assert content["postCreateCommand"] == "make repro"
    dockerfile = (CONTAINER / content["build"]["dockerfile"]).read_text(encoding="utf-8")
    python = re.search(r"--python-version ([\d.]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert python and f"FROM python:{python[1]}-" in dockerfile
    assert f"USER {content['remoteUser']}\n" in dockerfile


@pytest.mark.parametrize("file", ["Makefile", "tests/test_house.py", "dvc.yaml"])
def test_editors_are_told_how_files_are_written(file: str) -> None:
    """The width of an indent that .editorconfig names is that of the files."""
    text = (ROOT / ".editorconfig").read_text(encoding="utf-8")
    indents = {"Makefile": ("[Makefile]\nindent_style = tab", "\t"), "dvc.yaml": ("indent_size = 2", "  ")}
    rule, indent = indents.get(file, ("[*.py]\nindent_size = 4", "    "))
    lines = Path(ROOT / file).read_text(encoding="utf-8").splitlines()
    assert rule in text and any(re.match(f"{indent}\\S", line) for line in lines)


@pytest.mark.parametrize(
    "page", ["CONTRIBUTING.md", ".github/pull_request_template.md", ".devcontainer/devcontainer.json"]
)
def test_what_people_are_asked_to_make_can_be_made(page: str) -> None:
    """`tests/e2e/test_readme.py` runs the commands of CONTRIBUTING.md; of make's, this: the Makefile has the target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = re.findall(r"(?:^|[`\"])make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert asked and set(asked) <= targets
