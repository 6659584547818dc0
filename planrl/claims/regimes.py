"""Claims in the regimes where they can be tested; the predictions are those of a file.

`predictions.toml` was committed before the first run of any regime, but for entries with a date of
their own, whose reasons say what had been seen. `regime_sentences` has the sentence of each id and
how its numbers are computed.
"""

from __future__ import annotations

from planrl.claims.predicted import claims, read_predictions
from planrl.claims.regime_sentences import SENTENCES

PREDICTIONS = read_predictions("predictions.toml")
"""The entries of predictions.toml."""
CLAIMS = claims(SENTENCES, PREDICTIONS, prefix="R-")
"""A claim for each id of the predictions."""
