"""Simulated sale days, the labelled demo, and converters of recorded data."""
