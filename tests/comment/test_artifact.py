"""An artifact that CI did not write is refused with its reason, and costs little memory and time."""

import io
import json
import stat
import struct
import tracemalloc
import zipfile

import pytest

from pipeline.comment.artifact import MAX_ARCHIVE, MAX_ENTRIES, RefusedError, parse
from tests.workflows.github_server import BASE, HEAD, archive

RECORD = {"pull_request": 3, "head": HEAD, "base": BASE, "run_id": 507, "run_attempt": 1, "steps": {"repro": "success"}}


def record(**changes: object) -> str:
    return json.dumps(RECORD | changes)


def test_what_ci_writes_is_read() -> None:
    read = parse(
        archive(
            {
                "run.json": record(steps={"repro": "failure", "tests": "success"}),
                "report.md": "# Better",
                "report.html": b"\xff",
                "logs/repro.log": "x",
                "logs/tests.log": "y",
            }
        )
    )
    assert (read.pull_request, read.head, read.report, read.logs) == (3, HEAD, "# Better", {"repro": "x"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "other keys"),
        ("[]", "other keys"),
        ("{", "cannot be read"),
        ("[" * 10_000, "cannot be read"),
        (json.dumps({"pull_request": 3}), "other keys"),
        (json.dumps(RECORD | {"more": 1}), "other keys"),
        (record(pull_request="3"), "pull_request"),
        (record(pull_request=True), "pull_request"),
        (record(pull_request=0), "pull_request"),
        (record(pull_request=1.5), "pull_request"),
        (record(run_id=-1), "run_id"),
        (record(run_attempt=10**20), "run_attempt"),
        (record(head="main"), "head"),
        (record(head=HEAD + "\n"), "head"),
        (record(base="../../x"), "base"),
        (record(steps={"@user": "failure"}), "steps"),
        (record(steps={"repro": "<b>"}), "steps"),
        (record(steps={"repro": ["failure"]}), "steps"),
        (record(steps=[]), "steps"),
        (json.dumps(RECORD | {"base": "x" * 30_000}), "larger"),
    ],
)
def test_a_record_of_another_form_is_refused(text: str | None, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        parse(archive({"report.md": "x"} | ({} if text is None else {"run.json": text})))


@pytest.mark.parametrize(
    "name",
    ["../run.json", "/etc/passwd", "logs/../../x", "logs//x", "./report.md", "C:/x", "a\\b", "logs/..", "..", "//x/"],
)
def test_a_path_that_leads_outside_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="leads outside"):
        parse(archive({"run.json": record(), name: "x"}))


def test_links_and_names_given_twice_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        link = zipfile.ZipInfo("report.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr("run.json", record())
        packed.writestr(link, "/proc/self/environ")
    with pytest.raises(RefusedError, match="link"):
        parse(buffer.getvalue())
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = io.BytesIO()
        with zipfile.ZipFile(twice, "w") as packed:
            packed.writestr("run.json", record())
            packed.writestr("run.json", record(pull_request=4))
    with pytest.raises(RefusedError, match="twice"):
        parse(twice.getvalue())


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = archive({"run.json": record(), "report.md": b"\0" * 80_000_000, "other.bin": b"\0" * 20_000_000})
    assert len(bomb) < 1_000_000
    # the same with a header that says the file is small
    at = bomb.rindex(b"report.md") - 46
    lying = bytearray(bomb)
    struct.pack_into("<I", lying, at + 24, 10)
    tracemalloc.start()
    for crafted in (bomb, bytes(lying)):
        with pytest.raises(RefusedError, match=r"larger|cannot be read"):
            parse(crafted)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_too_many_files_too_large_a_file_and_no_zip_file_are_refused() -> None:
    with pytest.raises(RefusedError, match="files"):
        parse(archive({f"{i}": "" for i in range(MAX_ENTRIES + 1)}))
    with pytest.raises(RefusedError, match="larger"):
        parse(b"x" * (MAX_ARCHIVE + 1))
    for content in (b"", b"PK\x05\x06", b"x" * 100, archive({"run.json": record()})[:-30]):
        with pytest.raises(RefusedError, match="cannot be read"):
            parse(content)


def test_other_compressions_and_encryption_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("run.json", record())
    with pytest.raises(RefusedError, match="unknown way"):
        parse(buffer.getvalue())
    locked = bytearray(archive({"run.json": record()}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    with pytest.raises(RefusedError, match="cannot be read"):
        parse(bytes(locked))


def test_damaged_files_are_refused_at_any_byte() -> None:
    good = archive({"run.json": record(), "report.md": "# Better " * 20})
    for position in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[position] ^= 0x55
        try:
            read = parse(bytes(damaged))
        except RefusedError:
            continue
        assert read.pull_request == 3
