from __future__ import annotations

import inspect
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import microgradcheck as mg
from microgradcheck.gradcheck import Verdict
from microgradcheck.gradcheck.explanations import EXPLANATIONS
from tests.reports import CASES, Case, masked
