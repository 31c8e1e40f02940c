"""How long one row takes in both packages, measured side by side so that the machine's mood hits both alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.files import read_json
from pipeline.package.export import load_onnxruntime

WARM_UP, ROUNDS = 30, 300


@dataclass(frozen=True)
class Latency:
    """Median milliseconds for one row; None without a package. It differs every time, so no tracked file has it."""

    base: float | None
    head: float | None


def measure_latency(base: Path | None, head: Path | None) -> Latency:
    """Run single rows through model.onnx of both package folders in turn, `ROUNDS` times each."""
    calls = [_one_row(folder / "model.onnx") if folder else None for folder in (base, head)]
    spent: list[list[float]] = [[], []]
    for turn in range(WARM_UP + ROUNDS):
        for call, times in zip(calls, spent, strict=True):
            if call is None:
                continue
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                times.append(1000 * (time.perf_counter() - start))
    return Latency(*(median(times) if times else None for times in spent))


def _one_row(model: Path) -> Callable[[], object] | None:
    """A call that predicts one fixed row, or None where there is no model."""
    if not model.is_file():
        return None
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    example = model.with_name("input_example.json")
    given = read_json(example)["data"][0] if example.is_file() else []
    inputs = session.get_inputs()
    row = {one.name: _cells(one.type, one.shape[1:], cell) for one, cell in zip_longest(inputs, given)}
    return lambda: session.run(None, row)


def _cells(kind: str, width: list[int], cell: Any) -> npt.NDArray[Any]:
    """One row of what an input takes: text, the example's, since not every text is a date; or numbers."""
    if kind == "tensor(string)":
        return np.full((1, *width), cell or "", dtype=object)
    return np.random.default_rng(0).random((1, *width)).astype(np.float32 if kind == "tensor(float)" else np.float64)
