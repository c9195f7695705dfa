"""How outputs are searched for: the options of decoding."""

from dataclasses import dataclass

from kerazoo.zoo.seq2seq.penalties import LENGTH_PENALTIES, LengthPenalty


@dataclass(frozen=True)
class Decoding:
    """How a source is decoded: greedily, unless `beam_size` or `sample` says otherwise.

    Raises:
        ValueError: an option is out of its range, or does not go with another.
    """

    max_length: int = 128  # tokens of an output, END included
    min_length: int = 0  # tokens before END
    beam_size: int = 1  # hypotheses that are followed; 1 is greedy
    n_best: int = 1  # hypotheses, or samples, that are returned
    length_penalty_kind: LengthPenalty = "wu"  # ranks finished hypotheses
    length_penalty: float = 0.6  # strength of "wu" (alpha); 0 is none
    coverage_penalty: float = 0.0  # weight of this penalty (beta); 0 is none
    no_repeat_ngram: int = 0  # n of the n-grams that occur only once; 0 allows all
    sample: bool = False  # draw tokens at random
    temperature: float = 1.0  # divides the logits when sampling
    top_k: int = 0  # most probable tokens to sample from; 0 for all
    top_p: float = 1.0  # sum of the probabilities to sample from
    seed: int = 0  # of the samples

    def __post_init__(self):
        least = {"max_length": 1, "beam_size": 1, "n_best": 1}
        for name in ("min_length", "no_repeat_ngram", "top_k", "seed"):
            least[name] = 0
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise ValueError(
                    f"{name} must be a whole number from {low} up; got {value!r}"
                )
        for name in ("length_penalty", "coverage_penalty"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name} must be at least 0, or early stopping would be inexact; "
                    f"got {getattr(self, name)!r}"
                )
        if self.min_length >= self.max_length:
            raise ValueError(
                "min_length must be below max_length, which counts END too; "
                f"got {self.min_length} and {self.max_length}"
            )
        if self.length_penalty_kind not in LENGTH_PENALTIES:
            raise ValueError(
                f"length_penalty_kind must be one of {', '.join(LENGTH_PENALTIES)}; "
                f"got {self.length_penalty_kind!r}"
            )
        if not self.temperature > 0:
            raise ValueError(f"temperature must be above 0; got {self.temperature!r}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0, at most 1; got {self.top_p!r}")
        if self.sample and self.beam_size > 1:
            raise ValueError(
                "sample=True draws n_best samples without a beam: beam_size must be 1; "
                f"got {self.beam_size}"
            )
        if not self.sample and self.n_best > self.beam_size:
            raise ValueError(
                f"n_best must be at most beam_size, {self.beam_size}; got {self.n_best}"
            )
        defaults = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}
        given = [name for name in defaults if getattr(self, name) != defaults[name]]
        if given and not self.sample:
            raise ValueError(f"{', '.join(given)} would do nothing without sample=True")

    @property
    def num_hypotheses(self) -> int:
        """How many hypotheses of a source are followed side by side."""
        return self.n_best if self.sample else self.beam_size
