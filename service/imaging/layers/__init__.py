"""Layered files: the upload at the bottom, a cover over each text, the mask on top. psd and ora write them."""
