"""`make bench`: all figures, to be copied into docs/benchmarks.md with the machine they are from."""

from tests.benchmarks import ticks, viewers

ticks.main()
viewers.main()
