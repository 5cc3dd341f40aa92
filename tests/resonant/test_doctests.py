"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import resonant

MODULES = sorted(file.stem for file in Path(resonant.__path__[0]).glob("*.py") if ">>>" in file.read_text())


@pytest.mark.parametrize("module", MODULES)
def test_examples(module: str):
    assert doctest.testmod(importlib.import_module(f"resonant.{module}")).failed == 0


def test_there_are_examples():
    assert MODULES
