"""The Dockerfiles, without Docker: instructions, stages, files and packages.

    check_dockerfiles.py SOURCE_FOLDER

Packages are those that ./run knows; each RUN is read by a shell; what is copied is there.
"""
import json
import pathlib
import re
import subprocess
import sys

INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}
# Beside what ./run needs: dpkg-dev for cpack, git for the commit that --version prints.
TOOLS = {"dpkg-dev", "git"}
# ./run builds the tests, a Dockerfile does not.
NOT_NEEDED = {"catch2"}


def instructions(text):
    """(instruction, rest) of each, with continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, " ".join(rest.split())


def packages_of_run(source, system_has_turbo):
    text = (source / "run").read_text()
    names = []
    for variable in ("required", "optional"):
        value = re.search(rf'^{variable}="((?:.|\n)*?)"', text, re.MULTILINE).group(1)
        names += value.replace("\\\n", " ").split()
    known = {"$compiler": "g++", "$jpeg": "libjpeg62-turbo-dev" if system_has_turbo else "libjpeg-dev"}
    return {known.get(name, name) for name in names} - NOT_NEEDED


def problems(source, path):
    stages, last, installed = [], [], set()
    for word, rest in instructions(path.read_text()):
        last.append((word, rest))
        if word not in INSTRUCTIONS:
            yield f"unknown instruction {word}"
        elif word == "FROM":
            match = re.fullmatch(r"[\w./-]+:[\w.-]+(?: AS (\w+))?", rest)
            if not match or ":latest" in rest:
                yield f"FROM names no version: {rest}"
            stages.append(match.group(1) if match else None)
            last = []
        elif word == "RUN":
            shell = subprocess.run(["sh", "-n"], input=rest, text=True, capture_output=True)
            if shell.returncode != 0:
                yield f"sh cannot read: {rest}: {shell.stderr.strip()}"
            for words in re.findall(r"apt-get install -y --no-install-recommends ([^&]*)", rest):
                installed |= {name for name in words.split() if not name.startswith("/")}
            preset = re.search(r"--preset (\S+)", rest)
            if preset:
                presets = json.loads((source / "CMakePresets.json").read_text())["configurePresets"]
                if preset.group(1) not in [entry["name"] for entry in presets]:
                    yield f"no preset {preset.group(1)}"
        elif word == "COPY":
            stage = re.match(r"--from=(\w+) ", rest)
            if stage and stage.group(1) not in stages[:-1]:
                yield f"COPY from {stage.group(1)}, which no FROM before names"
            if not stage and not all((source / name).exists() for name in rest.split()[:-1]):
                yield f"COPY of what is not there: {rest}"
        elif word in ("ENTRYPOINT", "CMD"):
            try:
                json.loads(rest)
            except ValueError:
                yield f"{word} is not a list: {rest}"
    expected = packages_of_run(source, "FROM debian" in path.read_text()) | TOOLS
    for what, names in (("misses", expected - installed), ("has, unlike ./run,", installed - expected)):
        if names:
            yield f"{what} {' '.join(sorted(names))}"
    if not any(word == "ENTRYPOINT" for word, _ in last):
        yield "the last stage has no ENTRYPOINT"
    if not any("rm -rf" in rest and "/var/lib/apt/lists/*" in rest for _, rest in last):
        yield "the last stage keeps apt's lists"
    if not path.with_name(path.name + ".dockerignore").exists():
        yield "has no .dockerignore, so that build folders would be sent"


def main():
    source = pathlib.Path(sys.argv[1])
    paths = sorted((source / "apps/packaging/docker").glob("*.Dockerfile"))
    found = [f"{path.name}: {problem}" for path in paths for problem in problems(source, path)]
    print("\n".join(found) or f"checked {len(paths)} files")
    sys.exit(1 if found or not paths else 0)


main()
