import pytest

from tests.property.vintages import Models, compiled_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The SQL of the models between a landed row and a published one."""
    return compiled_models(tmp_path_factory.mktemp("compiled"))
