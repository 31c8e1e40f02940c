"""Projects one recording to one W&B run. The only module that drives W&B's client; it never runs inside a training."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from wandb.plot.custom_chart import CustomChart
from wandb.sdk import wandb_setup
from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry
from wandb.sdk.lib.hashutil import hex_to_b64_id

from pipeline.errors import ResourceError
from pipeline.params import Tracking
from pipeline.tracking import charts, records, server, settings, uploads
from pipeline.tracking.lineage import Data
from pipeline.tracking.recording import Bundle, Recording, destination
from pipeline.tracking.settings import Mode

INIT_TIMEOUT, FINISH_TIMEOUT, ARTIFACT_TIMEOUT = 15, 40, 20  # seconds
ROOM = 8 << 20  # bytes that must be free: W&B's client does not notice a full disk

# What W&B's client would collect about the machine and the process that mirrors: nothing about the training.
COLLECT_NOTHING: dict[str, Any] = {
    "console": "off",
    "silent": True,
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "program": "pipeline mirror",
}
# Seconds. W&B's client takes an interval below 1 for none given, and that is 15.
SOON: dict[str, Any] = {"x_transaction_log_flush_interval": 1.0, "x_file_stream_transmit_interval": 1.0}
BOUNDED: dict[str, Any] = {
    "init_timeout": INIT_TIMEOUT,
    "finish_timeout": FINISH_TIMEOUT,
    "finish_timeout_raises": True,
}


# Variables that mean one run; a pipeline has several.
ONE_RUN = ("WANDB_RUN_ID", "WANDB_RESUME", "WANDB_NAME", "WANDB_SWEEP_ID")
NAMED = 3  # missing things that a note names
TABULAR = (wandb.Table, CustomChart)


class WandbRun:
    """A W&B run while it is being written."""

    def __init__(self, recording: Recording, root: Path, mode: Mode, tracking: Tracking) -> None:
        """Begin, or begin again, the run of a recording; the same id replaces what was sent before.

        Raises:
            ResourceError: the server, the key, the disk or the folder is not fit for it.
        """
        self._root = root
        self._online = mode == "online"
        self._upload = tracking.upload
        self._rows = 0
        self.partial = False  # whether sending it again may bring what is missing
        self._missing: list[str] = []
        self._folder = writable(Path(os.environ.get("WANDB_DIR") or root))
        for variable in [name for name in os.environ if name.startswith("WANDB_")]:
            if variable in ONE_RUN or not os.environ[variable]:  # CI sets what it does not know to nothing
                del os.environ[variable]
        os.environ.setdefault("WANDB_DATA_DIR", str(self._folder / "wandb"))
        os.environ.setdefault("WANDB_CACHE_DIR", str(self._folder / "wandb" / "cache"))
        if self._online:
            server.check()
        load_settings(self._folder)
        try:
            self._run = wandb.init(
                **destination(tracking),
                id=recording.run_id,
                name=recording.name,
                group=recording.group,
                job_type=recording.stage,
                tags=recording.tags,
                config=recording.config,
                dir=str(self._folder),
                mode=mode,
                settings=wandb.Settings(base_url=settings.server(), **COLLECT_NOTHING, **SOON, **BOUNDED),
            )
        except (wandb.Error, OSError, TimeoutError) as error:
            raise ResourceError(f"W&B: {_first_line(error)}") from None
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    @property
    def server(self) -> str:
        """The server and project, or `offline`."""
        return f"{settings.server()}/{self._run.entity}/{self._run.project}" if self._online else "offline"

    @property
    def target(self) -> str:
        """Where the run is: its address, or the folder with its files."""
        if self._online:
            return str(self._run.url)
        path = Path(self._run.dir).parent
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    @property
    def note(self) -> str:
        """What is not there, although the run is."""
        more = [f"and {len(self._missing) - NAMED} more"] if len(self._missing) > NAMED else []
        return "; ".join([*self._missing[:NAMED], *more])

    def log(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows of the history."""
        for row in rows:
            self._run.log(row)
            self._rows += 1

    def complete(self, recording: Recording, bundle: Bundle) -> None:
        """Add what stands at the end: config, charts, tables, images, model card, summary, lineage."""
        self._run.config.update(recording.config, allow_val_change=True)
        plots = records.plots(bundle.records)
        media: dict[str, Any] = {}
        for name, rows in plots.items():
            with self._without(f"plot {name}"):
                media |= charts.chart(name, rows)
        for name, rows in records.tables(bundle.records).items():
            with self._without(f"table {name}"):
                media[f"tables/{name}"] = charts.table(rows)
        for name, pictures in charts.gallery(records.images(bundle.records), plots).items():
            self._log_pictures(name, pictures, media)
        if bundle.card.exists():
            with self._without("model card"):
                media["model_card"] = wandb.Html(_page(bundle.card.read_text(encoding="utf-8")))
        self._log_media(media)
        self._run.summary.update(records.summary(bundle.records))
        self._log_lineage(recording)

    def _log_media(self, media: dict[str, Any]) -> None:
        """All in one row, or one by one if something in it is not taken."""
        try:
            self.log([media] if media else [])
        except Exception:
            for name, value in media.items():
                with self._without(name, repeat=self._online and isinstance(value, TABULAR)):
                    self.log([{name: value}])

    @contextmanager
    def _without(self, what: str, repeat: bool = False) -> Iterator[None]:
        """Go on without something that W&B's client or server does not take: the rest of the run is worth more.

        With `repeat`, another attempt may bring it, as for artifacts, which tables are too: the server takes them.
        """
        try:
            yield
        except Exception as error:  # a broken picture, a plot with odd rows: of many kinds
            if isinstance(error, OSError) and error.errno and not repeat:
                raise  # the disk's fault, and not the picture's
            self._missing.insert(0 if repeat else len(self._missing), f"without {what}: {_first_line(error)}")
            self.partial |= repeat

    def finish(self, exit_code: int) -> None:
        """End the run; its state on W&B follows from the exit code.

        Raises:
            ResourceError: not everything has reached the server, or the disk.
        """
        log = Path(self._run.settings.sync_file)
        try:
            self._run.finish(exit_code=exit_code)
            wandb.teardown(exit_code=exit_code)
        except (wandb.Error, OSError, TimeoutError) as error:
            raise ResourceError(f"W&B has not taken everything in {FINISH_TIMEOUT} s: {_first_line(error)}") from None
        if self._online:
            server.check()
        if not intact(log, self._rows):
            raise ResourceError(f"W&B could not write all of {log.name}; is the disk full?")

    def _log_pictures(self, name: str, pictures: list[tuple[Path, str | None]], media: dict[str, Any]) -> None:
        if len(pictures) > 1 and all(path.stem.isdigit() for path, _ in pictures):  # DVCLive: <name>/<step>.png
            for path, _ in pictures:
                with self._without(f"picture {path.parent.name}/{path.name}"):
                    self.log([{name: wandb.Image(str(path)), "step": int(path.stem)}])
            return
        images = []
        for path, caption in pictures:
            with self._without(f"picture {path.parent.name}/{path.name}"):
                images.append(wandb.Image(str(path), caption=caption or ""))
        if images:
            media[name] = images

    def _log_lineage(self, recording: Recording) -> None:
        """Declare what the stage read and made. The edges are worth a try only: the numbers are there already."""
        logged = []
        with self._without("lineage", repeat=True):
            for data in recording.inputs:
                # `use_artifact` wants a server; logging with `use_after_commit` is what it does, and works offline too.
                aliases, artifact = self._aliases(recording, data), self._artifact(data, "none")
                self._run._log_artifact(artifact, aliases=aliases, is_user_created=True, use_after_commit=True)
                logged.append(artifact)
            for data in recording.outputs:
                artifact = self._artifact(data, self._upload)
                self._run.log_artifact(artifact, aliases=self._aliases(recording, data))
                logged.append(artifact)
            for artifact in logged if self._online else []:
                artifact.wait(timeout=ARTIFACT_TIMEOUT)

    def _aliases(self, recording: Recording, data: Data) -> list[str]:
        return [*recording.aliases, *(["champion"] if data.md5 in recording.promoted else [])]

    def _artifact(self, data: Data, upload: str) -> wandb.Artifact:
        """An artifact by hash: its version is DVC's version, and no byte of the data is read or sent."""
        artifact = wandb.Artifact(data.name, data.kind, metadata={"path": data.path, "md5": data.md5})
        files = uploads.files(self._root, data) if upload == "all" or upload == data.kind else []
        for name, md5, path in files:
            artifact.manifest.add_entry(
                ArtifactManifestEntry(
                    path=name,
                    digest=hex_to_b64_id(md5),
                    size=path.stat().st_size,
                    local_path=str(path),
                    skip_cache=True,
                )
            )
        if not files:
            reference = f"dvc://{data.md5}/{data.path}"
            digest = hex_to_b64_id(data.md5.removesuffix(".dir"))
            artifact.manifest.add_entry(
                ArtifactManifestEntry(path=Path(data.path).name, digest=digest, ref=reference, size=data.size)
            )
        return artifact


