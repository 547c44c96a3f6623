"""What an installation with every extra is made of: its SBOM, licences held against those allowed, vulnerabilities.

``make audit`` runs it, after cyclonedx-py has written the SBOM of an environment that holds nothing else. Known
vulnerabilities are asked for on the network; how many packages there was an answer for is said.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.release.licences import ALLOWED, READ

OWN: Final = "groundhog-otel"


def licences(component: Mapping[str, Any]) -> set[str]:
    """Return what a component says its licence is: SPDX identifiers, expressions and classifiers as they come."""
    found = set()
    for one in component.get("licenses", ()):
        if "expression" in one:
            found.add(str(one["expression"]))
        else:
            found.add(str(one["license"].get("id") or one["license"].get("name") or "").split("\n")[0])
    return found - {""}


def unknown(sbom: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Return the components of which no licence is allowed, with what they say.

    One that is allowed is enough: packages tell of the same licence in several words, and of choices in an expression.
    """
    allowed = [re.compile(pattern, re.IGNORECASE) for pattern in ALLOWED]
    for component in sbom.get("components", ()):
        name = component["name"].lower().replace("_", "-")
        said = licences(component) | ({READ[name]} if name in READ else set())
        if name != OWN and not any(pattern.search(one) for one in said for pattern in allowed):
            yield f"{component['name']} {component.get('version', '')}", said


def vulnerabilities(requirements: Path) -> tuple[bool, str]:
    """Ask for known vulnerabilities of pinned requirements; return whether some are known, and what was said.

    pip-audit finds no vulnerability in a package that the index knows nothing of, so those are counted apart.
    """
    options = ["--requirement", str(requirements), "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options], capture_output=True, text=True, timeout=600, check=False
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return (
            False,
            f"Known vulnerabilities were not asked for: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}",
        )
    skipped = sum("skip_reason" in one for one in found)
    bad = [
        f"{one['name']} {one['version']}: {', '.join(v['id'] for v in one['vulns'])}"
        for one in found
        if one.get("vulns")
    ]
    told = (
        f"Known vulnerabilities: {len(found) - skipped} of {len(found)} packages were asked for, {len(bad)} have some."
    )
    if skipped:
        told += f" The package index told nothing of the other {skipped}."
    return bool(bad), "\n".join([told, *bad])


def main(sbom_file: Path, requirements: Path) -> int:
    """Print what was found, and return the exit code: 1 when something must not be handed on as it is."""
    sbom = json.loads(sbom_file.read_text("utf-8"))
    for component in sorted(sbom["components"], key=lambda one: str(one["name"]).lower()):
        print(f"{component['name']:45} {component.get('version', ''):12} {', '.join(sorted(licences(component)))}")
    bad = list(unknown(sbom))
    print(f"\n{len(sbom['components'])} packages; the SBOM is {sbom_file}")
    for name, said in bad:
        print(f"not allowed: {name} ({', '.join(said) or 'says nothing'}). Read its licence, then mend licences.py.")
    vulnerable, told = vulnerabilities(requirements)
    print(told)
    return int(bool(bad) or vulnerable)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
