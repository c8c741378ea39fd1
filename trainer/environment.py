"""What a job ran with: library versions, device, memory."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "deepspeed")
_ROOT = Path(__file__).parents[1]
VLLM_ENVIRONMENT = _ROOT / ".venv-vllm" / "bin" / "python"  # where there is one of its own
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Device:
    """Where a job computes; memory in MiB."""

    kind: str  # "cuda" or "cpu"
    name: str
    memory_mib: int


def library_versions() -> dict[str, str]:
    """Return the installed versions of Python and the libraries that decide a run's numbers."""
    versions = {"python": sys.version.split()[0]}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def gpu_count() -> int:
    """Count the NVIDIA GPUs that a job would see, without loading torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return 0
    done = subprocess.run([smi, "-L"], capture_output=True, text=True, check=False, timeout=30)
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())


def vllm_is_here() -> bool:
    """Say whether vLLM is installed, in this environment or in one of its own."""
    return VLLM_ENVIRONMENT.exists() or importlib.util.find_spec("vllm") is not None


def device() -> Device:
    """Return the device that torch computes on; loads torch."""
    import psutil
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        return Device("cuda", properties.name, properties.total_memory // _MIB)
    cores = os.cpu_count() or 1
    return Device("cpu", f"{cores} cores", psutil.virtual_memory().total // _MIB)


def memory_use() -> dict[str, float]:
    """Return this process's memory in MiB: resident, and on the GPU where torch uses one."""
    import psutil
    import torch

    used = {"memory_mib": psutil.Process().memory_info().rss / _MIB}
    if torch.cuda.is_available():
        used["gpu_memory_mib"] = torch.cuda.max_memory_reserved() / _MIB
    return used
