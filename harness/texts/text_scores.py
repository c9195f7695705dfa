"""Scores of answered texts against one or several references each.

Error rates through `jiwer`; BLEU (Papineni et al. 2002, doi:10.3115/1073083.1073135)
and chrF (Popović 2015, doi:10.18653/v1/W15-3049) through `sacrebleu`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Thai, Lao, Burmese, Khmer, Japanese and Chinese.
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff]"
)
References = Sequence[Sequence[str]]  # by sample: one text or more that are right


@dataclass(frozen=True)
class TextMetric:
    """How answers of one kind are judged; the first score picks the best epoch.

    Args:
        name: of the first score.
        measure: (answers, references) → scores by name.
        higher_is_better: of the first score.
    """

    name: str
    measure: Callable[[Sequence[str], References], dict[str, float]]
    higher_is_better: bool = False


def signature(name: str, words: str = "13a") -> str:
    """Say how a score was computed, in the words of the package that computes it.

    Args:
        name: a key of METRICS.
        words: as in `translation_scores`.
    """
    from importlib.metadata import version

    if name != "bleu":
        return f"jiwer {version('jiwer')}, to the nearest reference"
    import sacrebleu

    bleu = sacrebleu.BLEU(tokenize=words, effective_order=True)
    chrf = sacrebleu.CHRF()
    for metric in (bleu, chrf):
        metric.corpus_score(["a"], [["a"]])
    return f"BLEU {bleu.get_signature()}; chrF {chrf.get_signature()}"


def phoneme_errors(answers: Sequence[str], references: References) -> dict[str, float]:
    """Score pronunciations: symbols with spaces between them.

    Returns:
        `per`, the share of symbols that are wrong, and `wer`, the share of words whose
        pronunciation is not one of the references: the terms of that literature.

    >>> phoneme_errors(["K AE T"], [["K AA T", "K EH T S"]])
    {'per': 0.3333333333333333, 'wer': 1.0}
    """
    rate, wrong = _errors(answers, references, by_characters=False)
    return {"per": rate, "wer": wrong}


def word_errors(answers: Sequence[str], references: References) -> dict[str, float]:
    """Score sentences: `wer`, the share of words, and the share of `sentences` wrong.

    >>> word_errors(["a b d"], [["a b c d"]])
    {'wer': 0.25, 'sentence_error': 1.0}
    """
    rate, wrong = _errors(answers, references, by_characters=False)
    return {"wer": rate, "sentence_error": wrong}


def character_errors(
    answers: Sequence[str], references: References
) -> dict[str, float]:
    """Score texts: `cer`, the share of characters, and the share of texts wrong.

    >>> character_errors(["abd"], [["abcd"]])
    {'cer': 0.25, 'sequence_error': 1.0}
    """
    rate, wrong = _errors(answers, references, by_characters=True)
    return {"cer": rate, "sequence_error": wrong}


def translation_scores(
    answers: Sequence[str], references: References, words: str = "13a"
) -> dict[str, float]:
    """Score translations: `bleu` and `chrf`, both 0 to 100; `signature` says how.

    Args:
        answers: (samples,).
        references: of each.
        words: how sacrebleu parts a text into words for BLEU; by "13a" a text without
            spaces, as Chinese is written, is one word.

    >>> translation_scores(["a cat sat on mats"], [["a cat sat on mats"]])
    {'bleu': 100.0, 'chrf': 100.0}
    """
    import sacrebleu

    most = max(map(len, references))
    # sacrebleu takes first references, second ones …, with None where there is none.
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    # Texts of less than four words have no sequences of four: shorter ones count.
    measure = sacrebleu.BLEU(tokenize=words, effective_order=True)
    bleu = measure.corpus_score(list(answers), streams).score
    chrf = sacrebleu.corpus_chrf(list(answers), streams).score
    return {"bleu": round(bleu, 4), "chrf": round(chrf, 4)}


def words_of_bleu(targets: Sequence[str]) -> str:
    """Say what BLEU should count: words, or characters where no spaces part them.

    >>> words_of_bleu(["猫が見る。", "犬"]), words_of_bleu(["le chat"])
    ('char', '13a')
    """
    letters = re.sub(r"\s", "", "".join(targets))
    return "char" if 2 * len(SPACELESS.findall(letters)) > len(letters) else "13a"


def nearest_edits(
    answers: Sequence[str], references: References, by_characters: bool = False
) -> list[tuple[int, int]]:
    """Return (edits, length) to the reference that takes the fewest edits, by sample.

    Edits are insertions, deletions and substitutions of words (of characters), length
    is the reference's in the same unit.
    """
    import jiwer

    process = jiwer.process_characters if by_characters else jiwer.process_words
    pairs = [
        (reference, answer)
        for answer, several in zip(answers, references, strict=True)
        for reference in several
    ]
    result = process([r for r, _ in pairs], [a for _, a in pairs])
    found = zip(result.references, result.alignments, strict=True)
    counts = iter([(_edits(chunks), len(units)) for units, chunks in found])
    return [
        min((next(counts) for _ in several), key=lambda count: count[0])
        for several in references
    ]


def _edits(chunks) -> int:
    return sum(
        max(
            chunk.ref_end_idx - chunk.ref_start_idx,
            chunk.hyp_end_idx - chunk.hyp_start_idx,
        )
        for chunk in chunks
        if chunk.type != "equal"
    )


def _errors(answers, references, by_characters: bool) -> tuple[float, float]:
    counts = nearest_edits(answers, references, by_characters)
    edits, length = (sum(column) for column in zip(*counts, strict=True))
    return edits / length, sum(edits > 0 for edits, _ in counts) / len(counts)


METRICS = {
    "per": TextMetric("per", phoneme_errors),
    "wer": TextMetric("wer", word_errors),
    "cer": TextMetric("cer", character_errors),
    "bleu": TextMetric("bleu", translation_scores, higher_is_better=True),
}
