"""What the transfer-learning peers share: their arguments, and the table of the split.

TABLE is a CSV file with the columns path, label and split (train or test); paths start at the folder of the images.
"""

import argparse
import csv
from pathlib import Path


def parse(description: str | None, epochs: int, has_weights: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path, help="folder that the paths of the table start from")
    if has_weights:
        parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read_table(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))
