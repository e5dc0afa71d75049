"""Speed and memory figures, run by hand: `make bench`. Nothing here is asserted."""
