"""A slow and obvious beam search, over lists of hypotheses; the tests' reference."""

import math
from dataclasses import dataclass, field

import numpy as np

PAD, START, END = 0, 1, 2


@dataclass
class Hypothesis:
    log_prob: float = 0.0
    tokens: list[int] = field(default_factory=list)
    attention: list[np.ndarray] = field(default_factory=list)

    def score(self, options) -> float:
        length = len(self.tokens)
        alpha = options.length_penalty
        divisor = {
            "none": 1,
            "average": length,
            "wu": (5 + length) ** alpha / (5 + 1) ** alpha,
        }[options.length_penalty_kind]
        score = self.log_prob / divisor
        if options.coverage_penalty:
            for coverage in np.sum(self.attention, axis=0):
                score += options.coverage_penalty * math.log(min(coverage, 1.0))
        return score


def beam_search(predict, options, prefix=()):
    """Return the n best hypotheses, the best first, as pairs of tokens and score.

    Args:
        predict: from the tokens so far to the log-probabilities of the next one, and
            the attention to the source's tokens.
        options: a `Decoding`.
        prefix: forced tokens.
    """
    live, finished = [Hypothesis()], []
    for _ in range(options.max_length):
        candidates = []
        for old in live:
            log_probs, attention = predict(old.tokens)
            for token in allowed(old.tokens, len(log_probs), options, prefix):
                new = Hypothesis(
                    old.log_prob + float(log_probs[token]),
                    [*old.tokens, token],
                    [*old.attention, attention],
                )
                candidates.append(new)
        candidates.sort(key=lambda new: new.log_prob, reverse=True)
        kept = candidates[: options.beam_size - len(finished)]
        live = [new for new in kept if new.tokens[-1] != END]
        finished += [new for new in kept if new.tokens[-1] == END]
    results = [(one.tokens, one.score(options)) for one in finished]
    return sorted(results, key=lambda result: result[1], reverse=True)[: options.n_best]


def allowed(tokens, vocabulary, options, prefix) -> list[int]:
    if len(tokens) == options.max_length - 1:
        return [END]
    if len(tokens) < len(prefix):
        return [prefix[len(tokens)]]
    choice = [token for token in range(vocabulary) if token not in (PAD, START)]
    if len(tokens) < options.min_length:
        choice.remove(END)
    if n := options.no_repeat_ngram:
        seen = {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}
        recent = tokens[len(tokens) - n + 1 :]
        choice = [token for token in choice if (*recent, token) not in seen]
    return choice
