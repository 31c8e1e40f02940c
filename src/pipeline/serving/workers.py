"""Several workers at one socket: started, started again when one dies, ended together; SIGHUP is handed on to all."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from pipeline.errors import ResourceError
from pipeline.serving.log import log
from pipeline.serving.model import read_package
from pipeline.serving.settings import Settings

METRICS = "PROMETHEUS_MULTIPROC_DIR"  # as in metrics.py, which may be imported only after it is set
SOON = 10.0  # seconds: a worker that dies so soon after its start would do it again
HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


def supervise(settings: Settings, bound: socket.socket, arguments: list[str]) -> None:
    """Run workers until SIGTERM or SIGINT.

    Raises:
        PipelineError: the package is not whole, or a worker cannot start.
    """
    read_package(settings.package)  # told once, not by every worker
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)  # they wait for `sigwait`; a worker unblocks its own
    with tempfile.TemporaryDirectory(prefix="pipeline-metrics-") as folder:
        os.environ[METRICS] = folder
        crew = _Crew(settings, bound, arguments)
        try:
            crew.run()
        finally:
            crew.end()


class _Crew:
    def __init__(self, settings: Settings, bound: socket.socket, arguments: list[str]) -> None:
        self._bound, self._arguments = bound, arguments
        self._workers = {number: self._start(number) for number in range(settings.workers)}
        self._since = dict.fromkeys(self._workers, time.monotonic())

    def run(self) -> None:
        while True:
            heard = signal.sigwait(HEARD)
            if heard in (signal.SIGTERM, signal.SIGINT):
                return
            if heard == signal.SIGHUP:
                for worker in self._workers.values():
                    worker.send_signal(signal.SIGHUP)
            for number, worker in self._workers.items():
                if worker.poll() is not None:
                    self._replace(number, worker)

    def end(self) -> None:
        """End all, and wait for what they have in flight."""
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            worker.wait()

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        own = ["--socket", str(self._bound.fileno()), "--worker", str(number)]
        command = [sys.executable, "-m", "pipeline.serving", *self._arguments, *own]
        return subprocess.Popen(command, pass_fds=[self._bound.fileno()])

    def _replace(self, number: int, worker: "subprocess.Popen[bytes]") -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # its counters stay in the sums
        if time.monotonic() - self._since[number] < SOON:
            raise ResourceError(f"worker {number} ended {SOON:g} s after its start or sooner; its own lines say why")
        log("worker died", worker=number, code=worker.returncode)
        self._workers[number], self._since[number] = self._start(number), time.monotonic()
