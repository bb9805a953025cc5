"""Folders of images of noise, of which no two are alike: healthy ones, and a copy to plant faults in."""

import shutil

import pytest
from tests.audit.images_of_noise import folders


@pytest.fixture(scope="session")
def healthy(tmp_path_factory):
    return folders(tmp_path_factory.mktemp("healthy") / "data")


@pytest.fixture
def data(healthy, tmp_path):
    return shutil.copytree(healthy, tmp_path / "data")
