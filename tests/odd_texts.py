"""Texts that are hard to split, and tokenisers of all kinds, fitted on them."""

from kerazoo.harness.texts.tokenisers import fit_tokeniser

TEXTS = [
    *("the cat sat on the mat.", "the dog (a hound) ran, too", '«ça» va-t’il? "a"'),
    *(
        "größe 日本語を勉強します zählt",
        "привет мир, как дела",
        "สวัสดีชาวโลก ที่นี่ می‌خواهم",
    ),
    *(
        "שלום עולם مرحبا بالعالم",
        "नमस्ते दुनिया छोटी बिल्ली",
        "🙂🙃 👩‍👩‍👧 e\u0301cole ﬁn x² ½ Ⅷ",
    ),
    *("لماذا؟ نعم، لا", "猫（犬）。「鳥」、魚！"),
    *("aaaa aaab abab bbbaab", "12 123 1999", "a ▁ b▁c ▁▁", "<pad> <0x41> <unk> </s>"),
]
UNITS = [
    *sorted({unit for text in TEXTS for unit in [*text, *text.split()]}),
    *(" ", "  ", "\t", "\n", "\x00", "\x1c", "\x85", "\u3000", "\u200b", "\ufeff"),
    *("\ufffd", "\u2047", "\u2585", "<s>", "<0xE2>", "Ж", "漢", "𝒳", "\U0010ffff"),
]
FITTED = {
    **{kind: fit_tokeniser(kind, TEXTS) for kind in ("characters", "words", "symbols")},
    "few words": fit_tokeniser("words", TEXTS, size=12),
    "bytes": fit_tokeniser("subwords", TEXTS * 9, size=420),
    "more": fit_tokeniser("subwords", TEXTS * 9, size=9999),
    "one letter": fit_tokeniser("subwords", ["a"], size=9999),
    "no bytes": fit_tokeniser("subwords", TEXTS, size=9999, byte_fallback=False),
    "letters": fit_tokeniser("subwords", ["ab", "ba"], size=7, byte_fallback=False),
}
