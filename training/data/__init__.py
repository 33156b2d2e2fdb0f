"""Endless synthetic pages with exact masks, and real pairs: from assets to samples.

`assets` -> `textures`, `tones`, `art`, `lettering` -> `pages` (through `canvas`, `wear`) -> `samples` (with `holes`,
`targets`) -> `pool` -> trainer. `python -m training.data.sheet` shows what comes out. Nothing here needs torch.
"""
