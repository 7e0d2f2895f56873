"""Makes a script of a seed: dense in what a proxy that withholds and defers could get wrong."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from .courses import COURSES, FRAGMENTS, PLOTS, Fragment
from .script import LEAVING, LOOK, OBSERVER, RELEASING, Command, Login, Script, Step, query
from .vocabulary import DECORATIONS, FAMILIES, WEIGHTS

STEPS: Final = (12, 48)
VARIANT_SHARES: Final = {
    "track": 0.6,
    "eof": 0.6,
    "multi": 0.4,
    "found": 0.3,
    "interactive": 0.1,
    "attributes": 0.1,
    "optional": 0.05,
}
"""Of how many logins, by variant."""
CHARSETS: Final = (45, 45, 45, 45, 8, 33, 224, 255, 63)
"""Collations of logins: utf8mb4 three times, latin1, utf8mb3 and binary."""
DECORATED_SHARE: Final = 0.06
MUTATION_SHARE: Final = 0.12
"""Of how many statements of a fragment, one is left out, said twice, or followed by something else."""
PIPELINED_SHARE: Final = 0.12
PIECES_SHARE: Final = 0.04
STAY_SHARE: Final = 0.75
"""Of how many bursts go to the same connection as the one before."""

_VARIABLES: Final = (
    "autocommit {isolation} {access} time_zone sql_mode sql_select_limit foreign_key_checks unique_checks wait_timeout"
    " net_write_timeout lock_wait_timeout innodb_lock_wait_timeout completion_type sql_auto_is_null sql_safe_updates"
    " max_error_count sql_notes sql_warnings group_concat_max_len lc_time_names div_precision_increment"
    " auto_increment_increment default_storage_engine last_insert_id insert_id session_track_schema"
    " session_track_state_change character_set_client character_set_connection character_set_results"
    " collation_connection character_set_database collation_database"
)
_PROBES: Final = (
    f"SELECT @@{_VARIABLES.replace(' ', ', @@')}, DATABASE(), @a, @b, @zero, CHARSET('a'), COLLATION('a')",
    "SELECT * FROM mine",
    "HANDLER people READ NEXT",
)
_FINALS: Final = (
    "DO 1",
    "BEGIN",
    "UPDATE people SET n = n + 1 WHERE id={own}",
    "SELECT id, n FROM people ORDER BY id",
    "ROLLBACK",
    "UPDATE people SET n = n + 1 WHERE id={own}",
)


def make(seed: int) -> Script:
    """Return the script of a seed: always the same one."""
    return _Author(Random(seed)).script(seed)


class _Author:
    """Writes one script. Of each family it knows a few statements only, so that it says them again."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.connections = random.choices((1, 2, 3), (4, 4, 2))[0]
        self.current = 0
        self.known = {name: self._some(family) for name, family in FAMILIES.items()}
        shared = WEIGHTS["shared_write"] * (4 if self.connections == 1 else 1)
        weights = WEIGHTS | {"shared_write": shared}
        emphasized = random.sample(list(weights), 4)
        self.weights = {name: weight * (3 if name in emphasized else 1) for name, weight in weights.items()}
        self.fragments = [FRAGMENTS[name] for name in random.sample(list(FRAGMENTS), 3)]
        self.plots = random.sample(PLOTS, 4)
        self.prepared: dict[int, list[str]] = {number: [] for number in range(self.connections)}

    def _some(self, family: Sequence[str]) -> list[str]:
        """Choose a few statements of a family, the first ones rather than the last ones."""
        count = self.random.choice((1, 1, 2, 3, 4))
        skew = 3 if self.random.random() < 0.7 else 1
        return [family[int(len(family) * self.random.random() ** skew)] for _ in range(count)]

    def script(self, seed: int) -> Script:
        logins = tuple(self._login() for _ in range(self.connections))
        steps: list[Step] = []
        length = self.random.randint(*STEPS)
        while len(steps) < length:
            if self.random.random() > STAY_SHARE:
                self.current = self.random.randrange(self.connections)
            steps += self._in_steps(self._burst())
        for connection in range(self.connections):
            steps += self._ending(connection)
        # A server that closes with a command unread makes its client lose the reply before.
        if any(RELEASING.search(command.text) for step in steps for command in step.commands):
            steps = [Step(step.connection, (command,), step.pieces) for step in steps for command in step.commands]
        return Script(logins, tuple(steps), seed)

    def _login(self) -> Login:
        variants = tuple(name for name, share in VARIANT_SHARES.items() if self.random.random() < share)
        schema = "" if self.random.random() < 0.04 else "{db}"
        return Login(variants, self.random.choice(CHARSETS), schema)

    # ---- bursts: some commands that belong together ----

    def _burst(self) -> Iterator[tuple[int, Command]]:
        bursts = (
            (self._single, 30),
            (self._course, 16),
            (self._plot, 20),
            (self._framework, 24),
            (self._prepare, 7),
            (self._several_statements, 2.5),
            (self._session, 4),
            (self._leave, 1.5),
            (self._look, 3),
        )
        [burst] = self.random.choices([burst for burst, _ in bursts], [weight for _, weight in bursts])
        return burst()

    def _single(self) -> Iterator[tuple[int, Command]]:
        yield self.current, self._statement(self.current)

    def _course(self) -> Iterator[tuple[int, Command]]:
        yield from self._repeated(self.random.choice(COURSES), (1, 2, 2, 3))

    def _plot(self) -> Iterator[tuple[int, Command]]:
        yield from self._repeated(self.random.choice(self.plots), (1, 2, 3, 4))

    def _framework(self) -> Iterator[tuple[int, Command]]:
        yield from self._repeated(self.random.choice(self.fragments), (1, 2, 3, 4, 6))

    def _repeated(self, fragment: Fragment, times: Sequence[int]) -> Iterator[tuple[int, Command]]:
        """Say a fragment several times, with the same words and other mutations."""
        commands = [self._of_fragment(item) for item in fragment]
        for _ in range(self.random.choice(times)):
            for connection, command in commands:
                yield from self._mutated(connection, command)

    def _mutated(self, connection: int, command: Command) -> Iterator[tuple[int, Command]]:
        mutation = self.random.random() / MUTATION_SHARE
        if mutation < 0.3:
            return
        yield connection, command
        if mutation < 0.5:
            yield connection, command
        elif mutation < 1:
            connection = self._other() if self.random.random() < 0.3 else self.current
            yield connection, self._statement(connection)

    def _of_fragment(self, item: str | Command) -> tuple[int, Command]:
        if isinstance(item, Command):
            connection = OBSERVER if item.kind == LOOK else self.current
            return connection, Command(item.kind, self._filled(item.text, connection), item.name, item.arguments)
        connection = self._other() if item.startswith(">") else self.current
        text = item.removeprefix(">")
        if text.startswith("<"):
            return connection, self._statement(connection, text[1:-1])
        return connection, query(self._filled(text, connection))

    def _prepare(self) -> Iterator[tuple[int, Command]]:
        """Prepare one of anything and execute it, or execute what was prepared earlier."""
        known = self.prepared[self.current]
        if not known or self.random.random() < 0.6:
            name = self.random.choice("stu")
            text, arguments = self._to_prepare()
            yield self.current, Command("prepare", text, name)
            known.append(name)
        else:
            name, arguments = self.random.choice(known), ()
        for _ in range(self.random.choice((1, 1, 2, 3))):
            yield self.current, Command("execute", name=name, arguments=arguments)
            if self.random.random() < 0.4:
                yield self.current, self._statement(self.current)
        if self.random.random() < 0.3:
            yield self.current, Command(self.random.choice(("close", "reset_statement")), name=name)

    def _to_prepare(self) -> tuple[str, tuple[int | str | None, ...]]:
        if self.random.random() < 0.2:
            return self.random.choice(_WITH_PARAMETERS)
        return self._statement(self.current).text, ()

    def _several_statements(self) -> Iterator[tuple[int, Command]]:
        count = self.random.choice((2, 2, 3))
        separator = self.random.choice((";", "; ", ";\n"))
        yield self.current, query(separator.join(self._statement(self.current).text for _ in range(count)))

    def _session(self) -> Iterator[tuple[int, Command]]:
        schema = self.random.choice(("{db}", "{db}", "{db}", "{db}_b", "{db}_c", "no_such_schema", ""))
        commands = (
            (Command("ping"), 4),
            (Command("init_db", schema), 5),
            (Command("reset"), 2),
            (Command("change_user", self.random.choice(("{db}", "{db}", "{db}_b", ""))), 1),
            (Command("statistics"), 0),
        )
        [command] = self.random.choices([command for command, _ in commands], [weight for _, weight in commands])
        yield self.current, command

    def _leave(self) -> Iterator[tuple[int, Command]]:
        """Leave, perhaps in the middle of something, and look whether that was undone."""
        if self.random.random() < 0.5:
            yield self.current, self._statement(self.current, self.random.choice(("off", "begin")))
            yield self.current, self._statement(self.current, "write")
        yield self.current, Command(self.random.choice(LEAVING))
        self.prepared[self.current].clear()
        if self.random.random() < 0.5:
            yield OBSERVER, Command(LOOK)

    def _look(self) -> Iterator[tuple[int, Command]]:
        yield OBSERVER, Command(LOOK)

    # ---- statements ----

    def _statement(self, connection: int, family: str = "") -> Command:
        if not family:
            [family] = self.random.choices(list(self.weights), list(self.weights.values()))
        text = self.random.choice(self.known[family])
        if self.random.random() < DECORATED_SHARE:
            text = self.random.choice(DECORATIONS).replace("{}", text)
        return query(self._filled(text, connection))

    def _filled(self, text: str, connection: int) -> str:
        own = 10 * (connection + 1) + self.random.choice((0, 0, 0, 1))
        return text.replace("{own}", str(own)).replace("{new}", str(10 * (connection + 1) + self.random.choice((5, 6))))

    def _other(self) -> int:
        others = [number for number in range(self.connections) if number != self.current]
        return self.random.choice(others or [self.current])

    # ---- how they are sent ----

    def _in_steps(self, burst: Iterator[tuple[int, Command]]) -> Iterator[Step]:
        """Send each command by itself, or some that follow one another in one write."""
        group: list[Command] = []
        before = 0
        for connection, command in burst:
            alone = connection == OBSERVER or command.kind in LEAVING or command.kind in _NEED_THEIR_REPLY
            if group and (alone or connection != before or len(group) == 4 or self.random.random() > PIPELINED_SHARE):
                yield self._step(before, group)
                group = []
            if alone:
                yield Step(connection, (command,))
            else:
                group.append(command)
                before = connection
        if group:
            yield self._step(before, group)

    def _step(self, connection: int, commands: list[Command]) -> Step:
        pieces = self.random.choice((2, 3, 5)) if self.random.random() < PIECES_SHARE else 1
        return Step(connection, tuple(commands), pieces)

    def _ending(self, connection: int) -> Iterator[Step]:
        """Look at what can be seen of the session, and then what its next transactions do."""
        how = self.random.random()
        if how < 0.7:
            for text in _PROBES:
                yield Step(connection, (query(text),))
        if 0.4 < how < 0.9:
            for text in _FINALS:
                yield Step(connection, (query(self._filled(text, connection)),))
        if how < 0.05 or how > 0.95:
            yield Step(connection, (Command(self.random.choice(LEAVING)),))


_NEED_THEIR_REPLY: Final = ("prepare", "change_user")
"""Of commands that another cannot be sent behind: the statement's number, and who is asked for a password."""
_WITH_PARAMETERS: Final[tuple[tuple[str, tuple[int | str | None, ...]], ...]] = (
    ("SELECT n FROM people WHERE id = ?", (1,)),
    ("SELECT ?, @@autocommit", ("x",)),
    ("SET autocommit = ?", (0,)),
    ("SET autocommit = ?", (1,)),
    ("SET time_zone = ?", ("+01:00",)),
    ("SET @a = ?", (None,)),
    ("UPDATE people SET n = ? WHERE id = 10", (3,)),
    ("CALL p_autocommit(?)", (0,)),
    ("SELECT word FROM people WHERE word = ? OR id = ?", ("word 1", 2)),
)
