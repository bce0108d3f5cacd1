"""Some pure parts lie in modules that name their tables by the settings, which are there once the cloud runs."""

import pytest

from local.cloud import LocalCloud


@pytest.fixture
def configured(cloud: LocalCloud) -> LocalCloud:
    """Settings, and modules that may be imported."""
    return cloud
