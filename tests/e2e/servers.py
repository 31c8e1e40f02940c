"""Storage servers on loopback, on free ports, each with its data in one folder and gone with the test."""

import functools
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import free_ports, needs

KEYS = {"AWS_ACCESS_KEY_ID": "right", "AWS_SECRET_ACCESS_KEY": "right-secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """A real S3 server that knows only KEYS, with a bucket named `bucket`; yields its endpoint."""
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    folder.mkdir(parents=True)
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
             "s3.port", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance"]  # fmt: skip
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    command = [
        needs("weed"), "-logtostderr", "server", "-dir", ".", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        "-s3.config=s3.json", "-volume.max=3", "-master.volumeSizeLimitMB=64",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with _process(command, folder, ports["s3.port"]):
        yield _with_bucket(ports["s3.port"])


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The S3 of moto, with a bucket named `bucket`; yields its endpoint."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    with _process([needs("moto_server"), "-H", "127.0.0.1", "-p", str(port)], folder, port):
        yield _with_bucket(port)


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[int, Path]]:
    """An SSH server for this user; yields its port and the private key that opens it."""
    folder.mkdir(parents=True)
    for key in ("host", "user"):
        subprocess.run([needs("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    (port,) = free_ports(1)
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    # sshd starts itself again for every connection: all its paths have to be absolute.
    with _process([needs("sshd"), "-D", "-f", str(folder / "config"), "-E", str(folder / "log")], folder, port):
        yield port, folder / "user"


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """A plain web server that can only be read; yields its address."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _process(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A server that is ready when its port answers, and ends with the block."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 300
        while True:
            assert process.poll() is None, (folder / "output").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "output").read_text()[-2000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _with_bucket(port: int) -> str:
    """Make the bucket, in a process of its own: boto3 reads the environment."""
    endpoint = f"http://127.0.0.1:{port}"
    code = f"import boto3; boto3.client('s3', endpoint_url='{endpoint}').create_bucket(Bucket='bucket')"
    deadline = time.monotonic() + 300
    while subprocess.run([sys.executable, "-c", code], env={**os.environ, **KEYS}, capture_output=True).returncode:
        assert time.monotonic() < deadline, "the bucket could not be made"
    return endpoint
