"""One other tool's comparison on many simulated pull requests: run by bench_beside.py in that tool's own environment.

`beside.py TOOL FILE` reads a JSON of cases, each a list of pull requests, and prints, for each case, p, low, high and
seconds of every pull request (null where the tool has none). The tools import nothing of this repository.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Judged = tuple["float | None", "float | None", "float | None"]  # p, low, high of head - base
BOOTSTRAPS = 1000  # of stambo, whose default is 5,000: its percentiles are then good to a tenth of their distance


def main() -> None:
    """Judge every pull request of the file with the tool."""
    tool, content = TOOLS[sys.argv[1]], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    found = {}
    for case, requests in content.items():
        found[case] = []
        for request in requests:
            started = time.perf_counter()
            judged = tool(request["base"], request["head"], request["groups"])
            found[case].append([*judged, time.perf_counter() - started])
    sys.stdout.write(json.dumps(found))


def stambo(base: list[float], head: list[float], groups: "list[int] | None") -> Judged:
    """A paired percentile bootstrap of the mean; of groups, if they are given."""
    import numpy as np
    from stambo import two_sample_test

    old, new = np.array(base), np.array(head)
    of = None if groups is None else np.array(groups)
    test = two_sample_test(old, new, {"mean": np.mean}, groups=of, n_bootstrap=BOOTSTRAPS, seed=0, silent=True)
    p, _, low, high = map(float, test["mean"][:4])
    return p, low, high


def statsmodels(base: list[float], head: list[float], groups: "list[int] | None") -> Judged:
    """McNemar's exact test of rows that are right or wrong, and a t interval of the mean difference."""
    import numpy as np
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.weightstats import DescrStatsW

    old, new = np.array(base), np.array(head)
    low, high = map(float, DescrStatsW(new - old).tconfint_mean())
    if set(np.unique(old)) | set(np.unique(new)) <= {0.0, 1.0}:
        table = [[sum((old == a) & (new == b)) for b in (1, 0)] for a in (1, 0)]
        return float(mcnemar(table, exact=True).pvalue), low, high
    return float(DescrStatsW(new - old).ttest_mean(0)[1]), low, high


def evalgate(base: list[float], head: list[float], groups: "list[int] | None") -> Judged:
    """evalgate-cli: McNemar's exact test of rows that are right or wrong; it has no interval of the difference."""
    from evalgate.stats import mcnemar_test

    if not set(base) | set(head) <= {0.0, 1.0}:
        return None, None, None
    lost, gained = (sum(a == x and b == 1 - x for a, b in zip(base, head, strict=True)) for x in (1.0, 0.0))
    return float(mcnemar_test(lost, gained).p_value), None, None


def nemo(base: list[float], head: list[float], groups: "list[int] | None") -> Judged:
    """The interval of NeMo Evaluator's gate (Student's, or clustered); its verdict is whether that excludes 0."""
    from nemo_evaluator.engine.gate import _paired_delta_ci

    deltas = [b - a for a, b in zip(base, head, strict=True)]
    low, high = _paired_delta_ci(deltas, clusters=None if groups is None else list(map(str, groups)))
    return None, low, high


TOOLS: dict[str, Callable[..., Judged]] = {
    "stambo": stambo,
    "statsmodels": statsmodels,
    "evalgate-cli": evalgate,
    "nemo-evaluator": nemo,
}

if __name__ == "__main__":
    main()
