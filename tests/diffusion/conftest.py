import pytest

from tests.diffusion import tiny


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """variant -> a tiny loaded model, made on first use."""
    made = {}

    def get(variant: str):
        if variant not in made:
            made[variant] = tiny.model(variant, tmp_path_factory.mktemp(variant))
        return made[variant]
    return get


@pytest.fixture(params=tiny.VARIANTS)
def model(request, models):
    return models(request.param)
