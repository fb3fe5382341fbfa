"""The reference's converter as one side of `convert.py`: runs under its own Python, imports nothing of ours.

    python peer_convert.py TILES WORKERS NAMES...

Converts the store each time a line arrives and answers with one line of JSON.
"""

from __future__ import annotations

import json
import logging
import resource
import shutil
import sys
import time
import warnings


def main() -> None:
    from olmoearth_pretrain.data.constants import Modality
    from olmoearth_pretrain.dataset.convert_to_h5py import ConvertToH5py
    from upath import UPath

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    tiles, workers, *names = sys.argv[1:]
    several = int(workers) > 0
    for _ in sys.stdin:
        for folder in UPath(tiles).glob("h5py_data_*"):
            shutil.rmtree(str(folder))
        started = time.perf_counter()
        ConvertToH5py(
            UPath(tiles), [Modality.get(n) for n in names], multiprocessed_sample_processing=several,
            multiprocessed_h5_creation=several, compression="zstd", compression_opts=3, tile_size=128,
            reserved_cores=0,
        ).run()  # fmt: skip
        seconds = time.perf_counter() - started
        samples = len(list(UPath(tiles).glob("h5py_data_*/*/*/sample_*.h5")))
        who = resource.RUSAGE_CHILDREN if several else resource.RUSAGE_SELF
        peak = resource.getrusage(who).ru_maxrss / 1024
        print("\n" + json.dumps({"seconds": seconds, "samples": samples, "peak_mb": peak}), flush=True)


if __name__ == "__main__":
    main()
