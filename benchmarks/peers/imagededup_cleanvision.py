"""Two peers of `striate check` one after the other, as their documentation uses them: copies, then other issues.

python imagededup_cleanvision.py FOLDER. The last line printed is JSON.
"""

import json
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    started = time.perf_counter()
    methods = import_module("imagededup.methods")
    hasher = methods.PHash(verbose=False)
    duplicates = hasher.find_duplicates(image_dir=str(folder), recursive=True, max_distance_threshold=10)
    deduplicated = time.perf_counter()
    lab = import_module("cleanvision").Imagelab(data_path=str(folder))
    lab.find_issues(verbose=False)
    ended = time.perf_counter()
    print(
        json.dumps(
            {
                "with_copies": sum(map(bool, duplicates.values())),
                "issues": {row.issue_type: int(row.num_images) for row in lab.issue_summary.itertuples()},
                "imagededup_seconds": deduplicated - started,
                "cleanvision_seconds": ended - deduplicated,
                "versions": {name: version(name) for name in ("imagededup", "cleanvision", "torch")},
            }
        )
    )


if __name__ == "__main__":  # both start processes
    main()
