"""From workers that draw pages to lots of samples for the device, the validation pages first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from training.data.assets import AssetPack
from training.data.pages import VALIDATION_START
from training.data.pairs import PairFolder
from training.data.pool import Pool
from training.data.samples import Sample, make_sample
from training.data.synthetic import prepare_synthetic
from training.device_pool import Arrays

MakeSample = Callable[[int], Sample]

_POLL_S = 0.02
_DRAWN_AMONG_PAIRS = 4
_MOST_PER_LOT = 32


def prepare_pages(
    assets: Path | None, *, sample_px: int, validation_samples: int, first_page: int, warm: bool
) -> MakeSample:
    """The function that makes sample `number`: fixed validation pages, then training pages from `first_page` on."""
    make = prepare_synthetic(assets, size_px=sample_px, warm=warm)
    return partial(_make_numbered, make, validation_samples, first_page)


def prepare_pairs(
    folder: Path, assets: Path | None, *, sample_px: int, validation_samples: int, first_page: int
) -> MakeSample:
    """The same from a folder of real pairs, every fourth training sample drawn: pairs do not say where regions are.

    Without drawn pages among them the region head would get no gradient while the features that it reads move on.
    """
    make = partial(_make_pair, PairFolder.open(folder), AssetPack.open(assets), sample_px)
    return partial(_make_numbered, make, validation_samples, first_page)


def _make_pair(folder: PairFolder, pack: AssetPack, sample_px: int, index: int) -> Sample:
    if index < VALIDATION_START and index % _DRAWN_AMONG_PAIRS == 0:
        return make_sample(pack, index, size_px=sample_px)
    return folder.sample(pack, index, size_px=sample_px)


def _make_numbered(make: MakeSample, validation_samples: int, first_page: int, number: int) -> Sample:
    if number < validation_samples:
        return make(VALIDATION_START + number)
    return make(first_page + number - validation_samples)


def stack_samples(samples: list[Sample]) -> Arrays:
    """Samples as one uint8 array per field, `(n, ...)`."""
    names = [name for name, _ in samples[0].items()]
    return {name: np.stack([getattr(sample, name) for sample in samples]) for name in names}


class Feed:
    """Numbered samples as they are finished. A context: leaving it stops the workers.

    With `workers=0` samples are drawn by whoever asks, for tests and small machines. `places` bounds how far workers
    may run ahead of the reader: 256 samples of 512 px are 0.6 GB of shared memory.
    """

    def __init__(
        self,
        prepare: Callable[[], MakeSample],
        *,
        workers: int,
        sample_px: int,
        validation_samples: int,
        places: int = 256,
    ) -> None:
        self._validation_samples = validation_samples
        self._waiting: list[Sample] = []
        self._next_number = 0
        self._make: MakeSample | None = None
        self._pool: Pool | None = None
        if workers:
            self._pool = Pool(prepare, workers=workers, places=places, size_px=sample_px)
            self._seen = np.zeros(places, np.int64)
        else:
            self._make = prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers."""
        if self._pool is not None:
            self._pool.close()

    def _take(self) -> list[tuple[int, Sample]]:
        """Samples that are new, at least one, the oldest first. Raises PoolFailed if a worker has stopped."""
        if self._make is not None:
            self._next_number += 1
            return [(self._next_number - 1, self._make(self._next_number - 1))]
        assert self._pool is not None
        ring = self._pool.ring
        while True:
            self._pool.since(self._pool.made(), most=0)  # says so if a worker stopped
            # Workers finish out of order, so each place is compared with what was last taken from it.
            counts = np.array(ring.counts)
            fresh = np.flatnonzero(counts > self._seen)
            found = []
            for place in fresh[np.argsort(counts[fresh])][:_MOST_PER_LOT]:
                numbered = ring.get(int(place))
                if numbered is not None:
                    self._seen[place] = numbered[0] + 1
                    found.append(numbered)
            if found:
                return found
            time.sleep(_POLL_S)

    def collect_validation(self) -> Arrays:
        """The fixed validation samples, in their order; training samples that arrive with them are kept for `lots`."""
        collected: dict[int, Sample] = {}
        while len(collected) < self._validation_samples:
            for number, sample in self._take():
                if number < self._validation_samples:
                    collected[number] = sample
                else:
                    self._waiting.append(sample)
        return stack_samples([collected[number] for number in sorted(collected)])

    def lots(self, *, most: int | None = None) -> Iterator[Arrays]:
        """Training samples in lots of up to 32: endlessly, or `most` of them, after which the workers end."""
        given = 0
        while most is None or given < most:
            if not self._waiting:
                self._waiting = [sample for _, sample in self._take()]
            end = _MOST_PER_LOT if most is None else min(_MOST_PER_LOT, most - given)
            lot, self._waiting = self._waiting[:end], self._waiting[end:]
            given += len(lot)
            yield stack_samples(lot)
        self.close()
