"""Let the model of a sequence-to-sequence run answer texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerazoo.harness.config import above, at_least
from kerazoo.harness.texts.text import Normaliser
from kerazoo.harness.texts.tokenisers import of_facts
from kerazoo.harness.texts.translation import Answer, batch_size_of, translate
from kerazoo.harness.wording import shown
from kerazoo.zoo.seq2seq.tokens import UNKNOWN

if TYPE_CHECKING:
    import keras

    from kerazoo.zoo.seq2seq.decoding import Translator

# Options of `Decoding` that a run keeps; an older one lacks some.
OF_A_RUN = (
    *("length_penalty_kind", "length_penalty", "coverage_penalty"),
    *("no_repeat_ngram", "min_length"),
)


@dataclass(frozen=True)
class TextSearch:
    """How answers are searched for; the fields are flags of `kerazoo predict`.

    Raises:
        ValueError: a value is out of its range, or would do nothing.
    """

    top: int = 1  # answers to each text
    beam: int | None = None  # hypotheses that are followed; None: as evaluated, or top
    sample: bool = False  # draw the answers at random instead
    temperature: float = 1.0  # of the sample: below 1 it is more likely the best
    top_k: int = 0  # most probable tokens to draw from; 0: all
    top_p: float = 1.0  # sum of the probabilities to draw from
    seed: int = 0  # of the sample
    no_repeat_ngram: int | None = None  # tokens in a row that occur only once; 0: off
    prefix: str = ""  # how every answer begins

    def __post_init__(self):
        at_least("--top", self.top, 1)
        for name in ("top_k", "seed"):
            at_least(_flag(name), getattr(self, name), 0)
        at_least("--no-repeat-ngram", self.no_repeat_ngram or 0, 0)
        above("--temperature", self.temperature, 0)
        if not 0 < self.top_p <= 1:
            raise ValueError(f"--top-p must be above 0, at most 1; got {self.top_p}")
        if self.beam is not None:
            if self.sample:
                raise ValueError("--sample follows no beam: leave out --beam")
            at_least("--beam", self.beam, 1)
            at_least(f"--beam of --top {self.top}", self.beam, self.top)
        of_samples = ("temperature", "top_k", "top_p", "seed")
        unused = [
            _flag(name)
            for name in of_samples
            if getattr(self, name) != getattr(TextSearch, name)
        ]
        if unused and not self.sample:
            raise ValueError(f"{', '.join(unused)} would do nothing without --sample")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def predict_texts(
    model: "keras.Model",
    facts: dict[str, Any],
    texts: Sequence[str],
    search: TextSearch | None = None,
) -> list[list[Answer]]:
    """Return the best answers to every text, in the order of the texts.

    Texts are brought into the form that the model was trained on.

    Args:
        model: of the run: tokens in, tokens out.
        facts: of the run, from its `data.json`.
        texts: any number; they are decoded in batches of about the same length.
        search: how; None: as when the run was evaluated.

    Raises:
        ValueError: no answer can begin with `search.prefix`.
    """
    translator = as_evaluated(model, facts, search)
    prefix = []
    if search and search.prefix:
        prefix = _ids_of_prefix(search.prefix, facts, translator)
    normalise = Normaliser(**facts["source_normaliser"])
    texts = [normalise(text) for text in texts]
    size = batch_size_of(facts)
    return translate(translator, texts, *of_facts(facts), size, prefix)


def _ids_of_prefix(
    text: str, facts: dict[str, Any], translator: "Translator"
) -> list[int]:
    text = Normaliser(**facts["target_normaliser"])(text)
    _, target = of_facts(facts)
    prefix = target.encode(text)
    if UNKNOWN in prefix:
        raise ValueError(
            f"--prefix {shown(text)}: no answer can begin so; it reads "
            f"{shown(target.decode(prefix))!r} in the tokens of the run, {target.kind}"
        )
    try:
        translator.check_prefix(prefix)
    except ValueError as error:
        raise ValueError(f"--prefix {shown(text)}: {error}") from error
    return prefix


def as_evaluated(
    model: "keras.Model", facts: dict[str, Any], search: TextSearch | None = None
) -> "Translator":
    """Let a run's stored model, which is greedy, search as when it was evaluated.

    Args:
        model: of the run: tokens in, tokens out.
        facts: of the run, from its `data.json`, or `Data.metadata`.
        search: what shall be otherwise.
    """
    from kerazoo.zoo.seq2seq.decoding import Decoding, Translator

    (greedy,) = (layer for layer in model.layers if isinstance(layer, Translator))
    search, evaluated = search or TextSearch(), facts["decoding"]
    beam = search.beam or max(evaluated["beam"], search.top)
    chosen = {name: evaluated[name] for name in OF_A_RUN if name in evaluated}
    if search.no_repeat_ngram is not None:
        chosen["no_repeat_ngram"] = search.no_repeat_ngram
    options = Decoding(
        **chosen,
        max_length=greedy.decoding.max_length,
        beam_size=1 if search.sample else beam,
        n_best=search.top,
        sample=search.sample,
        temperature=search.temperature,
        top_k=search.top_k,
        top_p=search.top_p,
        seed=search.seed,
    )
    return Translator(greedy.encoder, greedy.decoder, options)
