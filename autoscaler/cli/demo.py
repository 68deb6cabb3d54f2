"""`autoscaler demo`: the daemon with its ordinary adapters, against the embedded twin, for a minute."""

import asyncio
import contextlib
import hashlib
import re
import secrets
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import aiohttp
import click
import numpy as np
import structlog
from rich.console import Console
from rich.live import Live

from autoscaler.cli.demo_view import FEED, Event, Feed, Frame, feed_lines, print_fresh, summary
from autoscaler.cli.output import console, output_option, print_json, source_line
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import Settings
from autoscaler.twin.claims import Verdict
from autoscaler.twin.prometheus import Mode
from autoscaler.twin.scenarios import SCENARIOS, Judge
from autoscaler.twin.story import SHORTEST_S, Act, Cue, Story
from autoscaler.twin.tour import OUTAGE_S
from autoscaler.twin.world import TARGET, Tokens, Twin, served

if TYPE_CHECKING:
    from autoscaler.daemon.loop import Daemon
    from autoscaler.ports import Clock

_START_UP_S = 3.0
_FRAME_S = 0.25
_SEED = 20
_PICTURE_WIDTH = 132
_LONGEST_S = 3_600.0
_FONTS = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    Attributes:
        duration_s: length, in seconds of the demo's clock.
        speed: its seconds per second of the wall.
        port: of the dashboard.
        opens: whether a browser is opened.
        record: file for a picture of the live view; None: none.
        scenario: which story is told.
    """

    duration_s: float
    speed: float
    port: int
    opens: bool
    is_json: bool
    record: Path | None
    scenario: str = "tour"


@click.command("demo", short_help="Show the daemon at work on a simulated platform, in a minute.")
@click.option(
    "--duration", default=60.0, show_default=True, metavar="SECONDS", help="Length, on the demo's clock; 45 to 3600."
)
@click.option(
    "--speed", default=1.0, show_default=True, help="How fast the demo's clock runs; up to 4 keeps every check."
)
@click.option(
    "--scenario",
    type=click.Choice(list(SCENARIOS)),
    default="tour",
    show_default=True,
    help="; ".join(f"{name}: {kind.words}" for name, kind in SCENARIOS.items()) + ".",
)
@click.option("--no-open", is_flag=True, help="Do not open the dashboard in a browser.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65_535), help="Dashboard's port; 0: a free one."
)
@output_option
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), hidden=True, help="Save the live view as SVG."
)
def command(
    *, duration: float, speed: float, scenario: str, no_open: bool, port: int, output: str, record: Path | None
) -> None:
    """Run the daemon against an embedded platform: tenants, traffic, scale to zero, a wake, a cap, an outage.

    The daemon is the ordinary one: real sockets to a Kubernetes API, a Prometheus API, a gateway and an
    Alertmanager, all simulated in this process and on loopback only. At the end its decision records are
    asked whether everything was really seen: exit 0 if so, else 1.

    \b
    Examples:
      autoscaler demo
      autoscaler demo --scenario budgets
      autoscaler demo --duration 60 --no-open --output json
    """
    if not SHORTEST_S <= duration <= _LONGEST_S:
        raise click.BadParameter(
            f"{duration:g} is out of range; {SHORTEST_S:g} to {_LONGEST_S:.0f} is allowed", param_hint="--duration"
        )
    if not 0 < speed <= 20:
        raise click.BadParameter(f"{speed:g} is out of range; more than 0, at most 20 is allowed", param_hint="--speed")
    is_json = output == "json"
    options = Options(duration, speed, _usable_port(port), not (no_open or is_json), is_json, record, scenario)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(asyncio.run(_demo(options)))
    click.echo("Ended before its time: the records were not asked, and nothing is claimed.", err=True)
    sys.exit(1)


async def _demo(options: Options) -> int:
    from autoscaler.adapters.clock import ScaledClock

    playing = asyncio.current_task()
    if playing is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    clock = ScaledClock(options.speed)
    with tempfile.TemporaryDirectory(prefix="autoscaler-demo-") as folder:
        verdicts, witness = await _Stage(options, clock, Path(folder)).play()
    holds = all(verdict.is_seen for verdict in verdicts)
    if options.is_json:
        print_json(_document(verdicts, witness, options))
    else:
        console().print(summary(verdicts))
        click.echo(
            f"{witness.ticks} ticks, {witness.changes} changes; {'all of it was seen' if holds else 'not all was seen'}"
        )
    return 0 if holds else 1


class _Stage:
    """One run of the demo."""

    def __init__(self, options: Options, clock: "Clock", folder: Path) -> None:
        self._options = options
        self._clock = clock
        self._folder = folder
        self._gateway_token, self._operator_token, tenant_token = (secrets.token_urlsafe(24) for _ in range(3))
        kind = SCENARIOS[options.scenario]
        self._story: Story = kind.story(
            options.duration_s, _START_UP_S * options.speed, tenant_token, _sha256(tenant_token)
        )
        tokens = Tokens(admin=secrets.token_urlsafe(24), scaler=secrets.token_urlsafe(24))
        self._twin = Twin(self._story.scenario, tokens, clock, np.random.default_rng(_SEED))
        now = clock.now()
        self._began_s = now.monotonic_s + self._story.begins_s
        self._witness = kind.judge(now._replace(monotonic_s=self._began_s))
        self._feed = Feed(self._began_s)
        self._silent_since_s: float | None = None
        self._calls: list[asyncio.Task[None]] = []
        self._console = console()
        self._port = options.port
        self._is_drawn = self._console.is_terminal and not options.is_json

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def play(self) -> tuple[list[Verdict], Judge]:
        """Play the story to its end, and give what the records show of it."""
        with (self._folder / "daemon.log").open("w") as log, _logging_to(log), self._drawing() as live:
            from autoscaler.cli.wiring import wired  # half a second of imports, behind the first frame

            async with served(self._twin) as twin:
                settings = self._settings()
                starting = asyncio.create_task(self._draw(live, None))
                async with wired(settings, self._clock, sinks=(self._witness, self._feed)) as daemon:
                    starting.cancel()
                    twin.connect(self._url, self._gateway_token)
                    self._open()
                    await self._perform(daemon, live)
                    self._hang_up()
        return self._witness.verdicts(self._written()), self._witness

    def _written(self) -> list[FunctionKey]:
        """Give the strangers that are not as they were created."""
        found = {key: self._twin.deployments.get(key) for key in self._story.strangers}
        return [key for key, deployment in found.items() if deployment is None or deployment.generation != 1]

    async def _perform(self, daemon: "Daemon", live: Live | None) -> None:
        drawing = asyncio.create_task(self._draw(live, daemon))
        try:
            for cue in self._story.cues:
                await self._until(cue.at_s)
                self._act(cue)
            await self._until(self._story.duration_s)
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)

    async def _until(self, at_s: float) -> None:
        while (left_s := self._began_s + at_s - self._clock.now().monotonic_s) > 0:
            self._twin.check()
            await self._clock.sleep(min(left_s, 0.5))

    def _act(self, cue: Cue) -> None:
        self._feed.tell(Event(self._at_s(), cue.words, "bold"))
        if cue.act is Act.SILENCE:
            self._twin.prometheus.turn(Mode.SILENT)
            self._silent_since_s = self._at_s()
        elif cue.act is Act.SPEAK:
            self._twin.prometheus.turn(Mode.ANSWERS)
            self._silent_since_s = None
        elif cue.act is Act.CALL and cue.key is not None:
            self._calls.append(asyncio.create_task(self._call(f"{cue.key.name}.{cue.key.namespace}")))

    async def _call(self, function: str) -> None:
        """Call a function through the gateway, as anybody would."""
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(f"{self._twin.gateway_url}/function/{function}") as answer:
                    body = await answer.json()
            except aiohttp.ClientError as error:
                body = {"error": type(error).__name__}
        words = f"the call of {function} was answered after {body['took_s']:.1f} s" if "took_s" in body else str(body)
        self._feed.tell(Event(self._at_s(), words, "bold"))

    def _hang_up(self) -> None:
        for call in self._calls:
            call.cancel()

    async def _draw(self, live: Live | None, daemon: "Daemon | None") -> None:
        """Draw frame after frame, or print lines, until cancelled."""
        while True:
            frame = self._frame(daemon)
            if live is not None:
                live.update(frame, refresh=True)
            elif not self._options.is_json:
                print_fresh(self._console, self._feed)
            if self._options.record is not None and self._is_picturesque(frame):
                _picture(frame, self._options.record)
            await asyncio.sleep(_FRAME_S)

    def _is_picturesque(self, frame: Frame) -> bool:
        """Tell whether this is a moment to keep: the end of the outage, or of a story without one its second half."""
        if frame.silent_s is not None:
            return frame.silent_s > OUTAGE_S - 2
        has_outage = any(cue.act is Act.SILENCE for cue in self._story.cues)
        return not has_outage and 0.5 < frame.at_s / frame.duration_s < 0.7

    def _frame(self, daemon: "Daemon | None") -> Frame:
        silent_s = None if self._silent_since_s is None else self._at_s() - self._silent_since_s
        decisions, replicas = (None, None) if daemon is None else (daemon.latest(), daemon.replicas())
        events = tuple(self._feed.events)
        lines = feed_lines(self._console.height)
        sick = () if daemon is None else (one for one in daemon.health().sources if not one.is_ok)
        source = next((source_line(asdict(one)) for one in sick), "")
        return Frame(
            self._at_s(), self._story.duration_s, self._url, decisions, replicas, silent_s, events, lines, source
        )

    def _at_s(self) -> float:
        return self._clock.now().monotonic_s - self._began_s

    def _drawing(self) -> "contextlib.AbstractContextManager[Live | None]":
        if not self._is_drawn:
            return contextlib.nullcontext()
        return Live(self._frame(None), console=self._console, auto_refresh=False)

    def _open(self) -> None:
        page = f"{self._url}/#token={self._operator_token}"
        if not self._options.is_json:
            self._console.print(f"dashboard: {page}", soft_wrap=True, highlight=False)
        if self._options.opens:
            webbrowser.open(page)

    def _settings(self) -> Settings:
        """Write policies and a kubeconfig to the folder, and settings that use them."""
        policies = self._folder / "policies"
        policies.mkdir()
        for name, text in self._story.documents.items():
            (policies / name).write_text(text)
        kubeconfig = self._folder / "kubeconfig"
        kubeconfig.write_text(self._twin.kubeconfig())
        gateway = {
            "profile": "openfaas",
            "match": TARGET,
            "defaultNamespace": "openfaas-fn",
            "callers": [{"tokenSHA256": _sha256(self._gateway_token)}],
        }
        source = {"url": self._twin.prometheus_url, "scrapeInterval": "1s", "timeout": "800ms", "gateways": [gateway]}
        return Settings.model_validate(
            {
                "tick": "1s",
                **({"pools": self._story.pools} if self._story.pools else {}),
                "sources": {"main": source},
                "operators": [{"tokenSHA256": _sha256(self._operator_token)}],
                "policies": str(policies),
                "listen": f"127.0.0.1:{self._port}",
                "metrics": {"listen": "127.0.0.1:0"},
                "kubernetes": {"kubeconfig": str(kubeconfig)},
            }
        )


def _document(verdicts: Sequence[Verdict], witness: Judge, options: Options) -> dict[str, object]:
    claims = [
        {
            "claim": verdict.claim.code,
            "text": verdict.claim.text,
            "seen": verdict.is_seen,
            "at_s": round(verdict.evidence.at_s, 1) if verdict.evidence else None,
            "function": str(verdict.evidence.key) if verdict.evidence else None,
            "record": verdict.evidence.words if verdict.evidence else None,
            "against": verdict.against or None,
        }
        for verdict in verdicts
    ]
    return {
        "holds": all(verdict.is_seen for verdict in verdicts),
        "scenario": options.scenario,
        "duration_s": options.duration_s,
        "speed": options.speed,
        "ticks": witness.ticks,
        "changes": witness.changes,
        "claims": claims,
    }


def _picture(frame: Frame, path: Path) -> None:
    """Save a frame as SVG, without the web fonts that rich would have a reader fetch."""
    recording = Console(
        record=True, width=_PICTURE_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    recording.print(replace(frame, feed_lines=FEED))
    path.write_text(_FONTS.sub("", recording.export_svg(title="autoscaler demo")))


@contextlib.contextmanager
def _logging_to(file: TextIO) -> Iterator[None]:
    """Keep the daemon's log lines out of the view; afterwards they go where they went before, for the file is closed."""
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _usable_port(port: int) -> int:
    """Give the port, or a free one for 0; it is bound for a moment to see that it can be.

    Raises:
        BadParameter: something else listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            words = f"{port} cannot be listened on ({error.strerror}); a free port, or 0 for any, is allowed"
            raise click.BadParameter(words, param_hint="--port") from None
        usable: int = probe.getsockname()[1]
        return usable