def writable(folder: Path) -> Path:
    """`folder`, if W&B's files fit in: its client would silently take a temporary one, or lose rows.

    Raises:
        ResourceError: why they do not.
    """
    probe = folder / "wandb" / f".probe-{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(bytes(1 << 16))
        free = os.statvfs(folder)
    except OSError as error:
        raise ResourceError(f"W&B's folder {folder / 'wandb'} cannot be written ({error.strerror})") from None
    finally:
        probe.unlink(missing_ok=True)
    if free.f_bavail * free.f_frsize < ROOM:
        raise ResourceError(f"no space for W&B's files in {folder / 'wandb'}")
    return folder


def load_settings(folder: Path) -> None:
    """Let W&B's client read the user's settings and the environment, but not `wandb/settings` of the working folder.

    It would take server, proxy, headers and files with tokens from there, and that may be a file of any revision. It
    reads once, where the process stands.
    """
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        loaded = wandb_setup.singleton().settings
    loaded.root_dir = str(folder)


def intact(log: Path, rows: int) -> bool:
    """Whether a run's local log (LevelDB's format) holds at least `rows` whole records to its very end."""
    header, block = 7, 32 * 1024
    content = log.read_bytes()
    position, found = header, 0
    while position + header <= len(content):
        left = block - position % block
        if left < header:
            position += left
            continue
        length, kind = int.from_bytes(content[position + 4 : position + 6], "little"), content[position + 6]
        position += header + length
        found += kind in (1, 4)  # a whole record, or the last part of one
    return position == len(content) and found > rows


def _page(markdown: str) -> str:
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines() or [""]
    return text[0] if " " in text[0] else f"{type(error).__name__} {text[0]}".strip()
