"""What LiteRT's GPU delegate, which runs a file on a phone's GPU, can take."""

from collections.abc import Iterable

# Those that give numbers and that the delegate has had since TensorFlow 2.9, by their
# names in a file; of some it still refuses some shapes. TensorFlow's own check, the
# `gpu_compatibility` of `tf.lite.experimental.Analyzer`, says of every file that it
# fits (2.21, https://github.com/tensorflow/tensorflow/issues/77042).
GPU_OPERATORS = {
    *("ABS", "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CONCATENATION", "CONV_2D"),
    *("COS", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "DIV", "ELU", "EXP"),
    *("FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "LSTM"),
    *("MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG"),
    *("PACK", "PAD", "POW", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN"),
    *("REDUCE_PROD", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR"),
    *("RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SIN", "SLICE", "SOFTMAX"),
    *("SPACE_TO_DEPTH", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE"),
    *("STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV"),
}


def beyond_gpu(operators: Iterable[str]) -> list[str]:
    """Return the operators that stay on the processor, in the order of their names.

    >>> beyond_gpu(["CONV_2D", "WHILE"])
    ['WHILE']
    """
    return sorted(set(operators) - GPU_OPERATORS)
