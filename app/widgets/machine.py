"""What a running job takes of this machine."""

from types import ModuleType

import psutil
import streamlit as st

from app.widgets.text import plain


@st.cache_resource(max_entries=64)
def _process(pid: int) -> psutil.Process:
    """Return one handle per process: CPU use is measured between two looks at the same handle."""
    return psutil.Process(pid)


def gauges(pid: int) -> None:
    """Draw CPU and memory of a job's process tree, and the GPUs where there are any."""
    try:
        root = _process(pid)
        tree = [root, *root.children(recursive=True)]
        cpu = root.cpu_percent(interval=None)
        memory = sum(process.memory_info().rss for process in tree)
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
