# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
"""What the interop tests share: an agent in each language, built in the build folder, and what they are told to do.

Each agent is a client under the command of its stdin. A line is a verb, a key that the answer has, and words:

    sub KEY FILTER [group=NAME] [retained] [monitor]         unsub KEY WHICH
    pub KEY TOPIC PAYLOAD HEADERS [retain] [reply=TOPIC]     burst KEY TOPIC COUNT SIZE
    req KEY TOPIC PAYLOAD HEADERS                            serve KEY FILTER group=NAME
    hello KEY NAME [overflow=P] [will=TOPIC,PAYLOAD[,retain]]
    relay KEY FILTER                                         deaf KEY FILTER (Go only)

Payloads are hex, - when empty; so are headers, or `key=value,...` with ~ for nil, !0 and !1, #int, %float, $str and @bin (both
hex). %20 is a space in keys, in what follows a =, and in what pub, sub and hello have behind KEY. A server answers with the payload
backwards and the same headers; a relay's handler asks the topic KEY with each payload that comes, and says `ok relayed ...` for each
reply; hello is another client, which connects and leaves; what comes for a deaf subscription nobody takes. Stdout has `ok KEY ...` and `failed KEY CODE`, where pub
and burst are done when a PONG has confirmed them, `msg KEY TOPIC PAYLOAD HEADERS`, and what else the client is told: up, down
UNCONFIRMED (not Go), gap FRAMES, hold ON NAME TOPIC, error CODE ABOUT.
"""

import fcntl
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "system"))
from harness import DEADLINE, Case, Process, binary, wait_until, wire  # noqa: E402, F401
import vectors  # noqa: E402, F401

WORK = pathlib.Path(binary("umbeld")).parent.parent / "interop"
GO_ENVIRONMENT = {**os.environ, "GO111MODULE": "off", "GOPATH": f"{WORK / 'go'}:/usr/share/gocode", "GOFLAGS": "",
                  "GOCACHE": str(WORK / "go/cache"), "CGO_ENABLED": "0"}


class Missing(Exception):
    """A language that is not here, and why."""


def run(what, *command, **options):
    try:
        subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **options)
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{what}: {error}\n{getattr(error, 'output', '')}") from None


def run_or_skip(what, *command, **options):
    """Where there is no network that is nobody's fault, and ctest says that nothing was tested."""
    try:
        run(what, *command, **options)
    except Missing as why:
        print(f"skipped: {why}", flush=True)
        sys.exit(77)


def python():
    probe = "import sys, msgpack; sys.exit(sys.version_info < (3, 11))"
    for interpreter in sys.executable, "/usr/bin/python3":
        if subprocess.run([interpreter, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0:
            return [interpreter, str(HERE / "python/agent.py")]
    raise Missing("no python3 of 3.11 or later that has msgpack")


def node():
    folder = WORK / "node"
    for name in "package.json", "package-lock.json", "umbel.js", "agent.js":
        if not (folder / name).exists() or not filecmp.cmp(HERE / "node" / name, folder / name, shallow=False):
            shutil.copy(HERE / "node" / name, folder / name)  # else another test may be reading it
    if not (folder / "node_modules/@msgpack/msgpack").exists():
        if not shutil.which("npm"):
            raise Missing("no npm")
        run_or_skip("npm cannot install @msgpack/msgpack; is the registry reachable?", "npm", "ci", "--no-audit", "--no-fund",
                    "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000", cwd=folder)
    run("no node of 18 or later", "node", "-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)")
    return ["node", str(folder / "agent.js")]


def go():
    package = WORK / "go/src/umbel"
    shutil.rmtree(package, ignore_errors=True)  # of an older version other files
    shutil.copytree(HERE / "go", package)
    agent = str(WORK / "go/agent")
    run("no go with vmihailenco's msgpack", "go", "build", "-o", agent, "umbel/agent", env=GO_ENVIRONMENT)
    return [agent]


def prepare(languages=(node, go, python)):
    """For C and each language the command of its agent, or why there is none."""
    commands, missing = {"c": [binary("interop/agent")]}, {}
    for language in languages:
        (WORK / language.__name__).mkdir(parents=True, exist_ok=True)
        with open(WORK / f"{language.__name__}.lock", "w", encoding="ascii") as lock:  # another test may be at it
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                commands[language.__name__] = language()
            except Missing as why:
                missing[language.__name__] = str(why)
    return commands, missing


class Agent(Process):
    """One that is told what to do."""

    def __init__(self, language, command, path, *words):
        self.language, self.n_asked = language, 0
        super().__init__([*command, f"{language}-agent", *words], name=language, stdin=subprocess.PIPE,
                         env={**os.environ, "UMBEL_SOCKET": path})

    def ask(self, verb, *words, key=None):
        """Returns the key; `done` has the answer."""
        self.n_asked += 1
        key = key or f"{verb}{self.n_asked}"
        self.process.stdin.write(" ".join(map(str, (verb, key, *words))).encode() + b"\n")
        self.process.stdin.flush()
        return key

    def found(self, *beginning):
        """The words of the lines that begin with these, without them."""
        start = " ".join(beginning) + " "
        return [line[len(start):].split() for line in self.lines if (line + " ").startswith(start)]

    def done(self, key):
        """The answer: its words, the first is "ok" or "failed"."""
        answers = []

        def look():
            answers[:] = [[how, *words] for how in ("ok", "failed") for words in self.found(how, key)]
            return answers
        wait_until(look, f"{self.name} to answer {key}", self)
        return answers[0]

    def do(self, verb, *words, key=None):
        answer = self.done(self.ask(verb, *words, key=key))
        assert answer[0] == "ok", f"{self.name}: {verb} {words}: {answer}"
        return answer[1:]

    def expect_found(self, n, *beginning):
        """Wait for `n` lines that begin like this, and return all there are."""
        wait_until(lambda: len(self.found(*beginning)) >= n, f"{self.name} to say {beginning} {n} times", self)
        return self.found(*beginning)

    def leave(self):
        """End of stdin: it closes in order."""
        self.process.stdin.close()
        status = self.wait()
        assert status == 0, f"{self.name} ended with status {status}:\n{self.text()[-3000:]}"


class InteropCase(Case):
    """One broker, and one agent in each language that is here."""

    @classmethod
    def setUpClass(cls):
        cls.commands, cls.missing = prepare()

    def agent(self, language, *words):
        """One that has been started; it says `up`."""
        if language in self.missing:
            self.fail(self.missing[language])
        agent = Agent(language, self.commands[language], self.path, *words)
        self.addCleanup(agent.kill)
        self.addCleanup(agent.process.stdin.close)
        return agent

    def agents(self, *words):
        agents = [self.agent(language, *words) for language in self.commands]
        for agent in agents:
            agent.expect_found(1, "up")
        return agents


def sort_headers(word):
    return ",".join(sorted(word.split(",")))
