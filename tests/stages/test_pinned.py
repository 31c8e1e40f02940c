"""What a stage pins before numpy is imported, on x86 and where x86's names mean nothing."""

import json
import subprocess
import sys

import pytest

# As on another machine; every warning is an error, for numpy warns of names of CPU features that it does not know.
SCRIPT = """
import json, os, platform, sys
platform.machine = lambda: sys.argv[1]
import pipeline.stages, numpy
print(json.dumps({name: os.environ.get(name) for name in json.loads(sys.argv[2])}))
"""
X86 = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}


@pytest.mark.parametrize(
    ("machine", "pinned"),
    [("x86_64", X86 | THREADS), ("aarch64", dict.fromkeys(X86) | THREADS), ("arm64", dict.fromkeys(X86) | THREADS)],
)
def test_kernels_are_pinned_where_they_exist_and_threads_everywhere(
    machine: str, pinned: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in pinned:
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, machine, json.dumps(list(pinned))]
    assert json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) == pinned
