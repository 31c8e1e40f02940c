"""Accuracy's false alarms, coverage and power by simulation; time and memory of comparing 1M rows x 10 classes."""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from pipeline.comparison.compare import compare
from pipeline.comparison.proportions import PairedProportions

SIMULATIONS = 2000
ALPHA = 0.05
ROWS, CLASSES, GROUPS = 1_000_000, 10, 10_000


def main() -> None:
    """Print the tables of docs/statistics.md."""
    accuracy()
    speed()


def accuracy() -> None:
    """Pairs of models whose errors are independent (shared 0), or in part the same."""
    print(f"accuracy, {SIMULATIONS:,} simulated pull requests for each number")
    print("  'no change': both models have the accuracy; 'a loss': head has less, by the stated smallest detectable")
    print("                                 no change              a loss")
    print(
        "      n  accuracy  shared   false alarms  coverage   stated  detected  coverage   (<= 5 %, >= 93.5 %, 80 ± 5)"
    )
    random = np.random.default_rng(0)
    for n in (200, 1000, 10_000):
        for skill in (0.7, 0.95, 0.99):
            for shared in (0.0, 0.7):
                alarms, covered, stated = simulate(random, n, skill, 0.0, shared)
                detected, covered_loss, _ = simulate(random, n, skill, stated, shared)
                print(
                    f"{n:7,}  {skill:8.0%}  {shared:6.0%}   {alarms:12.1%}  {covered:8.1%}"
                    f"  {stated:7.4f}  {detected:8.1%}  {covered_loss:8.1%}"
                )


def simulate(
    random: np.random.Generator, n: int, skill: float, loss: float, shared: float
) -> tuple[float, float, float]:
    """How often the verdict is better or worse, how often the interval holds the truth, the mean stated smallest
    detectable change. Head copies the base's result on a share of the rows, then loses right rows at random.
    """
    both, discordant = shared * skill + (1 - shared) * skill**2, (1 - shared) * skill * (1 - skill)
    kept = 1 - loss / skill
    shares = [both * kept, discordant + both * (1 - kept), discordant * kept]
    found = []
    for right, lost, gained, _ in random.multinomial(n, [*shares, 1 - sum(shares)], size=SIMULATIONS).tolist():
        result = PairedProportions(n, right, lost, gained)
        low, high = result.interval(ALPHA)
        found.append((low > 0 or high < 0, low <= -loss <= high, result.detectable(ALPHA)))
    alarms, covered, stated = np.mean(found, axis=0)
    return float(alarms), float(covered), float(stated)


def speed() -> None:
    """Seconds and peak memory of processes that compare 1,000,000 rows x 10 classes, against a naive bootstrap."""
    for groups in (0, GROUPS):
        found = json.loads(subprocess.check_output([sys.executable, __file__, "big", str(groups)], text=True))
        compared, values, naive = found["compare"], found["values"], 2000 * found["resample"]
        grouped = f" in {groups:,} groups" if groups else ""
        print(f"\n{ROWS:,} rows x {CLASSES} classes{grouped}: all metrics, classes and flips")
        print(f"  compare                        {compared:8.2f} s (at most 10), {found['cpu']:.2f} s of CPU")
        print(f"  peak memory of its process     {found['memory']:8.2f} GB (at most 2), {found['tables']:.2f} before")
        print(f"  scikit-learn, values alone     {values:8.2f} s, ratio {compared / values:.2f}")
        print(f"  scikit-learn, 2,000 resamples  {naive:8.0f} s (one of them x 2,000), ratio {compared / naive:.5f}")


def big(groups: int) -> None:
    """The measurement of `speed`, in a process of its own so that its memory is its own; 0 groups: rows alone."""
    from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, roc_auc_score

    random = np.random.default_rng(0)
    truth = random.integers(0, CLASSES, ROWS)
    base, head = table(random, truth, CLASSES, 3.0), table(random, truth, CLASSES, 3.01)
    if groups:
        head["group"] = base["group"] = random.integers(0, groups, ROWS)
    before = peak()
    started, of_cpu = time.perf_counter(), time.process_time()
    compare(base, head)
    compared, cpu = time.perf_counter() - started, time.process_time() - of_cpu
    memory = peak()
    sides = [(side["prediction"].to_numpy(), side.filter(like="proba_").to_numpy()) for side in (base, head)]

    def score(truth: np.ndarray, prediction: np.ndarray, probabilities: np.ndarray) -> None:
        np.mean(truth == prediction), balanced_accuracy_score(truth, prediction)
        f1_score(truth, prediction, average="macro"), log_loss(truth, probabilities)
        roc_auc_score(truth, probabilities, multi_class="ovr")

    started = time.perf_counter()
    for prediction, probabilities in sides:
        score(truth, prediction, probabilities)
    values = time.perf_counter() - started
    started = time.perf_counter()
    rows = random.integers(0, ROWS, ROWS)
    for prediction, probabilities in sides:
        score(truth[rows], prediction[rows], probabilities[rows])
    resample = time.perf_counter() - started
    found = {"compare": compared, "cpu": cpu, "memory": memory, "tables": before, "values": values}
    print(json.dumps(found | {"resample": resample}))


def peak() -> float:
    """Peak memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def table(random: np.random.Generator, truth: np.ndarray, classes: int, skill: float) -> pd.DataFrame:
    """Predictions of a model whose logits favour the truth by `skill`, with noise of its own."""
    logits = random.normal(size=(len(truth), classes))
    logits[np.arange(len(truth)), truth] += skill
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    columns = {f"proba_{label}": probabilities[:, label] for label in range(classes)}
    keys = np.char.add("row", np.arange(len(truth)).astype(str)).tolist()
    return pd.DataFrame({"key": keys, "truth": truth, "prediction": probabilities.argmax(axis=1), **columns})


if __name__ == "__main__":
    big(int(sys.argv[2])) if sys.argv[1:2] == ["big"] else main()
