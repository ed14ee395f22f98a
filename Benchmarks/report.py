"""Lines of the result: figures, ratios, targets, and whether they were reached."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass
class Line:
    what: str
    kontor: str
    against: str = ""
    ratio: str = ""
    target: str = ""
    # None for a figure that has no target.
    reached: bool | None = None

    def cells(self):
        verdict = "" if self.reached is None else "reached" if self.reached else "**NOT reached**"
        return [self.what, self.kontor, self.against, self.ratio, self.target, verdict]


def compare(what, ours, peer, theirs, digits=2, at_least=None, at_most=None):
    """A line for our figures and a peer's, one of each per round. The ratio is the median of the rounds' ratios."""
    ratios = [our / max(their, 1e-9) for our, their in zip(ours, theirs, strict=True)]
    ratio = median(ratios)
    line = Line(
        what, f"{median(ours):,.{digits}f}", f"{peer} {median(theirs):,.{digits}f}", _with_range(ratios, 2, " x"))
    if at_least is not None:
        line.target, line.reached = f">= {at_least:g} x", ratio >= at_least
    elif at_most is not None:
        line.target, line.reached = f"<= {at_most:g} x", ratio <= at_most
    return line


def limit(what, values, below, digits=0):
    """A line for figures that must stay below a limit."""
    return Line(
        what, _with_range(values, digits, ""), target=f"< {below:g}", reached=median(values) < below)


def at_least(what, values, least, digits=0):
    """A line for figures that must reach a limit."""
    return Line(
        what, _with_range(values, digits, ""), target=f">= {least:g}", reached=median(values) >= least)


def figure(what, values, digits=2):
    """A line that only informs."""
    return Line(what, _with_range(values, digits, ""))


def _with_range(values, digits, unit):
    text = f"{median(values):,.{digits}f}{unit}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
    return text


def table(lines):
    heads = ["measured", "kontor", "against", "ratio", "target", "result"]
    rows = [heads, None] + [line.cells() for line in lines]
    widths = [max(len(row[i]) for row in rows if row) for i in range(len(heads))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" if row
        else "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        for row in rows)


def machine():
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / (1 << 20)
    return (
        f"{os.cpu_count()} cores ({processor[1] if processor else platform.machine()}), {memory:.0f} GiB memory, "
        f"Linux {platform.release()}, load before the run {os.getloadavg()[0]:.1f}")


def versions(kontor, docker_registry, nginx, wrk):
    texts = [_version(kontor, "--version"), "docker-registry " + _version(docker_registry, "--version").split()[-1],
             _version(nginx, "-v").removeprefix("nginx version: "), " ".join(_version(wrk, "-v").split()[:2]),
             "Python " + sys.version.split()[0]]
    return ", ".join(texts)


def _version(program, option):
    # wrk exits with 1 after it has told its version; nginx tells it on standard error.
    done = subprocess.run([str(program), option], capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().splitlines()[0]
