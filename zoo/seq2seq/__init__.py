"""Sequence to sequence models, and how they decode.

A model has the inputs "source" and "target" (int32, padded with 0 at the end), and two
layers that do all the work, `get_layer("encoder")` and `get_layer("decoder")`. What a
decoder offers for decoding, `decoding.py` says; `tokens.py` has the special tokens.

Importing this package imports no Keras. Before `keras.saving.load_model`, import the
module that has the layers: `kerazoo.zoo.seq2seq.transformer` or `.lstm`.
"""
