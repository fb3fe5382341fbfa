"""`random`, `random_increasing` and `random_range`: each modality's tokens are drawn for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.legacy.chance import Chance
from olmoearth_masking.legacy.fill import random_mask
from olmoearth_masking.legacy.scene import Scene


@dataclass(frozen=True)
class AtRandom:
    """Constant ratios."""

    encode_ratio: float
    decode_ratio: float

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing but the tokens without space and time, drawn over the batch."""
        return "static" not in kinds

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw modality by modality."""
        return {name: self.one(scene, name, chance) for name in scene.present}

    def one(self, scene: Scene, name: str, chance: Chance) -> Tensor:
        """Draw one modality."""
        encode, decode = [self.encode_ratio] * scene.size, [self.decode_ratio] * scene.size
        return scene.without_missing(name, random_mask(scene, name, encode, decode, chance))


@dataclass(frozen=True)
class Increasing:
    """Ratios that move linearly with the step, from `first` to `last` (encode, decode) within `steps`.

    The reference counts its own calls, per loader worker and from anew after a resume; ours follows the step it is
    given. The reported ratios are the first.
    """

    first: tuple[float, float]
    last: tuple[float, float]
    steps: int

    @property
    def encode_ratio(self) -> float:
        """Share shown at the start."""
        return self.first[0]

    @property
    def decode_ratio(self) -> float:
        """Share predicted at the start."""
        return self.first[1]

    def at(self, step: int) -> tuple[float, float]:
        """Return the ratios of one step, the first being 1."""
        if step >= self.steps:
            return self.last
        encode, decode = (a + (b - a) * step / self.steps for a, b in zip(self.first, self.last, strict=True))
        return encode, decode

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing but the tokens without space and time, drawn over the batch."""
        return "static" not in kinds

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw as `random` does with the ratios of this step."""
        return AtRandom(*self.at(scene.step)).codes(scene, chance)


@dataclass(frozen=True)
class InRange:
    """Ratios drawn per sample and modality; without a range, what is not shown is predicted.

    The modality's one token per sample that has neither space nor time is drawn over the batch, at the mean ratios.
    """

    encode: tuple[float, float]
    decode: tuple[float, float] | None

    @property
    def encode_ratio(self) -> float:
        """Middle of the range."""
        return sum(self.encode) / 2

    @property
    def decode_ratio(self) -> float:
        """Middle of the range."""
        return sum(self.decode) / 2 if self.decode else 1 - self.encode_ratio

    def separate(self, kinds: Sequence[Kind]) -> bool:
        """Samples share nothing but the tokens without space and time, drawn over the batch."""
        return "static" not in kinds

    def codes(self, scene: Scene, chance: Chance) -> dict[str, Tensor]:
        """Draw modality by modality."""
        return {name: self._one(scene, name, chance) for name in scene.present}

    def _one(self, scene: Scene, name: str, chance: Chance) -> Tensor:
        if scene.kinds[name] == "static":
            return AtRandom(self.encode_ratio, self.decode_ratio).one(scene, name, chance)
        encode = chance.choices.uniform(*self.encode, (scene.size,))
        decode = chance.choices.uniform(*self.decode, (scene.size,)) if self.decode else 1 - encode
        return scene.without_missing(name, random_mask(scene, name, encode.tolist(), decode.tolist(), chance))
