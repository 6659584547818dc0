"""Deeper models, and a task that needs history: claims of ours, with committed predictions.

Measured by the experiment `depth`. Sentences, bounds and reasons stand in depth.toml, which was
committed before any run.
"""

from __future__ import annotations

from planrl.claims.soft_and_noise import read_claims

CLAIMS = read_claims("depth.toml")
"""A claim for each entry."""
