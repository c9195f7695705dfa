import keras
import pytest
from keras import layers

from kerazoo.zoo.counting import multiply_adds


def sequential(input_shape, *stack):
    return keras.Sequential([keras.Input(input_shape), *stack])


# Every count is worked out by hand: places × kernel entries.
@pytest.mark.parametrize(
    "input_shape, layer, expected",
    [
        ((7,), layers.Dense(5), 7 * 5),
        ((4, 7), layers.Dense(5), 4 * 7 * 5),
        ((10, 3), layers.Conv1D(5, 4, strides=2), 4 * (4 * 3 * 5)),
        ((9, 7, 4), layers.Conv2D(6, 3), (7 * 5) * (3 * 3 * 4 * 6)),
        ((9, 7, 4), layers.Conv2D(6, 3, 2, "same"), (5 * 4) * (3 * 3 * 4 * 6)),
        ((9, 7, 4), layers.Conv2D(6, 3, groups=2), (7 * 5) * (3 * 3 * 2 * 6)),
        ((4, 4, 4, 2), layers.Conv3D(3, 2), 3**3 * (2**3 * 2 * 3)),
        ((9, 7, 4), layers.DepthwiseConv2D(3), (7 * 5) * (3 * 3 * 4)),
        ((9, 4), layers.DepthwiseConv1D(3, depth_multiplier=2), 7 * (3 * 4 * 2)),
        ((9, 7, 4), layers.SeparableConv2D(6, 3), (7 * 5) * (3 * 3 * 4 + 4 * 6)),
        ((9, 4), layers.SeparableConv1D(6, 3), 7 * (3 * 4 + 4 * 6)),
        ((5, 5, 4), layers.Conv2DTranspose(6, 3, 2), (5 * 5) * (3 * 3 * 4 * 6)),
        ((5, 4), layers.Conv1DTranspose(6, 3, 2), 5 * (3 * 4 * 6)),
        ((5, 5, 4), layers.BatchNormalization(), 0),
        ((5, 5, 4), layers.LayerNormalization(), 0),
        ((5, 5, 4), layers.PReLU(shared_axes=(1, 2)), 0),
        ((5, 5, 4), layers.MaxPooling2D(), 0),
        ((5, 5, 4), layers.Dropout(0.5), 0),
    ],
)
def test_one_layer(input_shape, layer, expected):
    assert multiply_adds(sequential(input_shape, layer)) == expected


def test_models_within_models_are_counted():
    inner = sequential((7,), layers.Dense(5), layers.Dense(3))
    assert multiply_adds(sequential((7,), inner, layers.Dense(2))) == 35 + 15 + 6


def test_attention_is_its_projections_and_its_products():
    inputs = keras.Input((5, 6))
    attention = layers.MultiHeadAttention(2, 3, value_dim=4)
    model = keras.Model(inputs, attention(inputs, inputs))
    projections = 5 * 6 * (6 + 6 + 8) + 5 * 8 * 6
    assert multiply_adds(model) == projections + 5 * 5 * (6 + 8)


def test_a_layer_may_say_itself_what_it_costs():
    class Known(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(3,))

        def call(self, x):
            return x * self.scale

        def multiply_adds(self):
            return 7

    assert multiply_adds(sequential((3,), Known())) == 7


def test_an_unknown_weighted_layer_is_an_error():
    model = sequential((5, 3), layers.LSTM(4, name="memory"))
    with pytest.raises(ValueError, match="'memory' are not known: LSTM has weights"):
        multiply_adds(model)


def test_a_layer_used_twice_is_an_error():
    inputs, dense = keras.Input((3,)), layers.Dense(3, name="shared")
    with pytest.raises(ValueError, match="'shared' is used 2 times"):
        multiply_adds(keras.Model(inputs, dense(dense(inputs))))


def test_an_open_shape_is_an_error():
    model = sequential((None, None, 3), layers.Conv2D(2, 3, name="conv"))
    with pytest.raises(ValueError, match="'conv' has the open shape"):
        multiply_adds(model)
