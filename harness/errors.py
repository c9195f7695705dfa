"""Errors that are foreseen: the message says what is wrong and what to do."""


class UserError(ValueError):
    """What was asked for cannot be done; the message needs no traceback."""


class DataError(UserError):
    """The data cannot be used; the message says what was found and what to do."""


class NonFiniteError(UserError, ArithmeticError):
    """Training diverged: the loss, or a weight, is NaN or infinite."""
