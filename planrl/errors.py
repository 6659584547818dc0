"""The errors planrl raises on purpose: what was given, what was expected, what to write."""


class InputError(ValueError):
    """Something given to planrl (an argument, a file, a setting) is not what it needs."""


class TrainingError(RuntimeError):
    """A run cannot go on; the model keeps the last parameters that were good."""


class SweepError(RuntimeError):
    """A run of a sweep failed; its settings are in the message, what it raised is the cause."""
