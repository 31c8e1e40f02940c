"""Stage `load`: write the data set that params.yaml names as one table."""

from pathlib import Path

from pipeline.data.sources import load_dataset
from pipeline.errors import run
from pipeline.files import replacing
from pipeline.params import read_params

OUTPUT = Path("data/raw/dataset.parquet")


def main() -> None:
    """Write data/raw/dataset.parquet."""
    table = load_dataset(read_params().load.dataset)
    with replacing(OUTPUT) as new:
        table.to_parquet(new, index=False)


if __name__ == "__main__":
    run(main)
