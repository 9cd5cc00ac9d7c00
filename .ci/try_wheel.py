"""Check that a wheel holds the package and nothing else, and that it works outside the tree.

Usage: try_wheel.py WHEEL
"""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
PACKAGE = "modkit_redis"
SCRIPTS = len(list((TREE / PACKAGE).rglob("*.lua")))
CHECK = f"""
import sys
from importlib.metadata import version

import {PACKAGE} as package
from {PACKAGE}.cache.entries import scripts as entries
from {PACKAGE}.ratelimit import scripts as ratelimit
from {PACKAGE}.ratelimit.slots import scripts as slots
from {PACKAGE}.session.index import scripts as index
from {PACKAGE}.session.records import scripts as records

where, exported = package.__file__, package.__all__
assert where.startswith(sys.prefix), f"imported from {{where}}, not from the wheel"
for name in exported:
    getattr(package, name)
found = [each for module in (entries, index, ratelimit, records, slots) for each in vars(module).values()]
lua = [each.name for each in found if isinstance(each, type(entries.FILL)) and each.source]
assert len(lua) == {SCRIPTS}, f"the wheel has the scripts {{lua}}"
settings = {{
    "cache": {{"default_ttl": "1m"}},
    "session": {{"idle_ttl": "1m", "absolute_ttl": "1h"}},
    "ratelimit": {{"limit": "5/minute"}},
}}
module = package.RedisBundle(config={{"addr": "localhost:1", **settings}})
for each in (module.cache, module.session, module.ratelimit):
    each.store()  # in this environment without any extra
module.shutdown_resources()
print(f"{PACKAGE} {{version('modkit-redis')}} exports {{', '.join(exported)}}")
"""


def expected() -> set[str]:
    """Return the files of the package that the wheel must hold."""
    files = (path for path in (TREE / PACKAGE).rglob("*") if path.is_file())
    wanted = {path.relative_to(TREE).as_posix() for path in files if "__pycache__" not in path.parts}
    return wanted | {f"{PACKAGE}/py.typed"}


def check_contents(wheel: Path) -> None:
    """Compare the wheel with the tree."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    missing, foreign = sorted(expected() - held), sorted(held - expected())
    if missing or foreign:
        raise SystemExit(f"{wheel.name} lacks {missing} and holds {foreign}, which the package does not")


def check_use(wheel: Path) -> None:
    """Install the wheel in an environment of its own and use it from there."""
    with tempfile.TemporaryDirectory() as room:
        venv.create(Path(room, "venv"), with_pip=True)
        python = str(Path(room, "venv", "bin", "python"))
        for arguments in (
            ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", str(wheel)],
            ["-W", "error", "-c", CHECK],
            ["-m", PACKAGE, "--help"],
        ):
            if subprocess.run([python, "-I", *arguments], cwd=room, check=False).returncode:
                raise SystemExit(f"{wheel.name} does not work outside the tree")


def main() -> None:
    match sys.argv[1:]:
        case [path]:
            wheel = Path(path).resolve()
        case _:
            raise SystemExit(__doc__)
    check_contents(wheel)
    check_use(wheel)
    print(f"{wheel.name} holds the package and works")


if __name__ == "__main__":
    main()
