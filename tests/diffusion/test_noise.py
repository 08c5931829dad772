import numpy as np
import pytest
import torch

from explorer.diffusion.noise import philox_normal, slerp, starting_noise
from explorer.errors import ExplorerError
from explorer.records import Variation

# torch.randn(12, device="cuda") after torch.manual_seed(0): the published figures of NVIDIA's generator.
CUDA_SEED_0 = [-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564,
               -0.62285122, -0.32838709, -1.07454231, -0.36314407, -1.67105067, 2.26550497]


def test_torch_cpu_noise_is_diffusers_noise():
    expected = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(5))[0]
    assert torch.equal(starting_noise(5, (4, 8, 8)), expected)


def test_philox_gives_the_cuda_generators_numbers():
    assert np.abs(philox_normal(0, 12) - CUDA_SEED_0).max() < 2e-6
    noise = starting_noise(0, (3, 2, 2), "a1111-nv-philox")
    assert np.allclose(noise.numpy().ravel(), CUDA_SEED_0, atol=2e-6)


def test_philox_noise_is_standard_normal():
    noise = philox_normal(2 ** 40 + 3, 65536)
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert abs(np.corrcoef(noise, philox_normal(3, 65536))[0, 1]) < 0.02


def test_variation_goes_from_one_seed_to_the_other():
    shape = (4, 16, 16)
    ends = [starting_noise(1, shape, variation=Variation(2, s)) for s in (0.0, 1.0)]
    assert torch.equal(ends[0], starting_noise(1, shape))
    assert torch.allclose(ends[1], starting_noise(2, shape), atol=1e-5)
    middle = starting_noise(1, shape, variation=Variation(2, 0.5))
    assert abs(float(middle.std()) - 1) < 0.1  # a linear mix would shrink it to 0.71


def test_slerp_golden_vector():
    """Worked by hand along the row axis: columns (1, 0) and (0, 1) meet at 45 degrees."""
    low, high = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0], [2.0]]])
    half = 0.5 ** 0.5
    assert torch.allclose(slerp(low, high, 0.5), torch.tensor([[[half], [2 * half]]]), atol=1e-6)


def test_bad_seeds_and_sources():
    with pytest.raises(ExplorerError, match="0 to 2"):
        starting_noise(-1, (4, 8, 8))
    with pytest.raises(ExplorerError, match="torch-cpu"):
        starting_noise(1, (4, 8, 8), "dice")
