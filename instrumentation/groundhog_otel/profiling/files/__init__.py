"""Profiles as files: written while the process runs, found by what they cover, and read however it ended."""

from __future__ import annotations

from groundhog_otel.profiling.files.finding import find_profile, find_profiles
from groundhog_otel.profiling.files.reading import read_profile
from groundhog_otel.profiling.files.writing import LIMIT_BYTES, ProfileWriter, save_profile

__all__ = ("LIMIT_BYTES", "ProfileWriter", "find_profile", "find_profiles", "read_profile", "save_profile")
