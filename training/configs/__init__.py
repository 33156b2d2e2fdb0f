"""One file per published run; the diff between two files is the experiment."""
