"""What Git and DVC hold: dvc.lock, revisions, worktrees, outputs, and the proof that a result can be reproduced."""
