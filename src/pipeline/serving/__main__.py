"""`python -m pipeline.serving`, and what `pipeline serve` calls. Needs requirements-serving.lock and nothing else."""

import signal
import socket
import sys

from pipeline import errors
from pipeline.serving.settings import parse


def main(arguments: list[str] | None = None) -> None:
    """Serve as the command line says, until a signal ends it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    settings = parse(arguments)
    try:
        from pipeline.serving import server, workers
    except ModuleNotFoundError as error:
        raise errors.ResourceError(f"serving needs {error.name}; install it: make serving") from None
    if settings.socket is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, set())  # the parent's is inherited
        server.work(settings, socket.socket(fileno=settings.socket))
        return
    bound = server.bind(settings)
    if settings.workers == 1:
        server.work(settings, bound)
    else:
        workers.supervise(settings, bound, arguments)


if __name__ == "__main__":
    errors.run(main)
