"""What a folder's list may name: plain places below the folder, and MD5s."""

import json

import pytest

from pipeline.repository.listing import leads_out

MD5 = "a" * 32


@pytest.mark.parametrize("place", ["a", "a/b.csv", "große Tabelle.csv", "..a", "a..", ".hidden", "a b/c'd", "x.dvc"])
def test_what_dvc_lists_is_fine(place: str) -> None:
    assert leads_out(json.dumps([{"md5": MD5, "relpath": place}]).encode()) is None


@pytest.mark.parametrize(
    "place",
    ["../x", "a/../../x", "..", "/etc/x", "a//b", "", ".", "a/./b", "a\\..\\x", "a\0", ".git/x", "a/.GIT/x", None, 3],
)
def test_a_place_outside_is_named(place: object) -> None:
    assert leads_out(json.dumps([{"md5": MD5, "relpath": "a"}, {"md5": MD5, "relpath": place}]).encode()) == str(place)


@pytest.mark.parametrize("md5", ["../../x", MD5 + "/..", "A" * 32, "", None, MD5 + ".dir"])
def test_an_md5_that_is_none_is_named(md5: object) -> None:
    assert leads_out(json.dumps([{"md5": md5, "relpath": "a"}]).encode()) == str(md5)


def test_an_escape_hides_nothing() -> None:
    assert leads_out(b'[{"md5": "%s", "relpath": "\\u002e\\u002e/x"}]' % MD5.encode()) == "../x"
    assert leads_out(b'[{"md5": "%s", "relpath": "a", "relpath": "../x"}]' % MD5.encode()) == "../x"


@pytest.mark.parametrize("content", [b"", b"{}", b"no list", b"[" * 100_000, b"\xff"])
def test_what_is_no_list_leads_nowhere(content: bytes) -> None:
    """DVC takes it for no list, too; and for `rehash` its hash tells."""
    assert leads_out(content) is None
