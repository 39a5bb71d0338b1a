"""Prometheus's rules and the dashboards: by promtool, and against what a running stack exports."""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "faults"))  # stack_control

pytest_plugins = ["luna_stack"]
