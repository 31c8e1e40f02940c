"""The same simulated pull requests judged by this repository, stambo, statsmodels, evalgate-cli and NeMo Evaluator.

Each tool runs in an environment of its own, made once below the user's cache folder; one that does not install is named
and left out. `evalgate` 0.3.0 (another project than evalgate-cli) only subtracts scores, and so has nothing to judge.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.simulated import Population, draw, pairs, population_values  # noqa: E402

from pipeline.comparison.measures import MEASURES, Measured, measure  # noqa: E402
from pipeline.metrics import values  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-benchmarks"
TOOLS = {  # what is installed for each, and the Python that it wants
    "stambo": (["stambo==0.1.6"], "3.11"),
    "statsmodels": (["statsmodels==0.15.0"], "3.11"),
    "evalgate-cli": (["evalgate-cli==0.2.0"], "3.11"),
    "nemo-evaluator": (["nemo-evaluator==0.3.0", "scipy"], "3.12"),
}
GAIN = 0.4  # standard deviations by which the better head is more skilled
CASES = {  # name: population, rows, metric
    "accuracy 86 %, 437 rows": (Population((0.5, 0.5), 1.5), 437, "accuracy"),
    "accuracy 99 %, 437 rows": (Population((0.5, 0.5), 3.5), 437, "accuracy"),
    "accuracy 86 %, 437 rows in 44 groups": (Population((0.5, 0.5), 1.5, True), 437, "accuracy"),
    "accuracy 86 %, 100 rows in 10 groups": (Population((0.5, 0.5), 1.5, True), 100, "accuracy"),
    "log loss, 1 % positives, 437 rows": (Population((0.99, 0.01), 2.5), 437, "log_loss"),
}
SIZES = (10_000, 100_000, 1_000_000)
Request = dict[str, object]
Judged = list["float | None"]  # p, low, high, seconds


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=100, help="pull requests of each case")
    number = parser.parse_args().repetitions
    requests, truths = drawn(number)
    sizes = {f"{rows:,} rows": [of_rows(rows)] for rows in SIZES}
    found = {"this repository": {case: [ours(each, case) for each in requests[case]] for case in requests}}
    found["this repository"] |= {case: [ours(each, case) for each in sizes[case]] for case in sizes}
    for tool in TOOLS:
        try:
            found[tool] = judged_by(tool, requests | sizes)
        except subprocess.CalledProcessError as error:
            print(f"{tool}: not installed or it failed: {(error.stderr or '').strip().splitlines()[-1:]}")
    print(f"{number} pull requests of each case without effect, and with a better head; ± two standard errors")
    for case in CASES:
        print(f"\n{case}\n  {'':16}  false alarms   interval misses the better head's gain   called different")
        for tool, judged in found.items():
            equal, better = judged[case][:number], judged[case][number:]
            missed = [not low <= truths[case] <= high for _, low, high, _ in better if low is not None]
            called = [[is_called(each) for each in of if each[:2] != [None, None]] for of in (equal, better)]
            shown = share(called[0]), share(missed), share(called[1])
            print(f"  {tool:16}  {shown[0]:>12}   {shown[1]:>38}   {shown[2]:>16}")
    print("\nseconds for a mean and its interval")
    for tool, judged in found.items():
        print(f"  {tool:16}  " + "  ".join(f"{case} {judged[case][0][3]:.2f} s" for case in sizes))


def drawn(number: int) -> tuple[dict[str, list[Request]], dict[str, float]]:
    """Pull requests by case, those without effect first, and what the better head gains in the population."""
    requests: dict[str, list[Request]] = {}
    truths = {}
    for case, (population, rows, name) in CASES.items():
        random = np.random.default_rng(0)
        truths[case] = population_values(population, GAIN).values[name] - population_values(population).values[name]
        requests[case] = []
        for gain in (0.0, GAIN):
            for _ in range(number):
                sample = draw(random, population, rows)
                sides = sample.model(random), sample.model(random, gain)
                costs = [
                    (side.argmax(axis=1) == sample.truth).astype(float)
                    if name == "accuracy"
                    else values.log_losses(sample.truth, side)
                    for side in sides
                ]
                requests[case].append(
                    {
                        "base": costs[0].tolist(),
                        "head": costs[1].tolist(),
                        "groups": None if sample.groups is None else sample.groups.tolist(),
                        "pairs": pairs(sample, *sides),
                    }
                )
    return requests, truths


def of_rows(rows: int) -> Request:
    """One pull request of so many rows."""
    random = np.random.default_rng(0)
    sample = draw(random, Population((0.5, 0.5), 1.5), rows)
    sides = sample.model(random), sample.model(random)
    right = [(side.argmax(axis=1) == sample.truth).astype(float).tolist() for side in sides]
    return {"base": right[0], "head": right[1], "groups": None, "pairs": pairs(sample, *sides)}


def ours(request: Request, case: str) -> Judged:
    """What this repository says."""
    started = time.perf_counter()
    name = CASES[case][2] if case in CASES else "accuracy"
    found = measure(name, request["pairs"], 10)
    assert name in MEASURES and isinstance(found, Measured)
    if isinstance(found.estimate, str):
        return [None, None, None, time.perf_counter() - started]
    low, high = found.estimate.interval(0.05)
    return [found.estimate.p, low, high, time.perf_counter() - started]


def judged_by(tool: str, requests: dict[str, list[Request]]) -> dict[str, list[Judged]]:
    """What a tool says, in its own environment.

    Raises:
        subprocess.CalledProcessError: it could not be installed, or failed.
    """
    plain = {case: [{k: v for k, v in each.items() if k != "pairs"} for each in of] for case, of in requests.items()}

    def run(*command: str) -> str:
        known = {**os.environ, "VIRTUAL_ENV": str(CACHE / tool)}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=known).stdout

    python = CACHE / tool / "bin" / "python"
    if not python.exists():
        wanted, version = TOOLS[tool]
        run("uv", "venv", "--quiet", "--python", version, str(CACHE / tool))
        run("uv", "pip", "install", "--quiet", *wanted)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plain, file)
        file.flush()
        return dict(json.loads(run(str(python), str(ROOT / "benchmarks" / "beside.py"), tool, file.name)))


def is_called(judged: Judged) -> bool:
    """Whether the tool calls the head different: by its p, or where it has none by its interval."""
    p, low, high, _ = judged
    if p is None:
        return low is not None and high is not None and (low > 0 or high < 0)
    return p < 0.05


def share(hits: list[bool]) -> str:
    """A share with two standard errors."""
    if not hits:
        return "–"
    found = sum(hits) / len(hits)
    return f"{100 * found:.1f} ± {200 * max(found * (1 - found) / len(hits), 1 / len(hits) ** 2) ** 0.5:.1f} %"


if __name__ == "__main__":
    main()
