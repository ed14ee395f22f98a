#!/usr/bin/env python3
"""Compares kontor with docker-registry and nginx on this machine. See README.md."""

import sys

sys.dont_write_bytecode = True  # this folder stays clean

import argparse
import contextlib
import shutil
import signal
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import report
from measurements import ALL, SMOKE, Bench, Sizes
from servers import BenchmarkError, find_program

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_KONTOR = ROOT / ".build/release/kontor"


def main():
    options = parse_options()
    # Whatever ends us ends the servers, too: their clean-up is in `finally` clauses.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        lines, text = run(options)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1
    print(text)
    if options.output:
        options.output.write_text(text + "\n")
    return 1 if options.strict and any(line.reached is False for line in lines) else 0


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes and one round: only proves that all runs and answers rightly")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each comparison (default: 5)")
    parser.add_argument(
        "--only", action="append", choices=ALL, metavar="NAME", help="one of: %(choices)s; may be repeated")
    parser.add_argument(
        "--kontor", type=Path, metavar="PATH", help="the program (default: .build/release/kontor, built if missing)")
    parser.add_argument(
        "--directory", type=Path, default=Path("/var/tmp"), metavar="DIR",
        help="where the temporary directory goes: on a disk (default: /var/tmp)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the result there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target was not reached")
    options = parser.parse_args()
    if options.smoke and options.strict:
        parser.error("--smoke measures nothing that could be held against a target: leave out --strict")
    if options.rounds is None:
        options.rounds = 1 if options.smoke else 5
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def run(options):
    kontor = find_kontor(options.kontor)
    sizes = SMOKE if options.smoke else Sizes()
    needed = sizes.disk(options.rounds)
    if shutil.disk_usage(options.directory).free < needed:
        raise BenchmarkError(f"{options.directory} needs {needed / 1e9:.0f} GB of free space")
    heading = [
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {options.rounds} round(s)"
        + (", smoke test: too small for its figures to mean anything" if options.smoke else ""),
        report.machine(),
        report.versions(
            kontor, find_program("docker-registry", "docker-registry"), find_program("nginx", "nginx-light"),
            find_program("wrk", "wrk")),
    ]
    lines = []
    # In the reverse order at the end: first the servers go, then their files.
    with tempfile.TemporaryDirectory(prefix="kontor-benchmark-", dir=options.directory) as directory:
        with contextlib.ExitStack() as cleanup:
            bench = Bench(kontor, directory, sizes, options.rounds, cleanup)
            for name in options.only or ALL:
                bench.progress(f"{name} ...")
                lines += ALL[name](bench)
    return lines, "  \n".join(heading) + "\n\n" + report.table(lines)


def find_kontor(path):
    if path is not None:
        if not path.is_file():
            raise BenchmarkError(f"there is no {path}")
        return path.resolve()
    if not DEFAULT_KONTOR.is_file():
        print("building kontor ...", file=sys.stderr)
        built = subprocess.run(
            ["swift", "build", "-c", "release", "--product", "kontor"], cwd=ROOT, stdout=sys.stderr)
        if built.returncode != 0:
            raise BenchmarkError("kontor cannot be built")
    return DEFAULT_KONTOR


if __name__ == "__main__":
    sys.exit(main())
