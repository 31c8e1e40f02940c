"""What a stranger's DVC files may not do is refused before anything is pulled; and the reader is never of two minds."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML, YAMLError

from pipeline.repository import simple_yaml, trust
from tests.conftest import ROOT, small_repository

MD5 = "a" * 32
OUT = "outs:\n- md5: {md5}\n  size: 3\n  hash: md5\n  path: {path}\n"
IMPORT = "frozen: true\ndeps:\n- path: data.csv\n  repo:\n    url: {url}\n    rev_lock: {md5}\n" + OUT
GIT, HTTPS = "https://example.com/team/data.git", "https://example.com/tables/x.csv"


def out(path: str, before: str = "") -> str:
    return before + OUT.format(md5=MD5, path=path)


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A tree as CI checks it out, with code and the base's settings."""
    folder = tmp_path / "head"
    for name, text in {".dvc/config": "[core]\n", "src/pipeline/x.py": "", "params.yaml": "data:\n  path: x\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "data/raw").mkdir(parents=True)
    return folder


def check(head: Path, config: bytes = b"[core]\n") -> list[str]:
    return list(trust.problems(head, config))


FINE = {
    "data/raw/x.csv.dvc": out("x.csv"),
    "data/raw/große Tabelle.csv.dvc": out("große Tabelle.csv"),
    "data/raw/folder.dvc": out("folder"),
    "x.csv.dvc": out("x.csv"),
    "data/x.dvc": IMPORT.format(url=GIT, md5=MD5, path="x"),
    "dvc.yaml": (ROOT / "dvc.yaml").read_text(encoding="utf-8"),
    "dvc.lock": (ROOT / "dvc.lock").read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("name", FINE)
def test_what_dvc_writes_is_fine(head: Path, name: str) -> None:
    (head / name).write_text(FINE[name], encoding="utf-8")
    assert check(head) == []


REFUSED = {
    "above": ("data/raw/x.dvc", out("../../src/sitecustomize.py")),
    "above, quoted": ("data/raw/x.dvc", out('"../../src/sitecustomize.py"')),
    "above, escaped": ("data/raw/x.dvc", out(r'"\x2e./../src/sitecustomize.py"')),
    "above, in the middle": ("data/raw/x.dvc", out("a/../../../src/x")),
    "absolute": ("data/raw/x.dvc", out("/etc/x")),
    "home": ("data/raw/x.dvc", out("~/x")),
    "address": ("data/raw/x.dvc", out("s3://bucket/x")),
    "backslash": ("data/raw/x.dvc", out("..\\x")),
    "wdir": ("data/raw/x.dvc", out("sitecustomize.py", "wdir: ../../src\n")),
    "a module beside the data": ("data/raw/x.dvc", out("x.py")),
    "in a folder of code": ("src/pipeline/x.dvc", out("x")),
    "in src": ("src/x.dvc", out("numpy")),
    "a module at the top": ("numpy.dvc", out("numpy")),
    "hidden": ("data/raw/x.dvc", out(".git/hooks/post-checkout")),
    "environment": (".venv/x.dvc", out("lib/x")),
    "a file of a folder": (
        "data/raw/x.dvc", "outs:\n- path: folder\n  files:\n  - relpath: ../../../src/x\n    md5: " + MD5 + "\n"
    ),
    "command": ("data/raw/x.dvc", out("x", "cmd: touch x\n")),
    "anchor": ("data/raw/x.dvc", "a: &a ../x\n" + out("*a")),
    "tag": ("data/raw/x.dvc", out("!!str x")),
    "two documents": ("data/raw/x.dvc", out("x") + "---\n" + out("../y")),
    "key twice": ("data/raw/x.dvc", out("x") + "outs:\n- path: ../y\n"),
    "text of two lines": ("data/raw/x.dvc", "outs:\n- path: x\n    ../y\n"),
    "another line end": ("data/raw/x.dvc", "outs:\n- path: x #\u2028  ../y\n"),
    "config of an import": ("data/raw/x.dvc", IMPORT.format(url=GIT, md5=MD5, path="x").replace(
        "    rev_lock", "    config: ../c\n    rev_lock")),
    "upper case": ("data/raw/X.DVC", out("../../src/x")),
    "a stage's output": ("dvc.yaml", "stages:\n  a:\n    cmd: x\n    outs: [../x]\n"),
    "a stage's metrics": ("dvc.yaml", "stages:\n  a:\n    metrics:\n    - src/pipeline/x.py: {cache: false}\n"),
    "a stage's folder": ("dvc.yaml", "stages:\n  a:\n    cmd: x\n    wdir: ..\n    outs: [x]\n"),
    "a computed output": ("dvc.yaml", "stages:\n  a:\n    cmd: x\n    outs: ['${a}']\n"),
    "another dvc.yaml": ("data/dvc.yaml", "stages:\n  a:\n    cmd: x\n    outs: [../src/x]\n"),
    "dvc.lock": ("dvc.lock", "stages:\n  a:\n    outs:\n    - path: a\n      files:\n      - relpath: ../x\n"),
    "dvc.lock, escaped": ("dvc.lock", 'stages:\n  a:\n    outs:\n    - files:\n      - "rel\\x70ath": x\n'),
    "settings of one clone": (".dvc/config.local", "[core]\n"),
    "another repository": ("data/.dvc/config", ""),
    "remote": (".dvc/config", "['remote \"default\"']\n    url = https://evil.example\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_reaches_out_is_refused(head: Path, case: str) -> None:
    name, text = REFUSED[case]
    (head / name).parent.mkdir(parents=True, exist_ok=True)
    (head / name).write_text(text, encoding="utf-8")
    found = check(head)
    assert found and any(name in problem or problem.startswith(str(Path(name).parent)) for problem in found)


@pytest.mark.parametrize("link", ["data/raw/link", ".dvc/config", "data/raw/y.dvc", "data/raw/x", "data/raw/x/deep/y"])
def test_symbolic_links_are_no_way_out(head: Path, link: str) -> None:
    (head / link).unlink(missing_ok=True)
    (head / link).parent.mkdir(parents=True, exist_ok=True)
    (head / link).symlink_to(head / "src")
    path = {"data/raw/link": "link/x"}.get(link, "x")
    (head / "data/raw/x.dvc").write_text(out(path))
    assert check(head)


def test_outputs_that_are_links_into_the_cache_are_dvcs_own(head: Path) -> None:
    """`cache.type symlink`; elsewhere than in a user's clone such a link is a stranger's."""
    (head / ".dvc/cache").mkdir()
    (head / ".dvc/cache/a").touch()
    (head / "data/raw/x").symlink_to(head / ".dvc/cache/a")
    (head / "data/raw/x.dvc").write_text(out("x"))
    assert list(trust.problems(head, cache=head / ".dvc/cache")) == []
    assert len(list(trust.problems(head))) == 1


@pytest.mark.parametrize(
    ("sources", "refused"),
    [([], 2), ([GIT], 1), (["https://example.com/tables"], 1), ([GIT, HTTPS], 0), (["https://example.com/tab"], 2)],
)
def test_an_import_needs_a_named_source(head: Path, sources: list[str], refused: int) -> None:
    (head / "data/raw/a.dvc").write_text(IMPORT.format(url=GIT, md5=MD5, path="a"))
    (head / "data/raw/b.dvc").write_text(f"deps:\n- path: {HTTPS}\n" + out("b"))
    (head / "data/raw/c.dvc").write_text(out("c"))
    assert check(head) == []
    assert len(list(trust.unnamed(head, sources))) == refused


def test_the_pull_request_that_brings_code_is_stopped_before_the_pull(tmp_path: Path) -> None:
    """The attack itself: what `dvc pull` would write, and that the base's check, without any package, says no."""
    source = small_repository(tmp_path / "source", {"x.py": "raise SystemExit('run')\n"})
    head = small_repository(tmp_path / "head", {"src/empty": "", "data/raw/empty": ""})
    (tmp_path / "base/.dvc").mkdir(parents=True)
    shutil.copy(head.path / ".dvc/config", tmp_path / "base/.dvc")
    (tmp_path / "base/params.yaml").write_text(f"data:\n  sources: [{source.path}]\n")
    head.run("dvc", "import", "-q", str(source.path), "x.py", "-o", "data/raw/x.py")
    made = (head.path / "data/raw/x.py.dvc").read_text()
    (head.path / "data/raw/x.py.dvc").unlink()
    deps, outs = made.split("outs:\n")
    head.write("data/raw/x.dvc", f"{deps}outs:\n" + outs.replace("path: x.py", "path: ../../src/sitecustomize.py"))
    command = [sys.executable, "-I", "-S", "-c", "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
               "runpy.run_module('pipeline.repository.trust', run_name='__main__')", str(ROOT / "src"), str(head.path),
               "--base", str(tmp_path / "base")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "data/raw/x.dvc: ../../src/sitecustomize.py: not a plain path" in done.stderr
    head.run("dvc", "pull", check=False)
    assert (head.path / "src/sitecustomize.py").exists()  # so it was needed
    (head.path / "data/raw/x.dvc").unlink()
    for made_by_dvc in ("cache", "tmp"):  # not there in a fresh checkout
        shutil.rmtree(head.path / ".dvc" / made_by_dvc, ignore_errors=True)
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_what_a_restored_cache_holds_under_a_wrong_name_is_dropped(tmp_path: Path) -> None:
    objects, runs = tmp_path / "cache/files/md5", tmp_path / "cache/runs/a"
    runs.mkdir(parents=True)
    lists = {place: b'[{"md5": "%s", "relpath": "%s"}]' % (MD5.encode(), place) for place in (b"x", b"../x", b"/x")}
    right = {b"right": "", lists[b"x"]: ".dir"}
    wrong = {lists[b"../x"]: ".dir", lists[b"/x"]: ".dir"}
    kept = []
    for content, suffix in [*right.items(), *wrong.items()]:
        md5 = hashlib.md5(content).hexdigest()
        (objects / md5[:2]).mkdir(parents=True, exist_ok=True)
        (objects / md5[:2] / (md5[2:] + suffix)).write_bytes(content)
        kept += [objects / md5[:2] / (md5[2:] + suffix)] if content in right else []
    (objects / "aa").mkdir(exist_ok=True)
    (objects / "aa" / MD5[2:]).write_bytes(b"poison")
    (objects / "aa" / ("b" * 30)).symlink_to(kept[0])
    (objects / "sitecustomize.py").write_text("")
    subprocess.run([sys.executable, "-P", "-m", "pipeline.repository.rehash", str(objects)], check=True)
    assert sorted(path for path in objects.rglob("*") if not path.is_dir()) == sorted(kept)
    assert not runs.parent.exists()


PIECES = [*"a.:,[]{}'\"#&*|>-?%@!\\1~$ü \n", "..", "b-c", "x/y", "null", "<<", "  ", "\n  ", "\n- ", ": ", " #", "- "]


def text_of(node: object) -> object:
    if isinstance(node, dict):
        return {key: text_of(value) for key, value in node.items()}
    return [text_of(value) for value in node] if isinstance(node, list) else node


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_what_is_read_is_read_as_dvc_reads_it(text: str) -> None:
    """Or refused: over any text made of YAML's pieces."""
    for candidate in (text, f"outs:\n- path: {text}\n", f"outs: [{text}]\n", f"a:\n  b: {text}\nc: d\n"):
        try:
            found = simple_yaml.read(candidate)
        except simple_yaml.UnclearError:
            continue
        reader = YAML(typ="base", pure=True)
        try:
            expected = reader.load(candidate)
        except YAMLError:  # DVC refuses it, too
            continue
        assert text_of(found) in (expected, _blank(expected)), candidate


def _blank(node: object) -> object:
    """YAML's base reader has empty text for nothing."""
    if isinstance(node, dict):
        return {key: _blank(value) for key, value in node.items()}
    return [_blank(value) for value in node] if isinstance(node, list) else node or None
