"""What is shipped: a wheel whose plugins are found, and an sdist from which everything can be made again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import balancer

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked where nothing else is."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"]))
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


def said(installed: Path, *arguments: str) -> str:
    """Run Python away from the checkout, with the unpacked wheel before all else on its path."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_product_alone(installed: Path) -> None:
    """The wheel has the package, the plugins in their place and the line for twist, and nothing that hides others'."""
    found = {str(path.relative_to(installed)) for path in installed.rglob("*.py")}
    assert {path.partition("/")[0] for path in found} == {"balancer", "twisted"}
    assert {"balancer/plugins/algorithms.py", "balancer/core/messages.py"} <= found
    assert {path for path in found if path.startswith("twisted/")} == {
        str(path.relative_to(ROOT)) for path in (ROOT / "twisted").rglob("*.py")
    }
    assert (installed / "balancer" / "py.typed").is_file()


def test_plugins_import_from_the_wheel(installed: Path) -> None:
    """The built-in plugins are imported from where the wheel put them."""
    where = said(installed, "-c", "import balancer.plugins.algorithms as found; print(found.__file__)")
    assert Path(where.strip()).is_relative_to(installed)


def test_twist_knows_the_command(installed: Path) -> None:
    """`twist --help` lists the balancer, and the balancer's own help can be asked for."""
    assert "a layer 4 and layer 7 load balancer" in said(installed, "-m", "twisted", "--help")
    assert "--config" in said(installed, "-m", "twisted", "balancer", "--help")


def test_the_wheel_tells_its_version(installed: Path) -> None:
    """The version of the distribution is that of the package, and the console script is named."""
    facts = next(installed.glob("balancer-*.dist-info"))
    assert facts.name == f"balancer-{balancer.__version__}.dist-info"
    assert "balancer = balancer.cli:main" in (facts / "entry_points.txt").read_text()


def test_the_sdist_is_whole(tmp_path: Path) -> None:
    """Tests, examples and the workshop are in the sdist, the built-in plugins where the checkout has them."""
    sdist = next(SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    expected = {"Makefile", "tests/conftest.py", "plugins/balancer/plugins/algorithms.py", "LICENSE", ".ci/run"}
    assert expected <= found
    assert not [name for name in found if name.startswith((".venv", ".git/"))]
