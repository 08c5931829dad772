"""A plot that is drawn while another session loads pandas waits for it, instead of finding half of it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, threading
import numpy, streamlit, plotly.tools, plotly.graph_objs
from pages.shared import plots
assert "pandas" not in sys.modules
threading.Thread(target=lambda: __import__("pandas")).start()
while "pandas" not in sys.modules:
    pass
plots.draw([{"type": "scatter", "x": ["a", "b"], "y": [1.0, 2.0]}], {"height": 300}, key="one", alt="two points")
print("drawn", "pandas" in sys.modules)
"""


def test_pandas_is_whole_before_plotly_looks():
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300)
    assert found.stdout.strip() == "drawn True", found.stderr[-1500:]
