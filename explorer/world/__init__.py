"""The bundled world: public-domain works, a CLIP and a diffusion model whose memory is known.

Works come from the Open Clip Art Library 0.18 as Debian packages it. `build` makes
`assets/world/` from those packages, `check` measures it and writes its card, `derive`
rebuilds what quotes its fingerprint.
"""
