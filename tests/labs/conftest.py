"""What sessions of labs share."""

import pytest

from planrl.labs import Session, session

_BASES = {}


@pytest.fixture(scope="session")
def _bases():
    """A Transformer's start -> the weights, of sessions whose programs and loss are the usual ones."""
    plain = Session._starts

    def starts(self):
        usual = self.run is session._in_torch and self.loss is None
        if self.model_name != "transformer" or self.lab.name == "imitation" or not usual:
            return plain(self)
        values = self.state.values
        key = values["graph"], self.state.edges, values["seed"]
        if key not in _BASES:
            _BASES[key] = plain(self)
        return dict(_BASES[key])

    return starts


@pytest.fixture
def bases_are_trained_once(_bases, monkeypatch):
    """Sessions of one graph and seed start their Transformers from the same weights."""
    monkeypatch.setattr(Session, "_starts", _bases)
