"""Steps of Live beside plain DVCLive: time for n steps of 4 metrics, and how it grows.

Plain DVCLive's time grows with the square of the steps (it reads all series again at every step, for a service that is
not set up): it is measured at 1,000 and 3,000 steps only; 10,000 would take minutes.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["WANDB_MODE"] = "disabled"
METRICS = ("train/loss", "train/accuracy", "validation/loss", "validation/accuracy")


def seconds(kind: Any, steps: int, **settings: Any) -> float:
    """Wall time of `steps` steps."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with kind("records", **settings) as live:
            started = time.perf_counter()
            for step in range(steps):
                for name in METRICS:
                    live.log_metric(name, 1 / (step + 1))
                live.next_step()
            taken = time.perf_counter() - started
        os.chdir(Path(__file__).parent)
    return taken


def main() -> None:
    """Print times and ratios."""
    import dvclive

    from pipeline.tracking import Live

    plain = {"save_dvc_exp": False, "dvcyaml": None, "report": None, "monitor_system": False}
    ours = {steps: seconds(Live, steps) for steps in (1_000, 3_000, 10_000)}
    theirs = {steps: seconds(dvclive.Live, steps, **plain) for steps in (1_000, 3_000)}
    print("steps x 4 metrics       Live   plain DVCLive   ratio")
    for steps, taken in ours.items():
        beside = f"{theirs[steps]:11.2f} s   {taken / theirs[steps]:7.3f}" if steps in theirs else "not measured"
        print(f"{steps:17,} {taken:8.2f} s   {beside}")
    growth = ours[10_000] / ours[1_000]
    print(
        f"10 x the steps take {growth:.1f} x the time (10 is linear); 3 x take plain DVCLive "
        f"{theirs[3_000] / theirs[1_000]:.1f} x (9 is quadratic)"
    )
    print(f"10,000 steps in {ours[10_000]:.1f} s; the bound is 12 s")


if __name__ == "__main__":
    main()
