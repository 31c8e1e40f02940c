"""Well-known data sets as tables: features, `target`, and `split` where the set comes divided."""

import gzip
import json
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import InputError, ResourceError

TIMEOUT = 60  # seconds without a byte from OpenML
# Sets of pictures on OpenML: height, width, and how many rows from the first are for training, the others for the test.
PICTURES = {"mnist_784": (28, 28, 60_000), "Fashion-MNIST": (28, 28, 60_000)}
IDX_MAGIC = {1: b"\x00\x00\x08\x01", 3: b"\x00\x00\x08\x03"}  # unsigned bytes; one number a row, or one picture


def load_dataset(name: str) -> pd.DataFrame:
    """The table that `load.dataset` of params.yaml names.

    Its attrs carry what a table cannot say: `image` (height, width) and `split_column`.

    Raises:
        InputError: there is no such set, or its files are broken.
        ResourceError: OpenML cannot be reached.
    """
    source, _, rest = name.partition(":")
    if source == "openml":
        return openml(rest)
    if source == "idx":
        return idx(Path(rest))
    return digits() if name == "digits" else bundled(name)


def digits() -> pd.DataFrame:
    """The handwritten digits that scikit-learn carries: 1,797 pictures of 8 x 8 grey values from 0 to 16.

    Read from its file, as `load_digits` does: to import sklearn.datasets for that takes longer than all the rest.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ResourceError("scikit-learn is not installed; run: make install")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    numbers = pd.read_csv(file, header=None).to_numpy(dtype=np.uint8)
    return pictures(numbers[:, :-1].reshape(-1, 8, 8), numbers[:, -1])


def bundled(name: str) -> pd.DataFrame:
    """Another data set that scikit-learn carries: iris, wine, breast_cancer. Classes go by their names."""
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    table = pd.DataFrame(data.data, columns=list(data.feature_names))
    return table.assign(target=pd.Series(data.target_names[data.target], dtype="str"))


def openml(name: str) -> pd.DataFrame:
    """A data set of OpenML by name, with @version or its newest active version; kept in scikit-learn's data folder.

    Of MNIST and Fashion-MNIST, whose rows stand in order there, the same table as of their IDX files.
    """
    import socket
    import warnings
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError

    from sklearn.datasets import fetch_openml

    name, _, version = name.partition("@")
    if version and not version.isdigit():
        raise InputError(f"load.dataset: openml:{name}@{version}: the version after @ is a whole number")
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Bytes as they are: as OpenML declares them, classes that are digits fail (scikit-learn 1.9, pandas 3).
            as_bytes = {"read_csv_kwargs": {"dtype": np.uint8}} if name in PICTURES else {}
            number = int(version) if version else "active"
            found = fetch_openml(name, version=number, as_frame=True, n_retries=1, **as_bytes)
    except HTTPError as error:
        raise ResourceError(
            f"OpenML answers {error.code} for '{name}'; try again later, or save a table and track it"
        ) from None
    except (KeyError, json.JSONDecodeError, gzip.BadGzipFile) as error:
        raise ResourceError(
            f"OpenML's answer for '{name}' cannot be read ({error}); is there a proxy that answers instead?"
        ) from None
    except (URLError, TimeoutError, HTTPException, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise ResourceError(
            f"OpenML cannot be reached for '{name}' ({reason}); check the network or the proxy"
        ) from None
    except ValueError as error:
        raise InputError(f"load.dataset: openml:{name}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found.target, pd.Series):
        raise InputError(f"load.dataset: openml:{name} has {len(found.target_names)} targets; save a table with one")
    if name in PICTURES:
        return _divided(found.data, found.target, name)
    features: pd.DataFrame = found.data.rename(columns={"target": "target_feature", "split": "split_feature"})
    return features.assign(target=found.target)


def idx(folder: Path) -> pd.DataFrame:
    """A folder of IDX files as MNIST has them: train-* and t10k-* (or test-*), images-idx3 and labels-idx1, .gz or not.

    Format: http://yann.lecun.com/exdb/mnist/ (magic number, sizes as big-endian 32-bit numbers, bytes).
    """
    if not folder.is_dir():
        raise InputError(f"load.dataset: idx:{folder}: there is no such folder")
    parts = []
    for split, prefixes in {"train": ("train",), "test": ("t10k", "test")}.items():
        images, labels = (_find(folder, prefixes, kind) for kind in ("images", "labels"))
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            raise InputError(f"{folder}: the {split} set has {'labels' if labels else 'images'} only; both are needed")
        pixels, classes = read_idx(images, 3), read_idx(labels, 1)
        if len(pixels) != len(classes):
            raise InputError(f"{images}: {len(pixels)} images, but {len(classes)} labels in {labels.name}")
        parts.append((split, pixels, classes))
    if not parts:
        raise InputError(f"{folder}: no IDX files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz")
    if len({pixels.shape[1:] for _, pixels, _ in parts}) > 1:
        raise InputError(f"{folder}: the train and the test images differ in size")
    table = pictures(np.concatenate([p for _, p, _ in parts]), np.concatenate([c for _, _, c in parts]))
    return _with_split(table, {split: len(classes) for split, _, classes in parts})


def read_idx(file: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """One IDX file of unsigned bytes as an array with `dimensions` axes."""
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{file}: not a whole gzip file; fetch it again") from None
    start = 4 + 4 * dimensions
    if content[:4] != IDX_MAGIC[dimensions] or len(content) < start:
        raise InputError(f"{file}: not an IDX file of {'images' if dimensions == 3 else 'labels'} (wrong first bytes)")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    expected = start + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise InputError(f"{file}: {len(content):,} bytes, but its header promises {expected:,}; fetch it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def pictures(images: npt.NDArray[np.uint8], classes: npt.NDArray[Any]) -> pd.DataFrame:
    """Pictures of shape (rows, height, width) as one column a pixel, `pixel_<row>_<column>`, and `target`."""
    rows, height, width = images.shape
    names = [f"pixel_{y}_{x}" for y in range(height) for x in range(width)]
    table = pd.DataFrame(images.reshape(rows, height * width), columns=names)
    table["target"] = classes
    table.attrs["image"] = [height, width]
    return table


def _divided(pixels: pd.DataFrame, classes: pd.Series, name: str) -> pd.DataFrame:
    """The table of one of PICTURES from OpenML's columns, a pixel each, and its classes."""
    height, width, training = PICTURES[name]
    if pixels.shape[1] != height * width or len(pixels) <= training:
        raise InputError(
            f"load.dataset: openml:{name}: {len(pixels)} rows of {pixels.shape[1]} columns are not the pictures of "
            f"{height} x {width} that are known by this name; name another version with @"
        )
    table = pictures(pixels.to_numpy(np.uint8).reshape(-1, height, width), classes.to_numpy(np.uint8))
    return _with_split(table, {"train": training, "test": len(table) - training})


def _with_split(table: pd.DataFrame, rows: dict[str, int]) -> pd.DataFrame:
    """The table with a column that says of its first rows that they are for one side, of the next for another."""
    table["split"] = np.repeat(list(rows), list(rows.values()))
    table.attrs["split_column"] = "split"
    return table


def _find(folder: Path, prefixes: tuple[str, ...], kind: str) -> Path | None:
    """The one file of `kind`; `train-images-idx3-ubyte`, or with a dot as some archives have it."""
    found = sorted(f for f in folder.iterdir() if f.name.startswith(prefixes) and f"{kind}" in f.name)
    if len(found) > 1:
        raise InputError(f"{folder}: {found[0].name} and {found[1].name} are both there; keep one")
    return found[0] if found else None
