"""The table that `signals LIST` writes: a row a prompt, gone on with where it ended; and what it says."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from explorer.errors import ExplorerError
from explorer.findings.signals.signal_list import SIGNALS
from explorer.statistics import auc_interval, tpr_at_fpr

SETTINGS = ("model", "seeds", "first_seed", "steps", "guidance")
COLUMNS = ("list", "stratum", "prompt", *SETTINGS, *SIGNALS, "unet_evaluations", "elapsed_s")
LISTED, AGAINST = "list", "against"  # the list itself; prompts known not to be memorised


@dataclass(frozen=True)
class SignalRow:
    """One prompt's signals; `values` by name, in the catalogue's units."""

    list: str  # LISTED or AGAINST
    stratum: str
    prompt: str
    values: dict[str, float]
    unet_evaluations: int
    elapsed_s: float


class SignalTable:
    """A CSV file of rows at one setting. Writes to `path`: each row whole, synced, in one piece."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, names: Sequence[str]) -> None:
        """`settings` has the keys of SETTINGS. ExplorerError if the file holds something else."""
        self.path, self.names = path, tuple(names)
        self.settings = {k: str(settings[k]) for k in SETTINGS}
        try:
            self.rows = self._read() if path.exists() else []
            self._write_whole()
        except OSError as error:
            raise ExplorerError("findings.tables_cannot_written", path=path, strerror=error.strerror) from error
        self.done = {(row.list, row.prompt) for row in self.rows}

    def add(self, row: SignalRow) -> None:
        """Appends a row."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(_line(self._cells(row)))
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)
        self.done.add((row.list, row.prompt))

    def _read(self) -> list[SignalRow]:
        with self.path.open(encoding="utf-8", newline="", errors="replace") as file:
            cells = list(csv.reader(file))
        if cells and tuple(cells[0]) != COLUMNS:
            raise ExplorerError("findings.tables_not_signals", path=self.path)
        whole = [dict(zip(COLUMNS, row, strict=True)) for row in cells[1:] if len(row) == len(COLUMNS)]
        for row in whole:
            if any(row[k] != v for k, v in self.settings.items()) \
                    or any(bool(row[n]) != (n in self.names) for n in SIGNALS):
                raise ExplorerError("findings.tables_begun_another_model", path=self.path)
        return [_row(row) for row in whole if _number(row["elapsed_s"])]

    def _write_whole(self) -> None:
        """Heading and the rows that were read: a row that was cut off in the middle is gone."""
        draft = self.path.with_name(self.path.name + ".part")
        draft.write_text(_line(COLUMNS) + "".join(_line(self._cells(r)) for r in self.rows), "utf-8")
        os.replace(draft, self.path)

    def _cells(self, row: SignalRow) -> list[str]:
        given = {"list": row.list, "stratum": row.stratum, "prompt": row.prompt, **self.settings,
                 **{n: f"{v:.8g}" for n, v in row.values.items()},
                 "unet_evaluations": str(row.unet_evaluations), "elapsed_s": f"{row.elapsed_s:.3f}"}
        return [given.get(column, "") for column in COLUMNS]


def accuracy(rows: Sequence[SignalRow]) -> list[dict[str, Any]]:
    """How well each signal parts the list's prompts from those known not to be memorised, by stratum.

    A row a stratum and signal: prompts, against, auc with its 95% limits, tpr_at_1_fpr; "all" is every
    stratum together. Without prompts to compare with there are only medians.
    """
    against = [r for r in rows if r.list == AGAINST]
    listed = [r for r in rows if r.list == LISTED]
    strata = sorted({r.stratum for r in listed} - {""})
    found = []
    for stratum in ("all", *strata):
        inside = [r for r in listed if stratum in ("all", r.stratum)]
        for name in SIGNALS:
            values = [r.values[name] for r in inside if name in r.values]
            if values:
                entry = {"stratum": stratum, "signal": name, "prompts": len(values),
                         "median": median(values)}
                found.append(entry | _apart(values, [r.values[name] for r in against if name in r.values]))
    return found


def _apart(values: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    if not others:
        return {}
    area = auc_interval(values, others)
    return {"against": len(others), "auc": area.value, "low": area.low, "high": area.high,
            "tpr_at_1_fpr": tpr_at_fpr(values, others)}


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _row(cells: Mapping[str, str]) -> SignalRow:
    values = {n: float(cells[n]) for n in SIGNALS if cells[n]}
    return SignalRow(cells["list"], cells["stratum"], cells["prompt"], values, int(cells["unet_evaluations"]),
               float(cells["elapsed_s"]))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
