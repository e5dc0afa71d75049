"""What the data rules go by: corrections, resets, quarantine, and when an alert reopens."""

from __future__ import annotations

from datetime import timedelta

CORRECTION_SHARE = 0.01  # of the campaign's total so far, within an hour
CORRECTION_SPAN = timedelta(hours=1)
RESET_SHARE = 0.5  # of a counter's volume that fell to nothing in one snapshot: no correction
NEAR_NOTHING = 0.1  # of what a key had: what a counter that began anew may show already
BACK_AGAIN = 0.9  # of what it had: a counter that fell and came back
RESET_SPAN = timedelta(hours=1)  # that a reset is told for
QUARANTINE_SHARE = 0.05  # of a file's rows: above it a person should look
CLEAN_FILES = 3  # after which quarantine is over
REOPEN_WITHIN = timedelta(minutes=30)
