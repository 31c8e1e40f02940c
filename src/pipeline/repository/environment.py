"""The environment variables of the commands that reviews and proofs run."""

import os
import sys
from pathlib import Path

# What Git tells its hooks (`git rev-parse --local-env-vars`): it would redirect every Git command run from there.
OF_GIT_HOOKS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_IMPLICIT_WORK_TREE",
)


def leave_git_hook() -> None:
    """Let Git look for the repository in the current folder, as it does outside a hook.

    Else a review that is run by a hook checks its other side out into the index of the commit that is being made.
    """
    for name in OF_GIT_HOOKS:
        os.environ.pop(name, None)


def of_dvc() -> dict[str, str]:
    """This environment with this Python first, without what an outer `dvc repro` set, and without a mirror."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "DVC_STAGE", "PYTHONPATH")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return kept | {"PATH": path, "WANDB_MODE": "disabled"}
