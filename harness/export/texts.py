"""The signature `texts` of a SavedModel: a batch of texts in, a batch of texts out.

What `text.py` and `tokenisers.py` of pairs do is written with TensorFlow's own
operators, so that a server needs nothing else. Not everything can be: sub-words need
sentencepiece, and Unicode forms need tensorflow-text.
"""

from typing import Any

import keras
import tensorflow as tf

from kerazoo.harness.texts.token_search import CLOSING, OPENING, UNKNOWN_TEXT
from kerazoo.zoo.seq2seq.tokens import END, NUM_SPECIAL, PAD, UNKNOWN

TEXTS = "texts"  # the signature, its input and its output
# What Python takes for spaces; \s of RE2, which TensorFlow uses, knows those of ASCII.
SPACE = (
    r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
)
LETTER = r"[\p{L}\p{N}\p{M}_\x{200c}\x{200d}]"  # of a word, as in `words_of`
WORD = rf"{LETTER}+(?:['’-]{LETTER}+)*|[^ ]"
SUBWORDS = "no signature `texts`: sub-words need sentencepiece"


def add_texts(
    archive: keras.export.ExportArchive, model: keras.Model, form: dict[str, Any]
) -> str:
    """Add the signature to a SavedModel, if the tokenisers allow it.

    Args:
        archive: of the SavedModel.
        model: a row of source tokens in, a row of target tokens out.
        form: `source_tokeniser`, `target_tokeniser` and `source_normaliser`, as in a
            run's `data.json`.

    Returns:
        What a client must know, or why there is no signature.
    """
    source, target = form["source_tokeniser"], form["target_tokeniser"]
    if "subwords" in (source["kind"], target["kind"]):
        return SUBWORDS
    lower, length = form["source_normaliser"]["lower"], model.inputs[0].shape[1]
    known = source["tokens"][NUM_SPECIAL:]
    ids = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(
            known, range(NUM_SPECIAL, NUM_SPECIAL + len(known)), tf.string, tf.int32
        ),
        default_value=UNKNOWN,
    )
    archive.track(ids)

    def serve(texts):
        tokens = split(source["kind"], single_spaces(texts, lower))
        rows = ids.lookup(tokens)[:, : length - 1]
        end = tf.fill([tf.shape(texts)[0], 1], END)
        rows = tf.concat([rows, end], axis=1).to_tensor(PAD, shape=(None, length))
        answers = model(rows, training=False)
        answers = joined(target["kind"], target["tokens"], answers)
        return {TEXTS: tf.where(rows[:, 0] == END, "", answers)}  # nothing was asked

    signature = [tf.TensorSpec((None,), tf.string, name=TEXTS)]
    archive.add_endpoint(TEXTS, serve, input_signature=signature)
    return description(source["kind"], form["source_normaliser"], length)


def description(kind: str, normaliser: dict[str, Any], length: int) -> str:
    """Say what a client must know of the signature."""
    said = ["signature `texts`: texts (batch,) in, texts (batch,) out"]
    if (form := normaliser["form"]) != "none":
        said.append(f"send texts in Unicode {form}: TensorFlow cannot convert others")
    if normaliser["lower"]:
        said.append("capitals become small, but for 40 of Unicode 14 (Vithkuqi)")
    said.append(f"what comes after {length - 1} {kind} is left out")
    return "; ".join(said)


def single_spaces(texts: tf.Tensor, lower: bool) -> tf.Tensor:
    """Do to texts what `text.Normaliser` does, but for the Unicode form."""
    if lower:
        texts = tf.strings.lower(texts, encoding="utf-8")
    return tf.strings.strip(tf.strings.regex_replace(texts, f"{SPACE}+", " "))


def split(kind: str, texts: tf.Tensor) -> tf.RaggedTensor:
    """Split texts with single spaces as `tokenisers.ListTokeniser` does."""
    if kind == "characters":
        return tf.strings.unicode_split(texts, "UTF-8")
    if kind == "words":
        texts = tf.strings.regex_replace(texts, f"({WORD})", r"\1 ")
    return tf.strings.split(texts)


def joined(kind: str, known: list[str], tokens: tf.Tensor) -> tf.Tensor:
    """Return the texts of rows of tokens as `tokenisers.ListTokeniser` does."""
    known = [*known[:UNKNOWN], UNKNOWN_TEXT, *known[NUM_SPECIAL:]]
    ended = tf.cumsum(tf.cast(tokens == END, tf.int32), axis=1) > 0
    kept = ~ended & (tokens > END)  # PAD and START come before END
    words = tf.ragged.boolean_mask(tf.gather(known, tokens), kept)
    between = "" if kind == "characters" else " "
    texts = tf.strings.reduce_join(words, axis=1, separator=between)
    if kind == "words":
        texts = tf.strings.regex_replace(texts, CLOSING, r"\1")
        texts = tf.strings.regex_replace(texts, OPENING, r"\1")
    return texts
