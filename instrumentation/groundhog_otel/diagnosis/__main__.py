"""``python -m groundhog_otel.diagnosis``: the findings as JSON, for ``groundhog doctor`` of another environment."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from groundhog_otel.diagnosis import examine
from groundhog_otel.settings import inherited

json.dump([asdict(finding) for finding in examine(inherited())], sys.stdout)
