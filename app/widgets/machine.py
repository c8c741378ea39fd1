"""What a running job takes of this machine."""

from types import ModuleType

import psutil
import streamlit as st

from app.widgets.text import plain


@st.cache_resource(max_entries=256)
def _process(pid: int, started: float) -> psutil.Process:
    """Return one handle per process: CPU use is measured between two looks at the same handle."""
    return psutil.Process(pid)


def _use(root: psutil.Process) -> tuple[float, int]:
    """Return what a process and all below it use: CPU in percent of one core, memory in bytes."""
    cpu, memory = 0.0, 0
    for found in [root, *root.children(recursive=True)]:
        try:
            process = _process(found.pid, found.create_time())
            cpu += process.cpu_percent(interval=None)
            memory += process.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
    return cpu, memory


def gauges(pid: int) -> None:
    """Draw CPU and memory of a job's process tree, and the GPUs where there are any."""
    try:
        cpu, memory = _use(psutil.Process(pid))
    except psutil.Error:
        return  # it has just ended; the next look says so
    total = psutil.virtual_memory()
    cells = [
        ("CPU", f"{cpu:.0f} %", f"of {100 * (psutil.cpu_count() or 1)} %"),
        ("Memory", f"{memory / 2**30:.2f} GiB", f"machine {total.percent:.0f} % used"),
        *_gpus(),
    ]
    with st.grid(max(4, len(cells)), min_column_width=150):
        for label, value, text in cells:
            st.metric(label, value, delta=text, delta_color="off", delta_arrow="off", border=True)


def _gpus() -> list[tuple[str, str, str]]:
    """Return name, memory and use of each GPU; none without NVIDIA's library or a GPU."""
    try:
        import pynvml  # part of the extra `gpu`
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        return [
            _gpu(pynvml, pynvml.nvmlDeviceGetHandleByIndex(index), index)
            for index in range(pynvml.nvmlDeviceGetCount())
        ]
    except pynvml.NVMLError:
        return []


def _gpu(nvml: ModuleType, handle: object, index: int) -> tuple[str, str, str]:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    heat = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
    return (
        f"GPU {index} {plain(nvml.nvmlDeviceGetName(handle))}",
        f"{memory.used / 2**30:.1f} GiB",
        f"{busy} % busy, {heat} °C, of {memory.total / 2**30:.0f} GiB",
    )
