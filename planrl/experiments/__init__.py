"""The paper's experiments: frozen settings, a `run`, and the results that `reproduce` wrote."""
