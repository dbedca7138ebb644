"""The models' own unit tests, on the inputs they spell out; they stand beside the models in yml."""

from orchestration.warehouse import Warehouse
from undertow.settings import Home


def test_models_pass_their_unit_tests(sample_home: Home) -> None:
    results = Warehouse(sample_home).unit_test()
    assert len(results) >= 16
    assert {result.name: result.message for result in results if result.status != "pass"} == {}
