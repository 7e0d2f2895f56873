"""How a bug of our own is named: by type and place, for its message may quote data."""

from pathlib import Path


def place(error: BaseException) -> str:
    """Return an exception's type, and the file and line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "no place"
    return f"{type(error).__name__} at {where}"
