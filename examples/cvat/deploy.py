"""
Deploys one of CVAT's functions for a maskwright project: deploy.py interactor|detector|encoder [arguments of nuctl]

Environment: MASKWRIGHT_URL (one that this machine and its containers reach), MASKWRIGHT_PROJECT, MASKWRIGHT_KEY (scope
predict), and MASKWRIGHT_VERSION where another version than the live one shall answer. Needs nuctl.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
SETTINGS = ("MASKWRIGHT_URL", "MASKWRIGHT_PROJECT", "MASKWRIGHT_KEY", "MASKWRIGHT_VERSION")


def labels():
    at, project, key = (os.environ[name] for name in SETTINGS[:3])
    version = os.environ.get("MASKWRIGHT_VERSION") or "active"
    url = f"{at.rstrip('/')}/cvat/{project}?version={version}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found = json.load(answer)["labels"]
    except urllib.error.HTTPError as refused:
        sys.exit(refused.read().decode())
    return found or sys.exit("The version that answers has no finder: a fine-tune makes one.")


def filled(kind):
    """The function's YAML with the settings, and a detector's labels. What JSON writes is YAML, too."""
    text = (HERE / f"function-{kind}.yaml").read_text()
    given = [(name, os.environ[name]) for name in SETTINGS if os.environ.get(name)]
    lines = "".join(f"    - name: {name}\n      value: {json.dumps(value)}\n" for name, value in given)
    text = text.replace("  env:\n", f"  env:\n{lines}")
    return text.replace('spec: "[]"', f"spec: {json.dumps(json.dumps(labels()))}") if kind == "detector" else text


def main(kind, *more):
    # The key stands in a file that only this user reads, and in no argument.
    with tempfile.TemporaryDirectory() as folder:
        function = Path(folder, "function.yaml")
        function.write_text(filled(kind))
        shutil.copy(HERE / "main.py", folder)
        deploy = ["nuctl", "deploy", "--project-name", "cvat", "--platform", "local"]
        subprocess.run([*deploy, "--path", folder, "--file", str(function), *more], check=True)


if len(sys.argv) < 2 or sys.argv[1] not in ("interactor", "detector", "encoder"):
    sys.exit(__doc__)
main(*sys.argv[1:])
