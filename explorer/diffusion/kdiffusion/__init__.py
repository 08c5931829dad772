"""Sampling as k-diffusion's programs do it (A1111, ComfyUI, Forge): their noise levels, samplers and noise.

`schedules` spaces the levels, `samplers` steps along them, `noises` draws what a step adds, `denoiser` turns a
network's output into the picture that it implies, `replaying` puts them together for a batch of recipes.
"""
