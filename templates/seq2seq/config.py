"""Which numbers? Every field is a flag (`--epochs 5`, `--data.path pairs.tsv`) and a
YAML key; `python train.py --help` lists these and the fields of TrainingConfig.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kerazoo.harness import (
    ModelConfig,
    TrainingConfig,
    above,
    at_least,
    for_task,
    one_of,
    share,
)
from kerazoo.harness.texts import Form, Lower, as_trained

Name = Literal["cmudict", "pronalsyl", "pairs", ""]
Tokens = Literal["characters", "words", "symbols", "subwords", ""]
LengthPenalty = Literal["wu", "average", "none"]
Metric = Literal["per", "wer", "cer", "bleu", ""]
Words = Literal["13a", "intl", "zh", "char", ""]
METRICS = {"symbols": "per", "characters": "cer", "words": "bleu", "subwords": "bleu"}
# Between the logits of every token and the true ones.
LOSSES = ("token_cross_entropy", "token_focal", "unlikelihood", "r_drop")
SPELLING = ("cmudict", "pronalsyl")  # words to phonemes


@dataclass(frozen=True)
class DataConfig:
    """Which pairs, how they are split, tokenised and put into batches."""

    name: Name = ""  # empty: by the path; "cmudict" without one
    path: str = ""  # a .tsv, .csv or .jsonl file, also .gz; or a folder of splits
    target_path: str = ""  # a text file whose lines are the targets of those of path
    columns: tuple[str, ...] = ()  # of source and target: names, or counted from 1
    delimiter: str = ""  # between the columns; empty: by the suffix
    encoding: str = "utf-8"  # of the files
    most_odd: float = 0.05  # share of the lines that may be skipped
    stress: bool = False  # keep the stress marks of cmudict
    normalise: Form = "NFC"  # Unicode form of the texts
    lower: Literal[Lower, ""] = ""  # side without capitals; empty: words to phonemes
    source_tokens: Tokens = ""  # empty: "characters" of words to phonemes, or subwords
    target_tokens: Tokens = ""  # empty: "symbols" of words to phonemes, or subwords
    vocabulary_size: int = 8000  # ids of a side at most
    joined: bool = False  # one vocabulary for both sides
    byte_fallback: bool = True  # sub-words spell in bytes what they lack
    max_length: int = 256  # tokens of a side; longer pairs are left out
    validation_share: float = 0.05  # of the sources, where no such split is given
    test_share: float = 0.05  # of the sources, where no such split is given
    split_seed: int = 0  # of the split alone; cmudict has one that is fixed
    whole: bool = False  # no splits: all is for test, as kerazoo evaluate takes it
    limit: int = 0  # sources of each split, for a quick try; 0: all
    tokens_per_batch: int = 2048  # of a step: of the longer side, padding included
    buckets: int = 8  # shapes of batches at most

    def __post_init__(self):
        for name in ("validation_share", "test_share"):
            above(f"data.{name}", getattr(self, name), 0)
        share(
            "data.validation_share + test_share",
            self.validation_share + self.test_share,
        )
        share("data.most_odd", self.most_odd)
        for name in ("limit", "split_seed"):
            at_least(f"data.{name}", getattr(self, name), 0)
        for name in ("tokens_per_batch", "buckets"):
            at_least(f"data.{name}", getattr(self, name), 1)
        at_least("data.max_length", self.max_length, 2)
        at_least("data.vocabulary_size", self.vocabulary_size, 5)
        if self.source == "pairs" and not self.path:
            raise ValueError("pairs need --data.path FILE or FOLDER")
        if self.name == "cmudict" and self.path:
            raise ValueError("cmudict is built in and takes no --data.path")
        if self.stress and self.source != "cmudict":
            raise ValueError("data.stress is for cmudict, which alone has such marks")
        if self.target_path and not self.path:
            raise ValueError("data.target_path needs the sources, --data.path FILE")
        if self.target_path and (self.columns or self.delimiter):
            raise ValueError("with data.target_path, lines are whole, without columns")
        if self.joined and len(set(self.tokens)) > 1:
            raise ValueError(
                f"data.joined needs one kind of tokens; got {' and '.join(self.tokens)}"
            )

    @property
    def source(self) -> str:
        """The name, or what an empty one stands for."""
        if self.name or not self.path:
            return self.name or "cmudict"
        folder = Path(self.path).expanduser()
        given = (folder / "g014b2b.train.gz").is_file()
        return "pronalsyl" if given else "pairs"

    @property
    def tokens(self) -> tuple[str, str]:
        """The kinds of source and target tokens, or what empty ones stand for."""
        usual = (
            ("characters", "symbols") if self.source in SPELLING else ("subwords",) * 2
        )
        return self.source_tokens or usual[0], self.target_tokens or usual[1]

    @property
    def lowered(self) -> str:
        """Which side loses its capitals, or what an empty one stands for."""
        return self.lower or ("source" if self.source in SPELLING else "none")


@dataclass(frozen=True)
class DecodingConfig:
    """How answers are searched for when a run is evaluated and its model is used."""

    beam: int = 4  # hypotheses that are followed; 1: greedy
    length_penalty_kind: LengthPenalty = "wu"  # "average": by the length; or "none"
    length_penalty: float = 0.6  # alpha of Wu et al. 2016, of "wu" alone; 0: none
    coverage_penalty: float = 0.0  # beta of Wu et al., of a beam alone; 0: none
    no_repeat_ngram: int = 0  # tokens in a row that occur only once; 0: all may again
    min_length: int = 0  # tokens of an answer before it may end
    max_length: int = 0  # tokens of an answer; 0: as many as the longest target
    batch_size: int = 64  # sources that are answered side by side
    samples: int = 2000  # validation sources answered after every epoch; 0: all

    def __post_init__(self):
        for name in ("beam", "batch_size"):
            at_least(f"decoding.{name}", getattr(self, name), 1)
        for name in ("length_penalty", "coverage_penalty", "no_repeat_ngram"):
            at_least(f"decoding.{name}", getattr(self, name), 0)
        for name in ("min_length", "max_length", "samples"):
            at_least(f"decoding.{name}", getattr(self, name), 0)
        if self.min_length >= self.max_length > 0:
            raise ValueError(
                "decoding.min_length must be below decoding.max_length, which counts "
                f"the end too; got {self.min_length} and {self.max_length}"
            )


@dataclass(frozen=True)
class Config(TrainingConfig):
    """A model from sequences to sequences."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(name="transformer_small")
    )
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    task_metric: Metric = ""  # how answers are judged; empty: by the target tokens
    bleu_words: Words = ""  # what BLEU counts; empty: by the script of the targets
    experiment: str = "seq2seq"  # the MLflow experiment
    epochs: int = 20  # passes over the training split; 0: weights as they are
    learning_rate: float = 1e-3  # the highest, reached after the warm-up
    warmup_epochs: float = 2.0  # epochs of linear rise from 0
    global_clipnorm: float = 1.0  # largest norm of the whole gradient; 0: no limit
    loss: str = "token_cross_entropy"  # a name from `kerazoo list losses`
    label_smoothing: float = 0.1  # share of the target spread over all tokens
    monitor: str = ""  # which metric picks the best epoch; empty: the task's
    export: tuple[
        Literal["saved_model", "tflite", "tflite-fp16", "tflite-int8-dynamic"], ...
    ] = ("saved_model", "tflite", "tflite-fp16", "tflite-int8-dynamic")  # what to write

    def __post_init__(self):
        one_of("loss", self.loss, LOSSES)
        super().__post_init__()
        for_task(self.model.name, "seq2seq")
        # What is written down with a run is what was meant.
        object.__setattr__(self, "data", as_trained(self.data, self.model.facts))
        object.__setattr__(self, "monitor", self.monitor or f"val_{self.metric}")

    @property
    def metric(self) -> str:
        """How answers are judged, or what an empty one stands for."""
        return self.task_metric or METRICS[self.data.tokens[1]]
