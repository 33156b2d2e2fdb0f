"""Fills for plain backgrounds, and the gate that decides where one will do. Nothing here runs a network."""
