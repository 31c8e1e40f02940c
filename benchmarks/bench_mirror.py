"""What the mirror costs a stage: its wall time without W&B, and with a follower to each kind of server.

The stage computes on one core for a few seconds and records 4 metrics at each of 200 steps. The bound is 3 % + 0.2 s.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
STAGE = """
import os, sys, time
import numpy as np
from pipeline.tracking import Live
a = np.random.default_rng(0).random((400, 400))
started = time.perf_counter()
with Live("records") as live:
    for step in range(200):
        for _ in range(12): a @ a
        for name in ("train/loss", "train/accuracy", "validation/loss", "validation/accuracy"):
            live.log_metric(name, 1 / (step + 1))
        live.next_step()
sys.stdout.write(str(time.perf_counter() - started))
"""


def stage(env: dict[str, str]) -> float:
    """Seconds between the start of the recording and its end, start and end of the follower included."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", STAGE],
            cwd=folder,
            env={**os.environ, **threads, **env},
            capture_output=True,
            text=True,
            check=True,
        )
        time.sleep(3)  # the follower finishes; it must not share the processors with the next stage
        return float(done.stdout)


def main() -> None:
    """Print times and the overhead, interleaved so that a busy moment hits all alike."""
    sys.path.insert(0, str(ROOT))
    from tests.tracking.wandb_server import Server

    with Server() as alive, Server() as hanging:
        hanging.fault = "hang"
        dead = {**alive.environment(), "WANDB_BASE_URL": "http://127.0.0.1:9"}
        cases = {
            "disabled": {"WANDB_MODE": "disabled"},
            "offline": {"WANDB_MODE": "offline"},
            "online (stand-in)": alive.environment(),
            "server refuses": dead,
            "server hangs": hanging.environment(),
        }
        times = {name: [] for name in cases}
        for _ in range(REPEATS):
            for name, env in cases.items():
                times[name].append(stage(env))
    base = statistics.median(times["disabled"])
    bound = 0.03 * base + 0.2
    print(f"stage without W&B: {base:.2f} s; a follower may cost {bound:.2f} s (3 % + 0.2 s); medians of {REPEATS}")
    for name, found in times.items():
        if name != "disabled":
            cost = statistics.median(found) - base
            print(
                f"{name:18} {statistics.median(found):6.2f} s  {cost:+.2f} s  {'within' if cost <= bound else 'ABOVE'}"
            )


if __name__ == "__main__":
    main()
