"""Faults of the disk at the N-th write, fsync or rename of a process, and a disk that fills up."""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from tests.benchmarks.faults_check import Losses, fill

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("write", "fsync", "rename", "full")
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static long seen, at; static int kind = -1;
__attribute__((constructor)) static void begin(void) {
  const char *k = getenv("FAULT_KIND"), *n = getenv("FAULT_AT");
  if (!k || !n) return;
  at = atol(n);
  kind = !strcmp(k, "write") ? 0 : !strcmp(k, "fsync") ? 1 : !strcmp(k, "rename") ? 2 : 3;
}
static int hit(int k) {
  if (kind != k && !(kind == 3 && k == 0)) return 0;
  long n = __sync_add_and_fetch(&seen, 1);
  if (kind == 3 ? n < at : n != at) return 0;
  errno = kind == 3 ? ENOSPC : EIO;
  return 1;
}
#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)
ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (fd > 2 && hit(0)) { int e = errno; real(fd, data, size / 2); errno = e; return -1; }
  return real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t where) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (hit(0)) { int e = errno; real(fd, data, size / 2, where); errno = e; return -1; }
  return real(fd, data, size, where);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t where) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (hit(0)) { int e = errno; real(fd, data, size / 2, where); errno = e; return -1; }
  return real(fd, data, size, where);
}
int fsync(int fd) { REAL(int, "fsync", int); return hit(1) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); return hit(1) ? -1 : real(fd); }
int rename(const char *a, const char *b) {
  REAL(int, "rename", const char *, const char *);
  return hit(2) ? -1 : real(a, b);
}
"""
CHILD = """
import sys
from pathlib import Path
from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.errors import ExplorerError
from tests.benchmarks.faults_check import commit
from tests.benchmarks.faults_io import hurt
hurt()
case = Case(Path(sys.argv[1]))
if sys.argv[3]:
    try:
        export_case(case, Path(sys.argv[3]))
    except (ExplorerError, OSError):
        pass
for seed in range(int(sys.argv[2]), int(sys.argv[2]) + 25):
    try:
        commit(case, seed)
    except (ExplorerError, OSError):
        continue
    sys.stdout.write(f"{seed}\\n")
    sys.stdout.flush()
"""


@functools.cache
def compiler() -> str:
    """A C compiler, or ""."""
    return "" if sys.platform != "linux" else shutil.which("cc") or shutil.which("gcc") or ""


@functools.cache
def shim() -> str:
    """The library that fails system calls, built once."""
    folder = Path(tempfile.mkdtemp())
    (folder / "shim.c").write_text(SHIM)
    subprocess.run([compiler(), "-shared", "-fPIC", "-O1", "-o", folder / "shim.so", folder / "shim.c",
                    "-ldl"], check=True)
    return str(folder / "shim.so")


def hurt() -> None:
    """Without the shim: fails the N-th call that the blobs make of os.write, os.fsync or os.replace."""
    if os.environ.get("LD_PRELOAD") or "FAULT_KIND" not in os.environ:
        return
    kind, at, seen = os.environ["FAULT_KIND"], int(os.environ["FAULT_AT"]), [0]
    name = {"write": "write", "fsync": "fsync", "rename": "replace", "full": "write"}[kind]
    real = getattr(os, name)

    def failing(*args):
        seen[0] += 1
        if seen[0] == at or (kind == "full" and seen[0] > at):
            raise OSError(28 if kind == "full" else 5, "injected")
        return real(*args)
    setattr(os, name, failing)


def run(count: int, folder: Path, dice: random.Random) -> Losses:
    """So many processes, each with one fault; every fourth exports as well."""
    losses, store = Losses(), CaseStore(folder)
    case = fill(store, replays=4)
    case.close()
    said = set(range(4))
    for number in range(count):
        if number and number % 10 == 0:
            case = fill(store, replays=4)
            case.close()
            said = set(range(4))
        kind, export = KINDS[number % 4], number % 16 < 4
        at = dice.randint(1, {"write": 150, "fsync": 60, "rename": 25, "full": 150}[kind])
        target = folder / f"{number}.zip" if export else None
        said |= _child(case.folder, 1000 * (number + 1), kind, at, target)
        said |= losses.judge(case.folder, said)
        if target is not None and target.exists() and verify_package(target).state != "consistent":
            losses.unopenable += 1
    return losses


def _child(case: Path, first: int, kind: str, at: int, target: Path | None) -> set[int]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "FAULT_KIND": kind,
                    "FAULT_AT": str(at)}
    if compiler():
        surroundings["LD_PRELOAD"] = shim()
    done = subprocess.run([sys.executable, "-c", CHILD, str(case), str(first), str(target or "")],
                          env=surroundings, capture_output=True, text=True, timeout=120)
    return {int(line) for line in done.stdout.split()}
