"""`make bench`: all figures, to be copied into docs/benchmarks.md with the machine they are from."""

from tests.benchmarks import detect, ingest, ticks, viewers, xlsx

xlsx.main()  # first: a child's peak memory begins with its parent's
ingest.main()
ticks.main()
detect.main()
viewers.main()
