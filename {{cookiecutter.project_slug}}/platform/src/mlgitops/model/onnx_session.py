"""Opens ONNX models as all parts of the platform run them: one thread, on the processor, without telemetry."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def open_session(model: Path | bytes) -> "onnxruntime.InferenceSession":
    """Return a session of the model in a file, or in bytes; raises exceptions of the runtime, which have no base."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    content = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
