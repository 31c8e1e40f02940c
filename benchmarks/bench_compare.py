"""The statistics of `pipeline compare`: false alarms, coverage and power by simulation; time and memory for 1M x 10."""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from pipeline.comparison.align import pair
from pipeline.comparison.compare import compare
from pipeline.comparison.measures import measure
from pipeline.comparison.proportions import PairedProportions

SIMULATIONS = 2000
ALPHA = 0.05
SECONDARY = ("balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "brier", "top_2_accuracy")
ROWS, CLASSES = 1_000_000, 10


def main() -> None:
    """Print the tables of docs/statistics.md."""
    accuracy()
    other_metrics()
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


def other_metrics() -> None:
    """How often each metric's interval misses the true difference, for models of equal skill and of different skill."""
    random = np.random.default_rng(0)
    print(
        "\nother metrics as headline, 500 simulated pull requests: intervals that miss the true difference (<= 6.5 %)"
    )
    print(
        "  for models of equal skill that is a false alarm (<= 5 %); the true difference is the mean over all of them"
    )
    print("      n  classes  rarest  accuracy  skill  " + "  ".join(f"{name:>17}" for name in SECONDARY))
    for n in (200, 1000):
        for shares in ((0.5, 0.5), (0.95, 0.05), (0.99, 0.01), (0.25,) * 4, (0.6, 0.25, 0.1, 0.04, 0.01)):
            for base, head in ((1.5, 1.5), (1.5, 2.0), (3.5, 3.5), (3.5, 4.0)):
                right, missed = misses(random, n, shares, base, head)
                shown = "  ".join(f"{missed[name]:17.1%}" if name in missed else f"{'–':>17}" for name in SECONDARY)
                kind = "equal" if base == head else "other"
                print(f"{n:7,}  {len(shares):7}  {shares[-1]:6.0%}  {right:8.0%}  {kind:>5}  {shown}")


def misses(
    random: np.random.Generator, n: int, shares: tuple[float, ...], base: float, head: float
) -> tuple[float, dict[str, float]]:
    """The base's accuracy, and the share of 500 intervals, for each metric, that do not hold the mean difference."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    right = []
    for _ in range(500):
        truth = random.choice(len(shares), n, p=shares)
        pairs = pair(table(random, truth, len(shares), base), table(random, truth, len(shares), head))
        right.append(np.mean(pairs.base.prediction == pairs.truth))
        for name in SECONDARY:
            result = measure(name, pairs, 10)
            if not isinstance(result, str) and not isinstance(result.estimate, str):
                found.setdefault(name, []).append((*result.estimate.interval(ALPHA), result.head - result.base))
    columns = {name: np.array(rows).T for name, rows in found.items()}
    missed = {name: float(np.mean((d.mean() < low) | (d.mean() > high))) for name, (low, high, d) in columns.items()}
    return float(np.mean(right)), missed


def speed() -> None:
    """Seconds and peak memory of a process that compares 1,000,000 rows x 10 classes, against a naive bootstrap."""
    found = json.loads(subprocess.check_output([sys.executable, __file__, "big"], text=True))
    compared, values, naive = found["compare"], found["values"], 2000 * found["resample"]
    print(f"\n{ROWS:,} rows x {CLASSES} classes: all metrics, classes and flips")
    print(f"  compare                        {compared:8.2f} s (at most 10), {found['cpu']:.2f} s of CPU")
    print(f"  peak memory of its process     {found['memory']:8.2f} GB (at most 2), {found['tables']:.2f} GB before it")
    print(f"  scikit-learn, values alone     {values:8.2f} s, ratio {compared / values:.2f}")
    print(f"  scikit-learn, 2,000 resamples  {naive:8.0f} s (one of them x 2,000), ratio {compared / naive:.5f}")


def big() -> None:
    """The measurement of `speed`, in a process of its own so that its memory is its own."""
    from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, roc_auc_score

    random = np.random.default_rng(0)
    truth = random.integers(0, CLASSES, ROWS)
    base, head = table(random, truth, CLASSES, 3.0), table(random, truth, CLASSES, 3.01)
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
    big() if sys.argv[1:] == ["big"] else main()
