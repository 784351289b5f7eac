"""The vectors that every language shares, through this package's own classes."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "python"))

import conform
import vectors

CASES = list(vectors.cases())


@pytest.mark.parametrize(
    ("question", "expect"), [case[2:] for case in CASES], ids=[f"{file}: {name}" for file, name, *_ in CASES]
)
def test_vector(question, expect):
    assert json.loads(json.dumps(conform.answer(json.dumps(question).encode()))) == expect


def test_there_are_vectors():
    own = [question for _, _, question, _ in CASES if question["op"] in conform.OPS]
    assert len(own) > 250, "answered through the package's own classes"
