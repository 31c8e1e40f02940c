"""DVCLive as this repository uses it: one folder per stage, deterministic files, and a follower that shows them."""

import os
import shutil
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import dvclive
from dvclive.error import InvalidDataTypeError
from dvclive.plots import PLOT_TYPES, Metric
from dvclive.plots.utils import NUMPY_SCALARS

from pipeline.repository import packages
from pipeline.tracking.follower import Follower


class _Series(Metric):  # type: ignore[misc]
    """DVCLive's series, but for making its path and folder once instead of twice for every value."""

    @cached_property
    def output_path(self) -> Path:
        return Path(Metric.output_path.fget(self))


class Live(dvclive.Live):  # type: ignore[misc]
    """DVCLive's own class with settings that suit a DVC stage; callbacks take it as `live=`.

    A follower process mirrors the files to W&B while they grow; see docs/tracking.md. Nothing here imports W&B,
    waits for it or fails because of it.
    """

    def __init__(self, dir: str | Path = "dvclive", **settings: Any) -> None:
        """Start recording into the folder `dir`, which is emptied first. `settings` go to `dvclive.Live`."""
        defaults = {"save_dvc_exp": False, "dvcyaml": None, "report": None, "monitor_system": False}
        super().__init__(dir=str(dir), **{**defaults, **settings})
        if packages.any_allowed() and (others := packages.differences()):
            self.summary[packages.RECORDED] = "; ".join(others)  # whoever reads the numbers sees what they are of
        self._follower = Follower.start(Path(self.dir))

    def log_metric(self, name: str, val: Any, timestamp: bool = False, plot: bool = True) -> None:
        """Record one value of a series, the same number in the series and in the summary.

        A NumPy scalar becomes Python's: float32 0.1 would be 0.1 in one file and 0.10000000149011612 in the other.
        """
        if not Metric.could_log(val):
            raise InvalidDataTypeError(name, type(val))
        if type(val).__module__ == "numpy" and type(val).__name__ in NUMPY_SCALARS:
            val = val.item()
        self._metrics.setdefault(name, _Series(name, self.plots_dir))
        super().log_metric(name, val, timestamp=timestamp, plot=plot)

    def post_data_to_studio(self) -> None:
        """Skip what is for DVC Studio alone where Studio is not set up: it reads all series again at every step."""
        if self._dvc_studio_config:
            super().post_data_to_studio()

    def end(self) -> None:
        """Write the summary and let the follower finish."""
        super().end()
        if not self._inside_with and self._follower:
            self._follower.ended()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the recording; an exception on its way out is how the run ended."""
        if error is not None and self._follower:
            self._follower.ended(error)
        super().__exit__(kind, error, traceback)

    def _init_cleanup(self) -> None:
        """Empty the folder, but for every dvc.yaml in it: with `dvcyaml=None` none of them is DVCLive's."""
        if self._dvcyaml:
            super()._init_cleanup()
            return
        for plot in PLOT_TYPES:
            shutil.rmtree(Path(self.plots_dir) / plot.subfolder, ignore_errors=True)
        for name in ("metrics.json", "params.yaml", "report.html", "report.md"):
            (Path(self.dir) / name).unlink(missing_ok=True)

    def _init_dvc(self) -> None:
        """Open the DVC repository only for what needs it: it costs a second, and would run `dvc init` elsewhere."""
        if self._save_dvc_exp or self._dvcyaml or studio_is_on():
            super()._init_dvc()
        else:
            self._dvc_file = self._init_dvc_file()


def studio_is_on() -> bool:
    """Whether the environment asks for DVC Studio."""
    return bool(os.environ.get("DVC_STUDIO_TOKEN") or os.environ.get("STUDIO_TOKEN"))
