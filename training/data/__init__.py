"""Endless synthetic pages with exact masks, and real pairs: from assets to samples."""
