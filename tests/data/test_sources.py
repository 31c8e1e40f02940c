"""Data sets by name: scikit-learn's own, IDX files, OpenML."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from pipeline.data import sources
from pipeline.data.sources import load_dataset, read_idx
from pipeline.errors import InputError, ResourceError


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("digits", (1797, 65), list(range(10))),
        ("iris", (150, 5), ["setosa", "versicolor", "virginica"]),
        ("wine", (178, 14), ["class_0", "class_1", "class_2"]),
        ("breast_cancer", (569, 31), ["benign", "malignant"]),
    ],
)
def test_bundled_sets(name: str, shape: tuple[int, int], classes: list[object]) -> None:
    table = load_dataset(name)
    assert table.shape == shape
    assert sorted(table["target"].unique()) == classes


def test_the_digits_are_those_of_scikit_learn() -> None:
    expected = load_digits()
    table = load_dataset("digits")
    assert (table.drop(columns="target").to_numpy() == expected.data).all()
    assert (table["target"] == expected.target).all()


def test_digits_are_small_and_know_that_they_are_pictures() -> None:
    table = load_dataset("digits")
    assert set(map(str, table.dtypes)) == {"uint8"}
    assert table.attrs["image"] == [8, 8]
    assert list(table.columns[:2]) == ["pixel_0_0", "pixel_0_1"]


# --- IDX


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim])
        + b"".join(n.to_bytes(4, "big") for n in array.shape)
        + array.astype(np.uint8).tobytes()
    )


IMAGES = np.arange(5 * 2 * 3).reshape(5, 2, 3)
LABELS = np.array([0, 1, 2, 1, 0])


def idx_folder(folder: Path, **changed: bytes | None) -> Path:
    """A folder of four IDX files, with some replaced or, if None, left out."""
    files: dict[str, bytes | None] = {
        "train-images-idx3-ubyte": idx_bytes(IMAGES),
        "train-labels-idx1-ubyte": idx_bytes(LABELS),
        "t10k-images-idx3-ubyte.gz": gzip.compress(idx_bytes(IMAGES[:2] + 100)),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx_bytes(LABELS[:2])),
    }
    folder.mkdir()
    for name, content in files.items():
        content = changed.get(name.split("-idx")[0].replace("-", "_"), content)
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def test_idx_files_zipped_or_not_become_pixels_with_their_split(tmp_path: Path) -> None:
    table = load_dataset(f"idx:{idx_folder(tmp_path / 'mnist')}")
    assert table["split"].tolist() == ["train"] * 5 + ["test"] * 2
    assert table["target"].tolist() == [0, 1, 2, 1, 0, 0, 1]
    assert table.loc[1, "pixel_1_2"] == IMAGES[1, 1, 2] and table.loc[5, "pixel_0_0"] == 100
    assert table.attrs == {"image": [2, 3], "split_column": "split"}
    assert table["pixel_0_0"].dtype == np.uint8


def test_a_training_set_alone_is_enough(tmp_path: Path) -> None:
    folder = idx_folder(tmp_path / "mnist", t10k_images=None, t10k_labels=None)
    assert set(load_dataset(f"idx:{folder}")["split"]) == {"train"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"train_images": b""}, ["train-images", "first bytes"]),
        ({"train_images": idx_bytes(LABELS)}, ["train-images", "images"]),
        ({"train_labels": idx_bytes(IMAGES)}, ["train-labels", "labels"]),
        ({"train_images": idx_bytes(IMAGES)[:-1]}, ["45 bytes", "46"]),
        ({"train_images": idx_bytes(IMAGES) + b"x"}, ["47 bytes", "46"]),
        ({"train_labels": idx_bytes(LABELS[:4])}, ["5 images", "4 labels"]),
        ({"train_labels": None}, ["train set has images only"]),
        ({"t10k_images": gzip.compress(idx_bytes(IMAGES))[:30]}, ["t10k-images", "gzip"]),
        ({"t10k_images": idx_bytes(IMAGES)}, ["t10k-images", "gzip"]),
        ({"t10k_images": gzip.compress(idx_bytes(IMAGES[:2, :, :1]))}, ["differ in size"]),
        (dict.fromkeys(["train_images", "train_labels", "t10k_images", "t10k_labels"]), ["no IDX files"]),
    ],
)
def test_wrong_idx_files_are_refused(tmp_path: Path, changed: dict[str, bytes | None], words: list[str]) -> None:
    folder = idx_folder(tmp_path / "mnist", **changed)
    with pytest.raises(InputError) as caught:
        load_dataset(f"idx:{folder}")
    for word in words:
        assert word in str(caught.value)


def test_a_missing_idx_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load_dataset(f"idx:{tmp_path / 'none'}")


def test_two_versions_of_one_idx_file_are_refused(tmp_path: Path) -> None:
    folder = idx_folder(tmp_path / "mnist")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    with pytest.raises(InputError, match="keep one"):
        load_dataset(f"idx:{folder}")


def test_an_idx_file_has_as_many_axes_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(idx_bytes(IMAGES))
    assert (read_idx(tmp_path / "x", 3) == IMAGES).all()


# --- OpenML, from answers recorded in the layout of scikit-learn's own cache

ARFF = """@RELATION tiny
@ATTRIBUTE width REAL
@ATTRIBUTE colour {red, green}
@ATTRIBUTE class {good, bad}
@DATA
1.5,red,good
?,green,bad
2.5,red,bad
"""
PICTURES = """@RELATION mnist_784
@ATTRIBUTE pixel1 REAL
@ATTRIBUTE pixel2 REAL
@ATTRIBUTE class {7, 9}
@DATA
0,255,7
3,4,9
5,6,9
"""


def answer(folder: Path, arff: str) -> None:
    """Put OpenML's answers for the data set in `arff`, whose target is its last attribute, where scikit-learn looks."""
    attributes = [line.split(maxsplit=2)[1:] for line in arff.splitlines() if line.startswith("@ATTRIBUTE")]
    name = arff.split(maxsplit=2)[1]
    listed = {"data": {"dataset": [{"did": 7, "name": name, "version": 2, "status": "active", "format": "ARFF"}]}}
    described = {
        "id": "7",
        "name": name,
        "version": "2",
        "format": "ARFF",
        "status": "active",
        "file_id": "70",
        "description": "Three rows.",
        "licence": "CC0",
        "url": f"https://www.openml.org/data/v1/download/70/{name}.arff",
        "default_target_attribute": "class",
        "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
    }
    features = [
        {"index": str(i), "name": attribute, "data_type": "numeric" if kind == "REAL" else "nominal"}
        | {"is_target": str(attribute == "class").lower(), "is_ignore": "false", "is_row_identifier": "false"}
        | {"number_of_missing_values": "0"}
        for i, (attribute, kind) in enumerate(attributes)
    ]
    answers = {
        f"api/v1/json/data/list/data_name/{name}/limit/2/status/active/": json.dumps(listed),
        f"api/v1/json/data/list/data_name/{name}/limit/2/data_version/2": json.dumps(listed),
        "api/v1/json/data/7": json.dumps({"data_set_description": described}),
        "api/v1/json/data/features/7": json.dumps({"data_features": {"feature": features}}),
        "api/v1/json/data/qualities/7": json.dumps({"data_qualities": {"quality": []}}),
        f"data/v1/download/70/{name}.arff": arff,
    }
    for path, text in answers.items():
        file = folder / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def openml_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """scikit-learn's data folder with the answers for one data set, `tiny`; the network beyond it is shut."""
    answer(tmp_path, ARFF)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    return tmp_path


