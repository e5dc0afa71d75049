"""Where arrivals come from. This version reads folders."""
