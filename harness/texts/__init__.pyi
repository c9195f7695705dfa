"""The names that templates use, by the files that they stand in."""

from . import datasets as datasets
from .batches import (
    PairBatches as PairBatches,
    make_batches as make_batches,
)
from .files import (
    Pair as Pair,
    read_pairs as read_pairs,
)
from .splits import (
    SPLITS as SPLITS,
    Splits as Splits,
    complete_splits as complete_splits,
    find_leaks as find_leaks,
    find_split_files as find_split_files,
    group_by_source as group_by_source,
    thin_out as thin_out,
)
from .text import (
    Form as Form,
    Lower as Lower,
    as_trained as as_trained,
    normalisers as normalisers,
)
from .text_scores import (
    words_of_bleu as words_of_bleu,
)
from .token_metrics import (
    Perplexity as Perplexity,
    TokenAccuracy as TokenAccuracy,
)
from .tokenisers import (
    Tokeniser as Tokeniser,
    fit_tokeniser as fit_tokeniser,
    of_facts as of_facts,
)
from .translation import (
    padded as padded,
)