def test_mnist_from_openml_is_the_table_of_its_idx_files(
    openml_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(openml_cache, PICTURES)
    monkeypatch.setitem(sources.PICTURES, "mnist_784", (1, 2, 2))
    pixels, classes = np.array([[[0, 255]], [[3, 4]], [[5, 6]]]), np.array([7, 9, 9])
    folder = idx_folder(
        tmp_path / "mnist",
        train_images=idx_bytes(pixels[:2]),
        train_labels=idx_bytes(classes[:2]),
        t10k_images=gzip.compress(idx_bytes(pixels[2:])),
        t10k_labels=gzip.compress(idx_bytes(classes[2:])),
    )
    found, expected = load_dataset("openml:mnist_784"), load_dataset(f"idx:{folder}")
    pd.testing.assert_frame_equal(found, expected)
    assert found.attrs == expected.attrs == {"image": [1, 2], "split_column": "split"}


def test_another_set_of_that_name_is_refused(openml_cache: Path) -> None:
    answer(openml_cache, PICTURES)
    with pytest.raises(InputError, match="openml:mnist_784: 3 rows of 2 columns are not the pictures of 28 x 28"):
        load_dataset("openml:mnist_784")


@pytest.mark.parametrize("name", ["tiny", "tiny@2"])
def test_an_openml_set_keeps_its_types_and_calls_its_target_target(openml_cache: Path, name: str) -> None:
    table = load_dataset(f"openml:{name}")
    assert list(table.columns) == ["width", "colour", "target"]
    assert table["target"].tolist() == ["good", "bad", "bad"]
    assert table["width"].isna().tolist() == [False, True, False]


def test_openml_out_of_reach_is_the_surroundings_fault(openml_cache: Path) -> None:
    with pytest.raises(ResourceError, match="cannot be reached for 'other'"):
        load_dataset("openml:other")


def test_an_openml_version_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="whole number"):
        load_dataset("openml:tiny@latest")


def test_sources_write_what_parquet_can_hold(tmp_path: Path, openml_cache: Path) -> None:
    load_dataset("openml:tiny").to_parquet(tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["colour"].tolist() == ["red", "green", "red"]
