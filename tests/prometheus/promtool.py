"""Debian's promtool, and the rule files as data."""
import json
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONF = ROOT / "conf" / "prometheus"
RULE_FILES = [CONF / "rules.yml", CONF / "alerts.yml"]


def promtool(*arguments, **options):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300, **options)


def rules():
    """Every rule of both files."""
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded():
    return {rule["record"] for rule in rules() if "record" in rule}


def check_expressions(folder, expressions):
    """promtool's word on whether each expression is PromQL."""
    file = folder / "expressions.yml"
    made = [{"record": f"probe:{index}", "expr": expression} for index, expression in enumerate(expressions)]
    file.write_text(json.dumps({"groups": [{"name": "probe", "rules": made}]}), encoding="utf-8")
    return promtool("check", "rules", file)
