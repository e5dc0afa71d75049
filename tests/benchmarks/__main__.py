"""`make bench`: all figures, to be copied into docs/benchmarks.md with the machine they are from."""

from tests.benchmarks import ingest, ticks, viewers, xlsx

ticks.main()
ingest.main()
xlsx.main()
viewers.main()
