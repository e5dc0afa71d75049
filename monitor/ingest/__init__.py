"""From files to facts: sources, reading, counters, loading."""
