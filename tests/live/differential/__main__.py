"""Plays random sessions directly and through `hushql serve`, and compares every byte that a client gets.

    python -m tests.live.differential --server 'mysql://user:password@host:3306/schema?ca=/path/ca.pem' \\
        --mode suppress --scenarios 20000 --seed 1 --jobs 2 --option=--sample=0

The server has to be one's own: schemas and accounts are made in it, and dropped again. Without `--server` it is a
private MariaDB. Each job has a schema and a proxy of its own. Seeds of two runs are the same scripts.

    --mode direct      no proxy: what differs then is this suite's own doing
    --mode off|observe|suppress
    --option X         a further option of `hushql serve`; may be given several times
    --findings N       stop a job after so many differences; 5 unless said
    --script FILE      play the script in the file instead, as a difference prints it
    --bug NAME         with a bug planted in the proxy (bugs.py)
    --hunt             for that bug, or each, how many scenarios find it; the exit code is 1 if some do not

Prints differences as small scripts with the first packets that differ, then what was withheld by which rule. The exit
code is 1 if there was one; a wrong prediction of the proxy's, and a connection that goes blind, count as such. What is
`unsteady` differed too, but also between two direct runs, or by a wait for a lock that did not come again.
"""

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from .bugs import BUGS
from .script import parse
from .shares import Result, Share, hunt, replay, run, the_server
from .sides import MODES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.live.differential", allow_abbrev=False)
    parser.add_argument("--server", default=os.environ.get("HUSHQL_TEST_SERVER", ""), metavar="DSN")
    parser.add_argument("--mode", choices=MODES, default="suppress")
    parser.add_argument("--scenarios", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first script's")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--option", action="append", default=[], metavar="X", help="a further one of `hushql serve`")
    parser.add_argument("--findings", type=int, default=5, metavar="N")
    parser.add_argument("--script", type=Path, metavar="FILE")
    parser.add_argument("--bug", choices=BUGS, default="", metavar="NAME")
    parser.add_argument("--hunt", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Run the command; return its exit code."""
    wanted = _arguments()
    seeds = range(wanted.seed, wanted.seed + wanted.scenarios)
    share = Share(wanted.mode, seeds, tuple(wanted.option), wanted.bug, wanted.findings)
    if wanted.hunt:
        return _hunt(wanted.server, share)
    if wanted.script:
        result = replay(wanted.server, share, parse(wanted.script.read_text()))
    else:
        result = _in_jobs(wanted.server, share, wanted.jobs)
    print(result.summary())
    return 1 if result.findings else 0


def _in_jobs(dsn: str, share: Share, jobs: int) -> Result:
    result = Result()
    shares = [replace(share, seeds=share.seeds[job::jobs]) for job in range(jobs)]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(partial(run, dsn), shares):
            result.add(part)
    return result


def _hunt(dsn: str, share: Share) -> int:
    missed = 0
    with the_server(dsn) as server:
        for name in [share.bug] if share.bug else BUGS:
            scenarios, found = hunt(server, replace(share, bug=name))
            missed += found is None
            print(f"{'not found' if found is None else 'found'} after {scenarios:4} scenarios: {name}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
