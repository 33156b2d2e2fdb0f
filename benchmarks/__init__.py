"""Timed and measured claims. Results are kept in `results/`; tests hold no clock."""
