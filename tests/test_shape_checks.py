"""The tests notice a wrong shape: in the first calls of each test, and then now and then."""

import jaxtyping
import pytest
import shape_checks
import torch

import planrl as pr


def refused(calls):
    """Which of so many calls with pairs of three columns are refused, counted from 1."""
    wrong, found = torch.zeros(2, 3, dtype=torch.long), []
    for number in range(1, calls + 1):
        try:
            pr.Vocab(4).prompt(wrong)
        except jaxtyping.TypeCheckError:
            found.append(number)
    return found


def test_a_wrong_shape_is_an_error_in_the_first_calls_of_a_test_and_then_in_one_of_so_many():
    first, later = list(range(1, shape_checks.FIRST + 1)), shape_checks.EVERY
    assert refused(2 * later) == [*first, later, 2 * later]
    shape_checks.begin()
    assert refused(later - 1) == first


def test_the_fields_of_a_batch_are_checked_too():
    tokens = torch.zeros(2, 5, dtype=torch.long)
    with pytest.raises(jaxtyping.TypeCheckError):
        pr.Batch(torch.ones(2, 4, dtype=torch.bool), torch.zeros(3, 4), tokens)
