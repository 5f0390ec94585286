"""What figures were measured on, and of."""

import os
import platform
import subprocess

from processes import HERE


def commit():
    """The commit of the work tree, shortened; with a mark if something in it is not committed. `unknown` without git."""
    try:
        told = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"],
                              capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def described():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor(), "cores": os.cpu_count(), "system": platform.platform()}
