"""The networks. Each module is one idea from one paper, small enough to be read beside it.

All take and return tensors only.
"""
