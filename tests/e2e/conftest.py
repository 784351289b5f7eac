"""One description of the server under test, one client per test."""

import json
import os

import pytest

from client import Client


@pytest.fixture(scope="session")
def about():
    """The description in the file that WSW_E2E names; tests/e2e/driver.py writes it."""
    path = os.environ.get("WSW_E2E")
    if not path:
        pytest.exit("WSW_E2E names no file: run tests/run.py, which starts the server", returncode=3)
    with open(path) as file:
        return json.load(file)


@pytest.fixture
def client(about, request):
    """A user and an address that no other test has."""
    return Client(about, user=request.node.name[:40])
