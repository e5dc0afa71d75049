"""Signals, alerts and their story: pure state machines, and the desk that keeps them."""
