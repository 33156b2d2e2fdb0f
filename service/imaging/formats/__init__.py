"""One module a file format: read its header, read its stored samples, write them back into the same file."""
