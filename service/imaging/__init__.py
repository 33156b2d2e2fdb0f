"""Pixels in, pixels out: decoding, colours, masks, geometry, tiles. Nothing here knows about models or HTTP."""
