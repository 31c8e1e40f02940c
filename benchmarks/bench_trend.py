"""`pipeline trend` over 200 commits, each with another model and 437 test rows: at most 10 s, page included."""

import contextlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMITS, ROWS, SECONDS = 200, 437, 10


def main() -> None:
    """Make the history up, time the command, and compare with half of it."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests.registry.made_up import make_history

    spent: dict[int, float] = {}
    for commits in (COMMITS // 2, COMMITS):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch, "repository")
            make_history(root, [range(place % 50, place % 50 + 12) for place in range(commits)], ROWS)
            began, used = time.perf_counter(), cpu()
            with contextlib.chdir(root):
                command = ["pipeline", "trend", "--html", "trend.html"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            spent[commits] = cpu() - used
        wall = time.perf_counter() - began
        print(f"{commits} commits, {ROWS} rows: {spent[commits]:.1f} s of CPU, {wall:.1f} s by the clock")
    print(f"twice the commits: {spent[COMMITS] / spent[COMMITS // 2]:.2f} times as long   (<= 2)")
    verdict = "as promised" if spent[COMMITS] <= SECONDS else "too slow"
    print(f"{COMMITS} commits in {spent[COMMITS]:.1f} s of CPU: {verdict}   (<= {SECONDS} s)")


def cpu() -> float:
    """Seconds of CPU that the commands have used so far: the steady figure where others are at work, too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
