"""A live monitor for e-commerce sale events. Start reading at `monitor/tick.py`."""

__version__ = "0.1.0"
