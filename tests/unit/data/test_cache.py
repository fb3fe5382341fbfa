import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest

from olmoearth_core.data.cache import Cache, Throttle
from olmoearth_core.errors import DataError


class Clock:
    def __init__(self) -> None:
        self.now, self.naps = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def put(url: str, content: bytes) -> str:
    with fsspec.open(url, "wb") as out:
        out.write(content)
    return url


def test_twenty_reads_a_second_take_a_second_per_twenty():
    clock = Clock()
    throttle = Throttle(20, clock=lambda: clock.now, sleep=clock.sleep)
    for _ in range(41):
        throttle.wait()
    assert clock.now == pytest.approx(2.0)


def test_time_spent_reading_counts():
    clock = Clock()
    throttle = Throttle(10, clock=lambda: clock.now, sleep=clock.sleep)
    throttle.wait()
    clock.now += 1.0
    throttle.wait()
    assert clock.naps == []


def test_a_rate_of_zero_is_refused():
    with pytest.raises(DataError, match="expected a rate above 0"):
        Throttle(0)


def test_a_local_file_is_read_in_place(tmp_path):
    path = str(tmp_path / "sample_0.h5")
    assert Cache(None, Throttle(None)).local(path) == path


def test_equal_names_in_two_data_sets_do_not_meet(tmp_path):
    cache = Cache(str(tmp_path), Throttle(None))
    first = cache.local(put("memory://one/sample_0.h5", b"1"))
    second = cache.local(put("memory://two/sample_0.h5", b"2"))
    assert [Path(path).read_bytes() for path in (first, second)] == [b"1", b"2"]


def test_a_changed_original_is_fetched_again(tmp_path):
    Cache(str(tmp_path), Throttle(None)).local(put("memory://three/sample_0.h5", b"old"))
    again = Cache(str(tmp_path), Throttle(None)).local(put("memory://three/sample_0.h5", b"newer"))
    assert Path(again).read_bytes() == b"newer"


def test_many_may_fill_one_cache_at_once(tmp_path):
    url = put("memory://four/sample_0.h5", b"x" * 1_000_000)
    threads = [threading.Thread(target=lambda: Cache(str(tmp_path), Throttle(None)).local(url)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (copy,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert copy.stat().st_size == 1_000_000


def test_a_second_visit_asks_nobody(tmp_path):
    clock = Clock()
    cache = Cache(str(tmp_path), Throttle(1, clock=lambda: clock.now, sleep=clock.sleep))
    url = put("memory://five/sample_0.h5", b"1")
    assert cache.local(url) == cache.local(url)
    assert clock.naps == []


def test_a_missing_original_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere/sample_0.h5: there is no such file"):
        Cache(str(tmp_path), Throttle(None)).local("memory://nowhere/sample_0.h5")


def test_a_bounded_cache_drops_what_was_used_longest_ago(tmp_path):
    cache = Cache(str(tmp_path), Throttle(None), most_bytes=3500)
    urls = [put(f"memory://bounded/sample_{i}.h5", bytes(1000)) for i in range(4)]
    first, second, third = (cache.local(url) for url in urls[:3])
    for age, path in enumerate((second, third, first)):
        os.utime(path, (age, age))
    fourth = cache.local(urls[3])
    assert [Path(path).exists() for path in (first, second, third, fourth)] == [True, False, True, True]
    assert Path(cache.local(urls[1])).read_bytes() == bytes(1000)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.h5")) <= 3500


def test_use_counts_not_age(tmp_path):
    cache = Cache(str(tmp_path), Throttle(None), most_bytes=2500)
    old, young = (put(f"memory://use/sample_{i}.h5", bytes(1000)) for i in range(2))
    paths = [cache.local(old), cache.local(young)]
    os.utime(paths[0], (1, 1))
    os.utime(paths[1], (2, 2))
    cache.local(old)
    cache.local(put("memory://use/sample_2.h5", bytes(1000)))
    assert [Path(path).exists() for path in paths] == [True, False]


def test_a_limit_of_zero_is_refused():
    with pytest.raises(DataError, match="cache_limit_gb = 0: expected a size above 0"):
        Cache(None, Throttle(None), most_bytes=0)


FILL = """
import sys
from pathlib import Path
from olmoearth_core.data.cache import Cache, Throttle
cache = Cache(sys.argv[1], Throttle(None), most_bytes=20_000)
for number in map(int, sys.argv[2:]):
    while True:
        try:
            assert len(Path(cache.local(f"{Path(sys.argv[1]).parent}/source/sample_{number}.h5")).read_bytes()) == 1000
            break
        except FileNotFoundError:
            pass
"""


def test_two_processes_keep_one_bound(tmp_path):
    (tmp_path / "source").mkdir()
    for number in range(60):
        (tmp_path / "source" / f"sample_{number}.h5").write_bytes(bytes(1000))
    folder, numbers = str(tmp_path / "cache"), list(map(str, range(60)))
    workers = [subprocess.Popen([sys.executable, "-c", FILL, folder, *order]) for order in (numbers, numbers[::-1])]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert 0 < sum(path.stat().st_size for path in Path(folder).rglob("*.h5")) <= 20_000
