"""The pipeline's time: dvc repro from nothing, unchanged and with one parameter changed; five processes against one."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("load", "prepare", "train", "evaluate", "package")
ONE_PROCESS = "import importlib\n" + "".join(
    f"importlib.import_module('pipeline.stages.{stage}').main()\n" for stage in STAGES
)
# The stages tune Python's garbage collector for a short life; a plain script does not.
PLAIN_PROCESS = (
    "import atexit, gc, pipeline.stages\ngc.set_threshold(700, 10, 10)\natexit.unregister(gc.freeze)\n" + ONE_PROCESS
)


def timed(folder: Path, *command: str) -> float:
    """Seconds that a command takes in `folder`, without a mirror."""
    started = time.perf_counter()
    environment = os.environ | {"WANDB_MODE": "disabled", "PYTHONPATH": "src"}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


def best(measure, repeats: int = 3) -> float:
    """The smallest of a few measurements: the one least disturbed."""
    return min(measure() for _ in range(repeats))


def main() -> None:
    """Measure in a throw-away clone and print seconds and ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        repro = timed(folder, "dvc", "repro")
        forced = best(lambda: timed(folder, "dvc", "repro", "--force"), 2)
        unchanged = best(lambda: timed(folder, "dvc", "repro"))
        params = folder / "params.yaml"
        text = params.read_text(encoding="utf-8")
        params.write_text(text.replace("learning_rate_init: 0.003", "learning_rate_init: 0.004"), encoding="utf-8")
        changed = timed(folder, "dvc", "repro")
        params.write_text(text, encoding="utf-8")

        commands = {stage: ("-m", f"pipeline.stages.{stage}") for stage in STAGES}
        commands |= {"plain": ("-c", PLAIN_PROCESS), "tuned": ("-c", ONE_PROCESS)}
        # In turn, so that a busy minute of the machine does not fall on one side of the ratio.
        rounds = [
            {name: timed(folder, sys.executable, *command) for name, command in commands.items()} for _ in range(5)
        ]
        each = {name: min(seconds[name] for seconds in rounds) for name in commands}
        plain, tuned = each.pop("plain"), each.pop("tuned")

    print(f"dvc repro, nothing there      {repro:6.2f} s")
    print(f"dvc repro --force             {forced:6.2f} s")
    print(f"dvc repro, nothing changed    {unchanged:6.2f} s")
    print(f"dvc repro, one parameter      {changed:6.2f} s")
    for stage, seconds in each.items():
        print(f"  {stage:<10} alone           {seconds:6.2f} s")
    print(f"five stages, one after another      {sum(each.values()):5.2f} s")
    print(f"the same work in one Python process {plain:5.2f} s  ratio {sum(each.values()) / plain:.2f} (at most 2)")
    print(f"the same, collector tuned as theirs {tuned:5.2f} s  ratio {sum(each.values()) / tuned:.2f}")


if __name__ == "__main__":
    main()
