"""Compare a gradient with plain arithmetic, and say which entry is wrong and why."""

from __future__ import annotations

from microgradcheck.gradcheck.check import gradcheck
from microgradcheck.gradcheck.entry import Entry, OperationFault, Verdict
from microgradcheck.gradcheck.report import GradcheckError, Report

__all__ = ["Entry", "GradcheckError", "OperationFault", "Report", "Verdict", "gradcheck"]
