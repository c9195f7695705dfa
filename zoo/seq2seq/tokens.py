"""The tokens that mean the same in every model and every vocabulary."""

PAD = 0  # fills sequences up; never predicted
START = 1  # comes before the first token of a target
END = 2  # comes after the last token
UNKNOWN = 3  # stands for what the vocabulary does not hold
NUM_SPECIAL = 4  # real tokens begin here
