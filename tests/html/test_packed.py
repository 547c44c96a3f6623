from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.html.packed import packed

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(_VALUES)
def test_what_is_packed_comes_out_again_and_is_no_markup(value: Any) -> None:
    found = re.fullmatch(
        r'<script type="application/octet-stream" id="it">([A-Za-z0-9+/=]*)</script>', packed("it", value)
    )
    assert found is not None
    assert json.loads(gzip.decompress(base64.b64decode(found[1]))) == value


def test_the_same_is_packed_the_same() -> None:
    assert packed("it", [1]) == packed("it", [1])


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed("it", float("nan"))
