import pytest

from tests.diffusion.families import tiny_flows


@pytest.fixture(scope="session")
def flows(tmp_path_factory):
    """family -> a tiny loaded model of it, made on first use."""
    made = {}

    def get(family: str):
        if family not in made:
            made[family] = tiny_flows.model(family, tmp_path_factory.mktemp(family))
        return made[family]
    return get


@pytest.fixture(params=tiny_flows.FAMILIES)
def model(request, flows):
    return flows(request.param)
