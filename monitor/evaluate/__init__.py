"""How good the detector is: days with known dips, scoring, rivals, and the command that runs them."""
